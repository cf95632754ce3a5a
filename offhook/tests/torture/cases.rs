//! The messages, from where the parser's tests have them.

use std::path::Path;

use bytes::Bytes;
use offhook::Config;
use offhook::message::{HeaderName, Message, Method, Rejection, Request, Uri, parse};

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) section: String,
    pub(crate) class: String,
    /// What the RFC wants of a user agent server.
    pub(crate) expected: String,
    pub(crate) bytes: Bytes,
}

impl Case {
    /// The message with another sent-by in its topmost Via, so that what is sent to a datagram's sender arrives there.
    pub(crate) fn sent_by(&self, address: &str) -> Vec<u8> {
        let headers = match parse(self.bytes.clone()) {
            Ok(Message::Request(request)) => request.headers().clone(),
            Ok(Message::Response(_)) => return self.bytes.to_vec(),
            Err(malformed) => match malformed.request {
                Some(request) => request.headers().clone(),
                None => return self.bytes.to_vec(),
            },
        };
        let Some(via) = headers.via_to_sent_by() else {
            return self.bytes.to_vec();
        };
        let line = headers.raw(HeaderName::Via).unwrap();
        let line_at = position(&self.bytes, line);
        // Behind the transport, which may look like the host.
        let transport_at = position(line, via.transport);
        let behind = &line[transport_at..];
        let sent_by = via.sent_by;
        let at = line_at + transport_at + position(behind, sent_by);
        let (before, after) = (&self.bytes[..at], &self.bytes[at + sent_by.len()..]);
        [before, address.as_bytes(), after].concat()
    }
}

/// The classified messages; `test.dat` of the RFC's archive is in no section of the RFC.
pub(crate) fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../message/tests/torture");
    let index = std::fs::read_to_string(directory.join("index.tsv")).unwrap();
    let cases: Vec<_> = index
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect::<Vec<_>>())
        .filter(|row| row[5] != "unclassified")
        .map(|row| Case {
            name: row[1].to_owned(),
            section: row[2].to_owned(),
            class: row[5].to_owned(),
            expected: row[6].to_owned(),
            bytes: std::fs::read(directory.join(row[0])).unwrap().into(),
        })
        .collect();
    assert_eq!(cases.len(), 61);
    cases
}

/// Why the application refuses a REGISTER or a MESSAGE: it knows no addresses but those of SIP.
pub(crate) fn refusal(request: &Request) -> Option<Rejection> {
    let to = request.headers().to().ok()?;
    (!matches!(to.uri, Uri::Sip(_))).then_some(Rejection::BAD_REQUEST)
}

/// The settings of the user agent.
pub(crate) fn config() -> Config {
    Config {
        methods: vec![Method::Register, Method::Message],
        ..Config::default()
    }
}

fn position(text: &[u8], part: &[u8]) -> usize {
    let mut windows = text.windows(part.len());
    windows.position(|window| window == part).unwrap()
}
