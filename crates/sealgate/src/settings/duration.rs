//! Times as people write them: `500ms`, `30s`, `5m`, `1h`.

use std::time::Duration;

/// Parses a whole number and its unit.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_a_time() {
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse("5 m"), Some(Duration::from_mins(5)));
        assert_eq!(parse("1h"), Some(Duration::from_hours(1)));
    }

    #[test]
    fn a_number_without_a_unit_is_not() {
        for text in ["", "30", "s", "-1s", "1.5s", "1d", "99999999999999999999s", "99999999999999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
