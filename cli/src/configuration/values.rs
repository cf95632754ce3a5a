//! Settings that have more rules than their TOML types.

use std::time::Duration;

use offhook::DigestAlgorithm;
use offhook_media::PortRange;
use serde::{Deserialize, Deserializer, de::Error};
use toml::Value;

use crate::names::{self, Names};

/// Reads a value; `expected` says its rules to whoever broke one.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    parse(&value)
        .ok_or_else(|| D::Error::custom(format_args!("expected {expected}, found {value}")))
}

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
        read(deserializer, expected, |value| {
            let wait = time(value.as_str()?)?;
            (wait <= LONGEST).then_some(Self(wait))
        })
    }
}

pub(super) fn wait<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Wait::deserialize(deserializer).map(Duration::from)
}

fn time(text: &str) -> Option<Duration> {
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

/// Reads `"10000-20000"`, the first and the last port.
pub(super) fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PortRange, D::Error> {
    let expected =
        r#"the first and the last port such as "10000-20000", an even one and the next among them"#;
    read(deserializer, expected, |value| range(value.as_str()?))
}

fn range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    PortRange::new(first..=last).ok()
}

pub(super) fn listeners<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let expected = r#"one listener or more such as ["udp:0.0.0.0:5060"]"#;
    read(deserializer, expected, |value| {
        texts(value).filter(|listeners| !listeners.is_empty())
    })
}

pub(super) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let expected = r#"a list of origins such as ["https://phone.example.com"]"#;
    read(deserializer, expected, texts)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    value.as_array()?.iter().map(text).collect()
}

pub(super) fn dns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Names, D::Error> {
    read(deserializer, names::EXPECTED, |value| {
        let server = names::name_server(value.as_str()?).ok();
        server.is_some().then_some(Names { server })
    })
}

pub(super) fn bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    read(deserializer, "a number above 0", |value| {
        let bound = usize::try_from(value.as_integer()?).ok()?;
        (bound > 0).then_some(bound)
    })
}

pub(super) fn algorithms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<DigestAlgorithm>, D::Error> {
    let expected = r#"one or more of "MD5", "SHA-256" and "SHA-512-256""#;
    read(deserializer, expected, |value| {
        let algorithm = |value: &Value| {
            let mut all = DigestAlgorithm::ALL.into_iter();
            all.find(|it| value.as_str() == Some(it.as_str()))
        };
        let names = value.as_array().filter(|names| !names.is_empty())?;
        names.iter().map(algorithm).collect()
    })
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
                time(text),
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
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_is_the_longest() {
        for (text, is_read) in [("'60m'", true), ("'61m'", false), ("'3601s'", false)] {
            let value = toml::de::ValueDeserializer::parse(text).unwrap();
            assert_eq!(Wait::deserialize(value).is_ok(), is_read, "{text}");
        }
    }

    #[test]
    fn first_and_last_port() {
        for text in ["10000-20000", "4000 - 4001"] {
            assert!(range(text).is_some(), "{text}");
        }
        for text in [
            "",
            "10000",
            "-",
            "20000-10000",
            "4000-4000",
            "10000-65536",
            "a-b",
            "1-2-3",
        ] {
            assert!(range(text).is_none(), "{text}");
        }
    }
}
