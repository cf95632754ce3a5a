//! The contacts of a redirection.

use offhook_message::UriBuf;

/// Where a caller is sent by a redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactTarget {
    /// The address.
    pub uri: UriBuf,
    /// How much it is preferred to the others.
    pub q: Option<QValue>,
}

impl From<UriBuf> for ContactTarget {
    fn from(uri: UriBuf) -> Self {
        Self { uri, q: None }
    }
}

/// A preference between 0 and 1 in thousandths
/// ([RFC 3261 §20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QValue(u16);

impl QValue {
    /// `None` above 1000.
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        if thousandths <= 1000 {
            Some(Self(thousandths))
        } else {
            None
        }
    }
}

impl std::fmt::Display for QValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 1000 {
            return f.write_str("1.0");
        }
        let digits = format!("{:03}", self.0);
        let digits = digits.trim_end_matches('0');
        write!(f, "0.{}", if digits.is_empty() { "0" } else { digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_written_as_the_grammar_has_it() {
        for (thousandths, text) in [(0, "0.0"), (5, "0.005"), (500, "0.5"), (1000, "1.0")] {
            let q = QValue::from_thousandths(thousandths);
            assert_eq!(q.map(|q| q.to_string()).as_deref(), Some(text));
        }
        assert_eq!(QValue::from_thousandths(1001), None);
    }
}
