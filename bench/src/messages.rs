//! The messages that a caller sends, and what every server does with them.

use std::fmt;

use bytes::Bytes;
use offhook_core::message::{HeaderError, HeaderName, MessageWriter, Request, StatusCode};

/// A message with places for the number of a call and the tag of the callee. It costs little, and takes one piece of memory
/// as a message behind a socket does.
pub(crate) struct Template {
    octets: Vec<u8>,
    numbers: Vec<usize>,
    tag: Option<usize>,
}

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        let numbers = text.match_indices(NUMBER);
        Self {
            octets: text.into(),
            numbers: numbers.map(|(at, _)| at).collect(),
            tag: text.find(TAG),
        }
    }

    /// The message of the call of that number, with that tag.
    pub(crate) fn fill(&mut self, number: usize, tag: &Tag) -> Bytes {
        let mut digits = [b'0'; NUMBER.len()];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        for at in &self.numbers {
            self.octets[*at..][..NUMBER.len()].copy_from_slice(&digits);
        }
        if let Some(at) = self.tag {
            self.octets[at..][..TAG.len()].copy_from_slice(tag);
        }
        Bytes::copy_from_slice(&self.octets)
    }
}

/// The tag of a callee.
pub type Tag = [u8; TAG.len()];

/// An INVITE of 1.1 kB as telephones send it.
pub fn invite(number: usize) -> Bytes {
    Template::new(&invite_text()).fill(number, &Tag::default())
}

pub(crate) fn invite_text() -> String {
    let head = head("INVITE", "<sip:bob@192.0.2.1>", 1);
    let further = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER\r\n\
        Supported: replaces, timer, path, outbound\r\n\
        User-Agent: Telephone 1.0 (model 42; release 7)\r\n\
        Session-Expires: 1800\r\nMin-SE: 90\r\n\
        Accept: application/sdp, application/dtmf-relay\r\n\
        Accept-Language: en\r\nPrivacy: none\r\n\
        P-Access-Network-Info: IEEE-EUI-48;eui-48-addr=00-00-5e-00-53-01\r\n\
        Allow-Events: talk, hold, conference, refer\r\n\
        P-Preferred-Identity: \"Alice\" <sip:alice@192.0.2.2>\r\n\
        Content-Type: application/sdp\r\n";
    let length = DESCRIPTION.len();
    format!("{head}{further}Content-Length: {length}\r\n\r\n{DESCRIPTION}")
}

/// Reads what every server asks of a request. Gives how much that is.
///
/// # Errors
/// One of the headers is malformed.
pub fn read_top_headers(request: &Request) -> Result<usize, HeaderError> {
    let headers = request.headers();
    let via = headers.via()?;
    let branch = via.branch().map_or(0, <[u8]>::len);
    let tags = [headers.from()?.tag(), headers.to()?.tag()];
    let tags = tags.into_iter().flatten().map(<[u8]>::len).sum::<usize>();
    let contacts = headers.contacts().flatten().count();
    let hops = headers.max_forwards()?.map_or(0, usize::from);
    let number = headers.cseq()?.number as usize;
    let uri = request.uri().map_or(0, |uri| uri.as_bytes().len());
    Ok(branch + tags + contacts + hops + number + uri + headers.call_id()?.len())
}

/// The 180 to a request, without what makes a dialog.
pub fn response(request: &Request) -> Bytes {
    let mut writer = MessageWriter::response(StatusCode::RINGING, None);
    for name in COPIED {
        writer.copy_all(request.headers(), name);
    }
    writer.finish()
}

pub(crate) fn request_text(method: &str, cseq: u32) -> String {
    let head = head(method, &format!("<sip:bob@192.0.2.1>;tag={TAG}"), cseq);
    format!("{head}Content-Length: 0\r\n\r\n")
}

/// The Call-ID of the call of that number.
pub(crate) fn call_id(number: usize) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{number:08}{CALL_ID_END}"))
}

fn head(method: &str, to: &str, cseq: u32) -> String {
    format!(
        "{method} sip:bob@192.0.2.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK-{NUMBER}-{method}\r\n\
        Max-Forwards: 70\r\n\
        From: \"Alice\" <sip:alice@192.0.2.2>;tag=tag-{NUMBER}\r\n\
        To: {to}\r\n\
        Call-ID: {NUMBER}{CALL_ID_END}\r\n\
        CSeq: {cseq} {method}\r\n\
        Contact: <sip:alice@192.0.2.2:5060;transport=udp>\r\n"
    )
}

/// What a response repeats of its request ([RFC 3261 §8.2.6.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6.2)).
const COPIED: [HeaderName; 5] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

/// The place of the number of a call in a [`Template`].
const NUMBER: &str = "########";
/// The place of the tag of the callee, which has so many digits.
const TAG: &str = "****************";
const CALL_ID_END: &str = "-7c2e4d1f9a8b@192.0.2.2";

pub(crate) const DESCRIPTION: &str = "v=0\r\n\
    o=alice 2890844526 2890844526 IN IP4 192.0.2.2\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.2\r\n\
    t=0 0\r\n\
    m=audio 49170 RTP/AVP 8 0 9 101\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n";
