//! Headers with a type: what is read, printed from its parts and read again, is the same.

use offhook_message::{Contact, Headers, Message, NameAddr, Params, parse};

use crate::dice::Dice;

/// Pairs of a name and a value.
pub(crate) fn run(octets: &[u8]) {
    let mut dice = Dice::new(octets);
    let mut lines = Vec::new();
    while !dice.is_used_up() && lines.len() < MOST_LINES {
        let name = dice.one(NAMES);
        lines.push([name.as_bytes(), b": ", dice.octets()].concat());
    }
    if let Some(headers) = headers_of(&lines) {
        read_all(&headers);
    }
}

/// Reads all that has a type, and reads it again from what it prints.
pub(crate) fn read_all(headers: &Headers) {
    let printed = print(headers);
    let Some(again) = headers_of(&printed) else {
        panic!("no message: {}", printed.concat().escape_ascii());
    };
    let again = print(&again);
    assert_eq!(show(&printed), show(&again));
    read_unprinted(headers);
}

fn headers_of(lines: &[Vec<u8>]) -> Option<Headers> {
    let mut text = b"OPTIONS sip:a SIP/2.0\r\n".to_vec();
    for line in lines {
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    match parse(text.into()) {
        Ok(Message::Request(request)) => Some(request.headers().clone()),
        _ => None,
    }
}

/// A line for each value that could be read.
fn print(headers: &Headers) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    if let Ok(call_id) = headers.call_id() {
        lines.add("Call-ID", &[call_id]);
    }
    if let Ok(cseq) = headers.cseq() {
        lines.add_text("CSeq", &format!("{} {}", cseq.number, cseq.method));
    }
    if let Ok(rack) = headers.rack() {
        let text = format!("{} {} {}", rack.rseq, rack.cseq, rack.method);
        lines.add_text("RAck", &text);
    }
    for (name, address) in [("From", headers.from()), ("To", headers.to())] {
        if let Ok(address) = address {
            lines.add(name, &[&name_addr(&address)]);
        }
    }
    for via in headers.vias().flatten() {
        let params = params(&via.params);
        let parts = [b"SIP/2.0/", via.transport, b" ", via.sent_by, &params];
        lines.add("Via", &parts);
    }
    for contact in headers.contacts().flatten() {
        match contact {
            Contact::Star => lines.add("Contact", &[b"*"]),
            Contact::Address(address) => lines.add("Contact", &[&name_addr(&address)]),
        }
    }
    for (name, addresses) in [
        ("Route", headers.routes().flatten().collect::<Vec<_>>()),
        ("Record-Route", headers.record_routes().flatten().collect()),
    ] {
        for address in addresses {
            lines.add(name, &[&name_addr(&address)]);
        }
    }
    print_numbers(headers, &mut lines);
    print_lists(headers, &mut lines);
    lines.0
}

fn print_numbers(headers: &Headers, lines: &mut Lines) {
    for (name, number) in [
        (
            "Max-Forwards",
            headers.max_forwards().map(|it| it.map(u64::from)),
        ),
        ("Expires", headers.expires().map(|it| it.map(u64::from))),
        ("RSeq", headers.rseq().map(|it| it.map(u64::from))),
        ("Min-SE", headers.min_se().map(|it| it.map(u64::from))),
        (
            "Min-Expires",
            headers.min_expires().map(|it| it.map(u64::from)),
        ),
    ] {
        if let Ok(Some(number)) = number {
            lines.add_text(name, &number.to_string());
        }
    }
    if let Ok(Some(date)) = headers.date() {
        lines.add_text(
            "Date",
            &format!(
                "Mon, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                date.day,
                MONTHS[usize::from(date.month) - 1],
                date.year,
                date.hour,
                date.minute,
                date.second
            ),
        );
    }
    if let Ok(Some(timestamp)) = headers.timestamp() {
        let delay = timestamp.delay.unwrap_or_default();
        lines.add("Timestamp", &[timestamp.time, b" ", delay]);
    }
    if let Ok(Some(retry_after)) = headers.retry_after() {
        let mut text = retry_after.seconds.to_string().into_bytes();
        if let Some(comment) = retry_after.comment {
            text = [&text, &b"("[..], comment, b")"].concat();
        }
        if let Some(duration) = retry_after.duration {
            text.extend_from_slice(format!(";duration={duration}").as_bytes());
        }
        lines.add("Retry-After", &[&text]);
    }
    if let Ok(Some(expires)) = headers.session_expires() {
        let refresher = match expires.refresher {
            None => "",
            Some(offhook_message::Refresher::Uac) => ";refresher=uac",
            Some(offhook_message::Refresher::Uas) => ";refresher=uas",
        };
        lines.add_text(
            "Session-Expires",
            &format!("{}{refresher}", expires.seconds),
        );
    }
}

