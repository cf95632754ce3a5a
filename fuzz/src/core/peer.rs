//! What the peer says: good requests and responses, spoilt here and there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use offhook_core::message::{HeaderName, Message, Request, parse};
use offhook_core::{Channel, Flow, Transport};

use super::Run;
use crate::dice::Dice;

impl Run {
    /// A request outside of a dialog, inside one, or about one before.
    pub(super) fn request(&self, dice: &mut Dice<'_>, step: usize) -> Bytes {
        let text = match dice.below(8) {
            0..=2 => fresh(dice, step),
            3 => match dice.pick(&self.received) {
                Some((_, request)) => about(dice, request, &self.answered),
                None => fresh(dice, step),
            },
            4..=6 => match dice.pick(&self.answered) {
                Some(response) => inside(dice, response, step),
                None => fresh(dice, step),
            },
            _ => match dice.pick(&self.asked) {
                Some(request) => back(dice, request, step),
                None => fresh(dice, step),
            },
        };
        spoil(dice, text)
    }

    /// The answer to a request of the core's.
    pub(super) fn response(&self, dice: &mut Dice<'_>) -> Option<Bytes> {
        let request = dice.pick(&self.asked)?;
        let mut text = format!("SIP/2.0 {}\r\n", dice.one(STATUSES)).into_bytes();
        let tag = match dice.below(4) {
            0 => String::new(),
            1 => format!(";tag={}", dice.below(20)),
            _ => dice.one(&[";tag=a", ";tag=b"]).to_owned(),
        };
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for field in request.headers().named(name) {
                text.extend_from_slice(field.line);
                if name == "To" && !contains(field.line, b";tag=") {
                    text.extend_from_slice(tag.as_bytes());
                }
                text.extend_from_slice(b"\r\n");
            }
        }
        if !dice.is_rare(4) {
            text.extend_from_slice(b"Contact: <sip:bob@192.0.2.2:5062>\r\n");
        }
        add_lines(dice, &mut text, RESPONSE_LINES);
        end(dice, &mut text);
        Some(spoil(dice, text))
    }
}

/// A request that begins something.
fn fresh(dice: &mut Dice<'_>, step: usize) -> Vec<u8> {
    let method = dice.one(METHODS);
    let call = dice.below(4);
    let branch = dice.one(&["z9hG4bK", "z9hG4bK-", "", "z9hG4bK-other-"]);
    let uri = dice.one(URIS);
    let mut text = format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;branch={branch}{step}{}\r\n\
         From: <sip:alice@example.com>;tag=alice{call}\r\n\
         To: <sip:bob@example.com>{}\r\n\
         Call-ID: call-{call}\r\n\
         CSeq: {} {method}\r\n\
         Max-Forwards: 70\r\n",
        dice.one(&["", ";rport", ";received=192.0.2.7", ";maddr=192.0.2.8"]),
        dice.one(&["", "", "", ";tag=unknown"]),
        dice.one(&[1, 2, 1, 2_147_483_647]),
    )
    .into_bytes();
    if !dice.is_rare(8) {
        text.extend_from_slice(b"Contact: <sip:alice@192.0.2.2:5060>\r\n");
    }
    add_lines(dice, &mut text, REQUEST_LINES);
    end(dice, &mut text);
    text
}

/// A CANCEL, an ACK or a copy of a request before.
fn about(dice: &mut Dice<'_>, request: &Bytes, answered: &[Bytes]) -> Vec<u8> {
    let Ok(Message::Request(request)) = parse(request.clone()) else {
        return Vec::new();
    };
    let method = dice.one(&["CANCEL", "ACK", "PRACK", "INVITE"]);
    let to = dice.pick(answered).cloned().map(parse);
    let mut text = start(method, request.uri_bytes());
    let headers = request.headers();
    for name in ["Via", "From", "Call-ID"] {
        for field in headers.named(name) {
            text.extend_from_slice(field.line);
            text.extend_from_slice(b"\r\n");
        }
    }
    let to = to.and_then(Result::ok);
    let to = to.as_ref().map_or(headers, Message::headers);
    for field in to.all(HeaderName::To) {
        text.extend_from_slice(field.line);
        text.extend_from_slice(b"\r\n");
    }
    let number = headers.cseq().map_or(1, |cseq| cseq.number);
    text.extend_from_slice(format!("CSeq: {number} {method}\r\n").as_bytes());
    end(dice, &mut text);
    text
}

