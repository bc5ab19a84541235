//! The rows as Markdown, ratios first, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::measure::Row;
use crate::tally::Tally;
use crate::workload::MIB;

const NAMES: [&str; 4] = ["direct", "floor", "pass-through", "sealing"];

/// Two tables.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut out = String::from(
        "| workload | connections | floor / direct | pass-through / floor | sealing / floor | sealing / pass-through \
         | work per CPU-second, pass-through / floor | the same, sealing / floor | p50 added by sealing to pass-through |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        ratios(&mut out, row);
    }
    out.push_str(
        "\n| workload | connections | way | rate | p50 ms | p99 ms | CPU | peak RSS MiB | store requests per request |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        measured(&mut out, row);
    }
    out
}

fn ratios(out: &mut String, row: &Row) {
    let [direct, floor, passing, sealing] = &row.tallies;
    let added = (sealing.percentile(0.5) - passing.percentile(0.5)) * 1000.0;
    let _ = writeln!(
        out,
        "| {} | {} | {:.2} | {:.2} | **{:.2}** | {:.2} | {:.2} | **{:.2}** | {added:.0} µs |",
        row.workload,
        row.connections,
        floor.rate_against(direct),
        passing.rate_against(floor),
        sealing.rate_against(floor),
        sealing.rate_against(passing),
        passing.thrift_against(floor),
        sealing.thrift_against(floor),
    );
}

fn measured(out: &mut String, row: &Row) {
    for (name, tally) in NAMES.iter().zip(&row.tallies) {
        let requests = tally.store_requests_per_request().map_or("–".into(), |requests| format!("{requests:.2}"));
        let is_proxy = *name != NAMES[0];
        let cpu = if is_proxy { cpu(row, tally) } else { "–".into() };
        let rss = if is_proxy { (tally.peak_rss() / MIB).to_string() } else { "–".into() };
        let _ = writeln!(
            out,
            "| {} | {} | {name} | {} | {:.3} | {:.3} | {cpu} | {rss} | {requests} |",
            row.workload,
            row.connections,
            rate(row, tally),
            tally.percentile(0.5),
            tally.percentile(0.99),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a constant far below 2^52")]
fn rate(row: &Row, tally: &Tally) -> String {
    if row.workload.is_bulk() {
        format!("{:.0} MiB/s", tally.rate() / MIB as f64)
    } else {
        format!("{:.0} /s", tally.rate())
    }
}

fn cpu(row: &Row, tally: &Tally) -> String {
    if row.workload.is_bulk() {
        format!("{:.2} s/GiB", tally.cpu_per_gib())
    } else {
        format!("{:.3} s/1,000", tally.cpu_per_request() * 1000.0)
    }
}

/// Every number, in bytes and seconds.
pub(crate) fn json(rows: &[Row]) -> Value {
    rows.iter()
        .map(|row| {
            let ways = NAMES.iter().zip(&row.tallies).map(|(name, tally)| ((*name).to_owned(), way(row, tally)));
            let ways: serde_json::Map<String, Value> = ways.collect();
            json!({ "workload": row.workload.to_string(), "connections": row.connections, "ways": ways })
        })
        .collect()
}

fn way(row: &Row, tally: &Tally) -> Value {
    json!({
        "unit": if row.workload.is_bulk() { "bytes/s" } else { "requests/s" },
        "rates": tally.rates,
        "requests": tally.requests(),
        "p50": tally.percentile(0.5) / 1000.0,
        "p99": tally.percentile(0.99) / 1000.0,
        "cpu_per_request": tally.cpu_per_request(),
        "cpu_per_gib": tally.cpu_per_gib(),
        "peak_rss": tally.peak_rss(),
        "store_requests_per_request": tally.store_requests_per_request(),
    })
}
