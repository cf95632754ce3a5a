//! What the domain name system is asked, and what it answers.

use std::net::IpAddr;

use crate::flow::Transport;

/// One look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, without a dot at its end.
    pub name: String,
    /// What is wanted of it.
    pub kind: RecordKind,
}

/// A kind of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// [`Record::Naptr`].
    Naptr,
    /// [`Record::Srv`].
    Srv,
    /// [`Record::Address`].
    Address,
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Which transports a domain has.
    Naptr(Naptr),
    /// Which servers a transport of a domain has.
    Srv(Srv),
    /// An A or AAAA record.
    Address(IpAddr),
}

/// A NAPTR record ([RFC 3403 §4.1](https://www.rfc-editor.org/rfc/rfc3403#section-4.1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// The lowest is the only one that counts.
    pub order: u16,
    /// The lowest is the first.
    pub preference: u16,
    /// `s` where the replacement is the name of SRV records.
    pub flags: String,
    /// For example `SIP+D2U`.
    pub services: String,
    /// Empty for SIP.
    pub regexp: String,
    /// The next name.
    pub replacement: String,
}

/// An SRV record ([RFC 2782](https://www.rfc-editor.org/rfc/rfc2782)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The lowest is the first.
    pub priority: u16,
    /// How often it is the first of its priority, beside the weights of the others.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The name of the server. The root (`.`, or nothing) says that there is none.
    pub target: String,
}

impl Naptr {
    /// The transport that it leads to, where it is one of SIP
    /// ([RFC 3263 §4.1](https://www.rfc-editor.org/rfc/rfc3263#section-4.1),
    /// [RFC 7118 §9](https://www.rfc-editor.org/rfc/rfc7118#section-9)).
    pub(super) fn transport(&self) -> Option<Transport> {
        if !self.flags.eq_ignore_ascii_case("s") || !self.regexp.is_empty() {
            return None;
        }
        let service = SERVICES
            .iter()
            .find(|(name, _)| self.services.eq_ignore_ascii_case(name));
        service.map(|(_, transport)| *transport)
    }
}

const SERVICES: [(&str, Transport); 5] = [
    ("SIP+D2U", Transport::Udp),
    ("SIP+D2T", Transport::Tcp),
    ("SIPS+D2T", Transport::Tls),
    ("SIP+D2W", Transport::Ws),
    ("SIPS+D2W", Transport::Wss),
];
