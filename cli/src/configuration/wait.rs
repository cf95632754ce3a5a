use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Value;

use super::value;

/// A time such as `3s`, `500ms` or `1m`, one hour at most.
#[derive(Clone, Copy)]
pub(super) struct Wait(Duration);

impl From<Wait> for Duration {
    fn from(wait: Wait) -> Self {
        wait.0
    }
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = r#"a time from "0s" to "60m" such as "3s" or "500ms""#;
        value::read(deserializer, expected, |value: &Value| {
            let wait = parse(value.as_str()?)?;
            (wait <= LONGEST).then_some(Self(wait))
        })
    }
}

fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

const LONGEST: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_unit() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("3s", 3_000),
            ("1m", 60_000),
            ("60m", 3_600_000),
        ] {
            assert_eq!(
                parse(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "3",
            "s",
            "-3s",
            "1.5s",
            "3 s",
            "3h",
            "18446744073709551615m",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_is_the_longest() {
        for (text, is_read) in [("'60m'", true), ("'61m'", false), ("'3601s'", false)] {
            let value = toml::de::ValueDeserializer::parse(text).unwrap();
            assert_eq!(Wait::deserialize(value).is_ok(), is_read, "{text}");
        }
    }
}
