//! Requests written by hand.

use std::fmt::Write;

use bytes::Bytes;
use offhook_core::Transport;

use crate::network::SERVER;
use crate::packet::Packet;

/// A request to be sent: a good one, until a scenario changes it.
///
/// Nothing is checked and nothing is put right but Content-Length, and that only where the draft
/// does not set it.
///
/// ```
/// use offhook_sim::Draft;
///
/// let bytes = Draft::new("OPTIONS").branch("z9hG4bKa").cseq(7).without("Contact").bytes();
/// let text = std::str::from_utf8(&bytes).unwrap();
/// assert!(text.starts_with("OPTIONS sip:bob@198.51.100.1:5060 SIP/2.0\r\n"));
/// assert!(text.contains("CSeq: 7 OPTIONS\r\n"));
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Draft {
    method: String,
    uri: String,
    version: &'static str,
    lines: Vec<(&'static str, String)>,
    body: String,
}

impl Draft {
    /// A request outside of a dialog.
    pub fn new(method: &str) -> Self {
        let lines = vec![
            ("Via", format!("SIP/2.0/UDP {PEER};branch=z9hG4bK-{method}")),
            ("Max-Forwards", "70".to_owned()),
            ("From", "Alice <sip:alice@example.com>;tag=alice".to_owned()),
            ("To", "Bob <sip:bob@example.com>".to_owned()),
            ("Call-ID", "a84b4c76e66710".to_owned()),
            ("CSeq", format!("1 {method}")),
            ("Contact", format!("<sip:alice@{PEER}>")),
        ];
        Self {
            method: method.to_owned(),
            uri: format!("sip:bob@{SERVER}"),
            version: "SIP/2.0",
            lines,
            body: String::new(),
        }
    }

    /// An INVITE with an offer.
    pub fn invite() -> Self {
        Self::new("INVITE").body("application/sdp", OFFER)
    }

    /// Another Request-URI.
    pub fn uri(mut self, uri: &str) -> Self {
        uri.clone_into(&mut self.uri);
        self
    }

    /// Another version.
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// One header line of this name, in the place of all that were there.
    pub fn set(mut self, name: &'static str, value: &str) -> Self {
        match self.lines.iter().position(|(other, _)| *other == name) {
            Some(place) => {
                value.clone_into(&mut self.lines[place].1);
                let mut index = 0;
                self.lines.retain(|(other, _)| {
                    index += 1;
                    *other != name || index == place + 1
                });
            }
            None => self.lines.push((name, value.to_owned())),
        }
        self
    }

    /// One more header line, behind all others.
    pub fn add(mut self, name: &'static str, value: &str) -> Self {
        self.lines.push((name, value.to_owned()));
        self
    }

    /// No header line of this name.
    pub fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(other, _)| *other != name);
        self
    }

    /// Another branch in a Via that is otherwise the usual one.
    pub fn branch(self, branch: &str) -> Self {
        self.via(Transport::Udp, PEER, branch)
    }

    /// A Via from its parts.
    pub fn via(self, transport: Transport, sent_by: &str, branch: &str) -> Self {
        let transport = transport.as_str();
        self.set(
            "Via",
            &format!("SIP/2.0/{transport} {sent_by};branch={branch}"),
        )
    }

    /// Another number in `CSeq`.
    pub fn cseq(self, number: u32) -> Self {
        let value = format!("{number} {}", self.method);
        self.set("CSeq", &value)
    }

    /// Another tag in To.
    pub fn to_tag(self, tag: &str) -> Self {
        self.set("To", &format!("Bob <sip:bob@example.com>;tag={tag}"))
    }

    /// A body.
    pub fn body(mut self, content_type: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.set("Content-Type", content_type)
    }

    /// No body.
    pub fn without_body(mut self) -> Self {
        self.body.clear();
        self.without("Content-Type")
    }

    /// The CANCEL of this request ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).
    pub fn cancel(&self) -> Self {
        self.with_method("CANCEL").without("Contact")
    }

    /// The ACK to a final response other than 2xx
    /// ([RFC 3261 §17.1.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.3)).
    pub fn ack(&self, response: &Packet) -> Self {
        let to = response.header("To").unwrap_or_default();
        self.with_method("ACK").without("Contact").set("To", to)
    }

    /// A request in the dialog that a response to this one made, to the response's Contact
    /// ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)). Its number is that of this request for
    /// ACK, and else one more; its branch is a new one, where there is a branch.
    pub fn in_dialog(&self, method: &'static str, response: &Packet) -> Self {
        let to = response.header("To").unwrap_or_default();
        let target = response.header("Contact").unwrap_or(&self.uri);
        let target = target.trim_matches(['<', '>']);
        let number = self.number() + u32::from(method != "ACK");
        let via = self.line("Via").unwrap_or_default();
        let via = match via.rsplit_once("branch=") {
            Some((before, branch)) => format!("{before}branch={branch}-{method}-{number}"),
            None => via.to_owned(),
        };
        self.with_method(method)
            .uri(target)
            .set("To", to)
            .set("Via", &via)
            .cseq(number)
    }

    /// The PRACK for a reliable response to this INVITE ([RFC 3262 §7.2](https://www.rfc-editor.org/rfc/rfc3262#section-7.2)).
    ///
    /// # Panics
    ///
    /// If the response is not reliable.
    pub fn prack(&self, response: &Packet) -> Self {
        let number = response.header("RSeq").expect("it is reliable");
        let acknowledged = format!("{number} {} INVITE", self.number());
        self.in_dialog("PRACK", response).set("RAck", &acknowledged)
    }

    /// The octets.
    pub fn bytes(&self) -> Bytes {
        let mut text = String::with_capacity(512 + self.body.len());
        let Self {
            method,
            uri,
            version,
            body,
            ..
        } = self;
        let _ = write!(text, "{method} {uri} {version}\r\n");
        for (name, value) in &self.lines {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if self.line("Content-Length").is_none() {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        let _ = write!(text, "\r\n{body}");
        text.into()
    }

    /// The same with another method, without a body.
    pub(crate) fn with_method(&self, method: &str) -> Self {
        let number = self.number();
        let mut draft = self.clone().without_body();
        method.clone_into(&mut draft.method);
        draft.cseq(number)
    }

    fn line(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().find(|(other, _)| *other == name);
        line.map(|(_, value)| value.as_str())
    }

    fn number(&self) -> u32 {
        let number = self.line("CSeq").and_then(|cseq| cseq.split(' ').next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

/// The address that sends what is written by hand.
pub const PEER: &str = "203.0.113.1:5060";

/// A session description of a caller.
pub const OFFER: &str = "v=0\r\no=alice 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";

/// A session description of the server.
pub const ANSWER: &str = "v=0\r\no=bob 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 50000 RTP/AVP 0\r\n";
