//! Request methods ([RFC 3261 7.1](https://www.rfc-editor.org/rfc/rfc3261#section-7.1)).

use crate::grammar::is_token;
use std::fmt;

/// A request method. Methods are case-sensitive: `invite` is not [`Method::Invite`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261
    Invite,
    /// RFC 3261
    Ack,
    /// RFC 3261
    Bye,
    /// RFC 3261
    Cancel,
    /// RFC 3261
    Options,
    /// RFC 3261
    Register,
    /// RFC 3262
    Prack,
    /// RFC 3311
    Update,
    /// RFC 6086
    Info,
    /// RFC 3428
    Message,
    /// RFC 6665
    Notify,
    /// RFC 6665
    Subscribe,
    /// RFC 3515
    Refer,
    /// RFC 3903
    Publish,
    /// Any other token, from [`Method::parse`] alone.
    #[non_exhaustive]
    Other(Box<str>),
}

impl Method {
    /// Reads a method. `None` when `token` is not a token of RFC 3261 25.1.
    pub fn parse(token: &[u8]) -> Option<Self> {
        Some(match token {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            b"REGISTER" => Self::Register,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            b"INFO" => Self::Info,
            b"MESSAGE" => Self::Message,
            b"NOTIFY" => Self::Notify,
            b"SUBSCRIBE" => Self::Subscribe,
            b"REFER" => Self::Refer,
            b"PUBLISH" => Self::Publish,
            other if is_token(other) => Self::Other(std::str::from_utf8(other).ok()?.into()),
            _ => return None,
        })
    }

    /// The method as it stands in a start line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Message => "MESSAGE",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Refer => "REFER",
            Self::Publish => "PUBLISH",
            Self::Other(token) => token,
        }
    }

    /// Whether this is one of the methods listed here by name.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters() {
        assert_eq!(Method::parse(b"INVITE"), Some(Method::Invite));
        assert_eq!(
            Method::parse(b"invite"),
            Some(Method::Other("invite".into()))
        );
    }

    #[test]
    fn only_tokens_are_methods() {
        assert_eq!(Method::parse(b""), None);
        assert_eq!(Method::parse(b"IN VITE"), None);
        assert_eq!(Method::parse("Grüß".as_bytes()), None);
        assert!(Method::parse(b"RE%47IST%45R").is_some_and(|method| !method.is_known()));
    }

    #[test]
    fn known_methods_survive_the_round_trip() {
        for name in [
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "OPTIONS",
            "REGISTER",
            "PRACK",
            "UPDATE",
            "INFO",
            "MESSAGE",
            "NOTIFY",
            "SUBSCRIBE",
            "REFER",
            "PUBLISH",
        ] {
            let method = Method::parse(name.as_bytes()).unwrap();
            assert!(method.is_known(), "{name}");
            assert_eq!(method.to_string(), name);
        }
    }
}