fn print_lists(headers: &Headers, lines: &mut Lines) {
    if let Ok(Some(it)) = headers.content_type() {
        lines.add(
            "Content-Type",
            &[it.kind, b"/", it.subtype, &params(&it.params)],
        );
    }
    if let Ok(Some(it)) = headers.content_disposition() {
        lines.add("Content-Disposition", &[it.kind, &params(&it.params)]);
    }
    for it in headers.accept().flatten() {
        lines.add("Accept", &[it.kind, b"/", it.subtype, &params(&it.params)]);
    }
    for reason in headers.reasons().flatten() {
        lines.add("Reason", &[reason.protocol, &params(&reason.params)]);
    }
    for (name, tokens) in [
        ("Require", headers.require().flatten().collect::<Vec<_>>()),
        ("Supported", headers.supported().flatten().collect()),
        ("Unsupported", headers.unsupported().flatten().collect()),
        ("Proxy-Require", headers.proxy_require().flatten().collect()),
        ("Allow", headers.allow().flatten().collect()),
        (
            "Content-Encoding",
            headers.content_encodings().flatten().collect(),
        ),
        (
            "Content-Language",
            headers.content_languages().flatten().collect(),
        ),
    ] {
        for token in tokens {
            lines.add(name, &[token]);
        }
    }
}

/// What cannot be printed from its parts, or is a part of what was printed.
fn read_unprinted(headers: &Headers) {
    let _ = headers.content_length();
    for field in headers.iter() {
        assert!(field.line.len() > field.raw_name().len());
        assert!(!format!("{field:?}").contains('\n'));
    }
    // What is read alone, because that is cheaper.
    if let Ok(to) = headers.to() {
        assert_eq!(headers.to_tag(), to.tag());
    }
    if let Ok(from) = headers.from() {
        assert_eq!(headers.from_tag(), from.tag());
    }
    for address in [headers.from(), headers.to()].into_iter().flatten() {
        let _ = (address.tag(), address.display_name.map(|it| it.to_string()));
        crate::uri::check(&address.uri);
    }
    for via in headers.vias().flatten() {
        assert!(!via.sent_by.is_empty());
        let _ = (
            via.branch(),
            via.received(),
            via.rport(),
            via.maddr(),
            via.ttl(),
        );
    }
    assert!(headers.via().is_err() || headers.via_to_sent_by().is_some());
    for contact in headers.contacts().flatten() {
        assert!(contact.q().is_none_or(|q| q <= 1000));
        let _ = contact.expires();
    }
    for accepted in headers.accept().flatten() {
        assert!(accepted.q() <= 1000);
    }
}

fn name_addr(address: &NameAddr<'_>) -> Vec<u8> {
    let name = address.display_name.map_or(&b""[..], |it| it.as_bytes());
    [
        name,
        b" <",
        address.uri_bytes(),
        b">",
        &params(&address.params),
    ]
    .concat()
}

fn params(params: &Params<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in params {
        text.push(b';');
        text.extend_from_slice(name);
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
    }
    text
}

fn show(lines: &[Vec<u8>]) -> Vec<String> {
    let lines = lines.iter();
    lines.map(|line| line.escape_ascii().to_string()).collect()
}

#[derive(Default)]
struct Lines(Vec<Vec<u8>>);

impl Lines {
    fn add(&mut self, name: &str, value: &[&[u8]]) {
        let line = [name.as_bytes(), b": ", &value.concat()].concat();
        if self.0.len() < MOST_FIELDS {
            self.0.push(line);
        }
    }

    fn add_text(&mut self, name: &str, value: &str) {
        self.add(name, &[value.as_bytes()]);
    }
}

const MOST_LINES: usize = 16;
/// No message is taken with more.
const MOST_FIELDS: usize = 256;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// The order is that of the corpus: new names go behind.
const NAMES: &[&str] = &[
    "Via",
    "From",
    "To",
    "Contact",
    "Route",
    "Record-Route",
    "Call-ID",
    "CSeq",
    "RAck",
    "RSeq",
    "Max-Forwards",
    "Expires",
    "Min-SE",
    "Session-Expires",
    "Retry-After",
    "Date",
    "Timestamp",
    "Content-Type",
    "Content-Disposition",
    "Content-Length",
    "Accept",
    "Reason",
    "Require",
    "Supported",
    "Allow",
    "Unsupported",
    "Proxy-Require",
    "Content-Encoding",
    "Content-Language",
    "Min-Expires",
];
