use offhook_media::PortRange;
use serde::Deserializer;

use super::value;

/// Reads `"10000-20000"`, the first and the last port.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<PortRange, D::Error> {
    let expected = r#"the first and the last port such as "10000-20000", an even one among them"#;
    value::read(deserializer, expected, |value| parse(value.as_str()?))
}

fn parse(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    PortRange::new(first..=last).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_port() {
        for text in ["10000-20000", "4000 - 4000"] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "10000",
            "-",
            "20000-10000",
            "5-5",
            "10000-65536",
            "a-b",
            "1-2-3",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
