use serde::{Deserialize, Deserializer, de::Error};
use toml::Value;

/// Reads a value that has more rules than its TOML type; `expected` says them to whoever broke one.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    parse(&value)
        .ok_or_else(|| D::Error::custom(format_args!("expected {expected}, found {value}")))
}