/// A request in the dialog that a response of the core's has made.
fn inside(dice: &mut Dice<'_>, response: &Bytes, step: usize) -> Vec<u8> {
    let Ok(message) = parse(response.clone()) else {
        return Vec::new();
    };
    let headers = message.headers();
    let method = dice.one(METHODS);
    let target = headers.contacts().flatten().next();
    let target = target.as_ref().and_then(|it| it.address());
    let uri = target.map_or(&b"sip:bob@192.0.2.1"[..], |it| it.uri_bytes());
    let mut text = start(method, uri);
    text.extend_from_slice(via(step).as_bytes());
    for name in ["From", "To", "Call-ID"] {
        for field in headers.named(name) {
            text.extend_from_slice(field.line);
            text.extend_from_slice(b"\r\n");
        }
    }
    let number = headers.cseq().map_or(1, |cseq| cseq.number);
    let number = number.wrapping_add(dice.one(&[1, 0, 2, 100]));
    text.extend_from_slice(format!("CSeq: {number} {method}\r\n").as_bytes());
    if method == "PRACK" {
        let rseq = headers.rseq().ok().flatten().unwrap_or(1);
        let cseq = headers.cseq().map_or(1, |cseq| cseq.number);
        text.extend_from_slice(format!("RAck: {rseq} {cseq} INVITE\r\n").as_bytes());
    }
    if !dice.is_rare(4) {
        text.extend_from_slice(b"Contact: <sip:alice@192.0.2.2:5061>\r\n");
    }
    add_lines(dice, &mut text, REQUEST_LINES);
    end(dice, &mut text);
    text
}

/// A request in the dialog of a request of the core's.
fn back(dice: &mut Dice<'_>, request: &Request, step: usize) -> Vec<u8> {
    let headers = request.headers();
    let method = dice.one(METHODS);
    let mut text = start(method, b"sip:bob@192.0.2.1");
    text.extend_from_slice(via(step).as_bytes());
    let mut swapped = |name: &str, from: HeaderName, tag: &str| {
        let value = headers.raw(from).unwrap_or_default();
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(value);
        if !contains(value, b";tag=") {
            text.extend_from_slice(tag.as_bytes());
        }
        text.extend_from_slice(b"\r\n");
    };
    swapped("From: ", HeaderName::To, dice.one(&[";tag=a", ";tag=b"]));
    swapped("To: ", HeaderName::From, "");
    swapped("Call-ID: ", HeaderName::CallId, ";tag=");
    let number = dice.one(&[1, 2, 3, 1000]);
    text.extend_from_slice(format!("CSeq: {number} {method}\r\n").as_bytes());
    text.extend_from_slice(b"Contact: <sip:bob@192.0.2.2:5062>\r\n");
    add_lines(dice, &mut text, REQUEST_LINES);
    end(dice, &mut text);
    text
}

fn start(method: &str, uri: &[u8]) -> Vec<u8> {
    [method.as_bytes(), b" ", uri, b" SIP/2.0\r\n"].concat()
}

fn via(step: usize) -> String {
    format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-in-{step}\r\n")
}

fn add_lines(dice: &mut Dice<'_>, text: &mut Vec<u8>, lines: &[&str]) {
    for _ in 0..dice.below(3) {
        text.extend_from_slice(dice.one(lines).as_bytes());
        text.extend_from_slice(b"\r\n");
    }
}

/// The end of the head, and a body.
fn end(dice: &mut Dice<'_>, text: &mut Vec<u8>) {
    let (content_type, body) = dice.one(BODIES);
    if !content_type.is_empty() {
        text.extend_from_slice(format!("Content-Type: {content_type}\r\n").as_bytes());
    }
    let length = body.len();
    text.extend_from_slice(format!("Content-Length: {length}\r\n\r\n{body}").as_bytes());
}

/// Most are left as they are.
fn spoil(dice: &mut Dice<'_>, text: Vec<u8>) -> Bytes {
    let mut text = text;
    if dice.is_rare(6) && !text.is_empty() {
        let at = (dice.below(256) * 256 + dice.below(256)) % text.len();
        match dice.below(3) {
            0 => text[at] = dice.octet(),
            1 => drop(text.splice(at..at, dice.octets().iter().copied())),
            _ => drop(text.drain(at..text.len().min(at + dice.below(40)))),
        }
    }
    text.into()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

pub(crate) fn flow(transport: Transport) -> Flow {
    let address = |host| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), 5060);
    Flow {
        transport,
        channel: Channel(1),
        local: address(1),
        remote: address(2),
    }
}

