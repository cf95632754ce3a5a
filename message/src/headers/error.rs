use crate::headers::HeaderName;
use std::fmt;

/// A header that could not be read: which one and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError {
    /// The header that was asked for.
    pub header: HeaderName,
    /// What kind of trouble it is.
    pub kind: HeaderErrorKind,
    /// What is wrong with the value, for people. Empty unless the header is malformed.
    pub reason: &'static str,
}

/// The ways in which a header can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderErrorKind {
    /// A mandatory header is not there.
    Missing,
    /// A header that may stand only once is there twice or more.
    Duplicate,
    /// The value breaks the grammar or a limit.
    Malformed,
}

impl HeaderError {
    pub(crate) const fn missing(header: HeaderName) -> Self {
        Self {
            header,
            kind: HeaderErrorKind::Missing,
            reason: "",
        }
    }

    pub(crate) const fn duplicate(header: HeaderName) -> Self {
        Self {
            header,
            kind: HeaderErrorKind::Duplicate,
            reason: "",
        }
    }

    pub(crate) const fn malformed(header: HeaderName, reason: &'static str) -> Self {
        Self {
            header,
            kind: HeaderErrorKind::Malformed,
            reason,
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header;
        match self.kind {
            HeaderErrorKind::Missing => write!(formatter, "the {header} header is missing"),
            HeaderErrorKind::Duplicate => {
                write!(formatter, "there is more than one {header} header")
            }
            HeaderErrorKind::Malformed => write!(
                formatter,
                "the {header} header is malformed: {}",
                self.reason
            ),
        }
    }
}

impl std::error::Error for HeaderError {}
