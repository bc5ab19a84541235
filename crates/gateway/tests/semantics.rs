//! The table of operations in SEMANTICS.md is the one in the code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::fmt::Write as _;
use std::path::Path;

use gateway::{ROWS, Verdict};

const BEGIN: &str = "<!-- operations:begin -->\n";
const END: &str = "<!-- operations:end -->";

fn table() -> String {
    let mut table = String::from("| Operation | Request | What becomes of it |\n|---|---|---|\n");
    let mut rows: Vec<_> = ROWS.iter().collect();
    rows.sort_by_key(|row| row.name);
    for row in rows {
        let path = match row.level {
            gateway::Level::Service => "/",
            gateway::Level::Bucket => "/bucket",
            gateway::Level::Object => "/bucket/key",
        };
        let query = if row.selectors.is_empty() { String::new() } else { format!("?{}", row.selectors.join("&")) };
        let header = if row.header.is_empty() { String::new() } else { format!(" with `{}`", row.header) };
        let verdict = match row.verdict {
            Verdict::Served => "served".to_owned(),
            Verdict::Passed => "passed to the store".to_owned(),
            Verdict::Refused(reason) => format!("refused: {reason}"),
        };
        writeln!(table, "| {} | `{} {path}{query}`{header} | {verdict} |", row.name, row.method).unwrap();
    }
    table
}

/// Set `SEALGATE_UPDATE_DOCS` to write the table in place of comparing it.
#[test]
fn the_table_in_the_document_is_the_one_in_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SEMANTICS.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SEALGATE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "run this test with SEALGATE_UPDATE_DOCS=1");
}
