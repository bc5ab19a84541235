//! What is different between two states of the settings, in words for the log. Knows no secret, and shows none.

use std::collections::BTreeMap;

use gateway::{Client, Permission};
use time::format_description::well_known::Rfc3339;

use super::State;
use crate::settings::{KeySettings, Settings, TlsSettings};

/// What took effect: each setting by its name, with what is new (`+`), gone (`-`) or another one (`~`) by id.
pub(super) fn exchanged(before: &State, now: &State) -> Vec<String> {
    let (old, new) = (&before.settings, &now.settings);
    let mut words = Vec::new();
    words.extend(named("keys", &keys(before), &keys(now)));
    if before.primary() != now.primary() {
        words.extend(now.primary().map(|primary| format!("keyring.primary {primary}")));
    }
    words.extend(named("clients", &clients(before), &clients(now)));
    let rules = |settings: &Settings| -> Vec<String> {
        settings.rules.iter().map(|rule| format!("{}/{}", rule.bucket, rule.prefix)).collect()
    };
    let (old_rules, new_rules) = (rules(old), rules(new));
    words.extend(named("rules", &zip(&old_rules, &old.rules), &zip(&new_rules, &new.rules)));
    let others = [
        ("cors", old.cors != new.cors),
        ("domains", old.domains != new.domains),
        ("reload.watch", old.watch != new.watch),
    ];
    words.extend(others.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
    words.extend(certificate(before, now));
    words
}

/// Things by their names.
type Named<'a, V> = BTreeMap<&'a str, V>;

fn zip<'a, V>(names: &'a [String], values: &'a [V]) -> Named<'a, &'a V> {
    names.iter().map(String::as_str).zip(values).collect()
}

fn keys(state: &State) -> Named<'_, &KeySettings> {
    state.settings.keys.iter().chain(&state.found.keys).map(|key| (key.id.as_str(), key)).collect()
}

/// All that a client is: its secret is compared where it lies.
fn clients(state: &State) -> Named<'_, (&str, &[String], Permission)> {
    let mut clients = Named::new();
    for Client { access_key, secret, buckets, permission } in &state.serving.clients {
        clients.insert(access_key.as_str(), (secret.expose(), buckets.as_slice(), *permission));
    }
    clients
}

/// The names under which something else stands now.
fn named<V: PartialEq>(what: &str, before: &Named<'_, V>, now: &Named<'_, V>) -> Option<String> {
    let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("-{name}"));
    let there = now.iter().filter_map(|(name, value)| match before.get(name) {
        None => Some(format!("+{name}")),
        Some(former) if former != value => Some(format!("~{name}")),
        Some(_) => None,
    });
    let names: Vec<String> = there.chain(gone).collect();
    (!names.is_empty()).then(|| format!("{what} {}", names.join(" ")))
}

fn certificate(before: &State, now: &State) -> Option<String> {
    let shown = now.serving.certificate.as_ref()?;
    if before.serving.certificate.as_ref().is_some_and(|former| former.shows_the_same(shown)) {
        return None;
    }
    let until = shown.expires().and_then(|time| time.format(&Rfc3339).ok());
    Some(until.map_or("certificate".to_owned(), |until| format!("certificate (until {until})")))
}

/// What is written differently from how this process was started, and does not change while it runs.
pub(super) fn fixed(started: &Settings, now: &Settings) -> Vec<&'static str> {
    let listening = |tls: &Option<TlsSettings>| tls.as_ref().map(|tls| tls.listen.clone());
    let differs = [
        ("listen", started.listen != now.listen),
        ("tls.listen", listening(&started.tls) != listening(&now.tls)),
        ("admin", started.admin != now.admin),
        ("data", started.data != now.data),
        ("region", started.region != now.region),
        ("store", started.store != now.store),
        ("store.uploads", started.uploads != now.uploads),
        ("store.equal_parts", started.equal_parts != now.equal_parts),
        ("log", started.log != now.log),
        ("limits", started.limits != now.limits),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_gone_or_different_is_named() {
        let before = Named::from([("a", 1), ("b", 1), ("c", 1)]);
        let now = Named::from([("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(named("keys", &before, &now), Some("keys ~b +d -c".to_owned()));
        assert_eq!(named("keys", &before, &before), None);
    }
}