const METHODS: &[&str] = &[
    "INVITE",
    "BYE",
    "OPTIONS",
    "UPDATE",
    "PRACK",
    "INFO",
    "MESSAGE",
    "REGISTER",
    "CANCEL",
    "ACK",
    "DANCE",
    "SUBSCRIBE",
    "REFER",
    "NOTIFY",
    "INVITE",
    "INVITE",
];

const URIS: &[&str] = &[
    "sip:bob@192.0.2.1",
    "sips:bob@192.0.2.1",
    "tel:+15551234",
    "sip:bob@192.0.2.1;lr;transport=tcp",
    "nobody:knows",
    "sip:192.0.2.1",
];

const REQUEST_LINES: &[&str] = &[
    "Supported: 100rel, timer, replaces",
    "Require: 100rel",
    "Require: timer",
    "Require: unknown",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 1800;refresher=uas",
    "Session-Expires: 10",
    "Min-SE: 200",
    "Expires: 1",
    "Expires: 0",
    "Record-Route: <sip:proxy.example.com;lr>, <sip:192.0.2.9>",
    "Route: <sip:192.0.2.1;lr>",
    "RAck: 1 1 INVITE",
    "Allow: INVITE, ACK, BYE, UPDATE, PRACK",
    "Accept: application/sdp",
    "Accept: text/plain",
    "Content-Disposition: render;handling=optional",
    "Content-Encoding: gzip",
    "Info-Package: foo",
    "Via: SIP/2.0/TCP 192.0.2.77;branch=z9hG4bKabc",
    "Reason: SIP;cause=200",
    "Replaces: call-0;to-tag=alice0;from-tag=x",
    "Refer-To: <sip:carol@example.com>",
    "Event: refer",
    "Subscription-State: active",
    "Event: presence\r\nSubscription-State: active;expires=60",
    "Event: presence\r\nSubscription-State: terminated;reason=deactivated",
    "Event: refer\r\nSubscription-State: active\r\nContent-Type: message/sipfrag",
    "Refer-Sub: false\r\nRefer-To: <sip:carol@example.com>",
    "Call-ID: another",
    "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:d\", response=\"e\"",
];

const STATUSES: &[&str] = &[
    "200 OK",
    "180 Ringing",
    "183 Session Progress",
    "100 Trying",
    "486 Busy Here",
    "401 Unauthorized",
    "407 Proxy Authentication Required",
    "302 Moved Temporarily",
    "481 Gone",
    "491 Request Pending",
    "408 Request Timeout",
    "422 Session Interval Too Small",
    "423 Interval Too Brief",
    "199 Early Dialog Terminated",
    "503 Service Unavailable",
    "500 Server Internal Error",
    "202 Accepted",
    "699 Other",
    "204 No Notification",
    "412 Conditional Request Failed",
    "489 Bad Event",
];

const RESPONSE_LINES: &[&str] = &[
    "Require: 100rel\r\nRSeq: 1",
    "Require: 100rel\r\nRSeq: 2",
    "RSeq: 4294967295\r\nRequire: 100rel",
    "Session-Expires: 90;refresher=uac\r\nRequire: timer",
    "Session-Expires: 1800;refresher=uas",
    "Min-SE: 100",
    "Min-SE: 4294967295",
    "Min-Expires: 4000",
    "Expires: 60",
    "Contact: <sip:alice@192.0.2.1>;expires=30",
    "Contact: <sip:carol@192.0.2.3>;q=0.5, <sip:dave@192.0.2.4>",
    "Record-Route: <sip:proxy.example.com;lr>",
    "Record-Route: <sip:192.0.2.9>",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"c\", qop=\"auth,auth-int\", algorithm=SHA-256",
    "Proxy-Authenticate: Digest realm=\"p\", nonce=\"b\", stale=true",
    "Retry-After: 5",
    "SIP-ETag: etag",
    "Service-Route: <sip:orig.example.com;lr>",
    "Supported: timer, 100rel",
    "Allow: UPDATE",
    "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKabc",
];

const BODIES: &[(&str, &str)] = &[
    ("", ""),
    (
        "application/sdp",
        "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    ),
    ("text/plain", "hello"),
    (
        "multipart/mixed;boundary=b",
        "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n",
    ),
    ("", "no type"),
];
