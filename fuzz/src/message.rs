//! One datagram: what is read can be written and read again.

use bytes::Bytes;
use offhook_message::{Headers, Malformed, Message, Request, parse};

use crate::headers::read_all;

pub(crate) fn run(octets: &[u8]) {
    match parse(Bytes::copy_from_slice(octets)) {
        Ok(message) => check(&message),
        Err(malformed) => check_malformed(&malformed),
    }
}

/// A message is what its parts say.
pub(crate) fn check(message: &Message) {
    let again = parse(message.bytes()).expect("what was read can be read again");
    assert_eq!(lines(message.headers()), lines(again.headers()));
    assert_eq!(message.body(), again.body());

    let printed = print(message);
    let again = parse(printed.clone()).unwrap_or_else(|malformed| {
        panic!("{malformed}: {}", printed.escape_ascii());
    });
    assert_eq!(start_line(message), start_line(&again));
    assert_eq!(lines(message.headers()), lines(again.headers()));
    assert_eq!(message.body(), again.body());
    read(message);
}

pub(crate) fn check_malformed(malformed: &Malformed) {
    assert!(malformed.defect.status().as_u16() >= 400);
    if let Some(request) = &malformed.request {
        read_request(request);
    }
}

fn read(message: &Message) {
    match message {
        Message::Request(request) => read_request(request),
        Message::Response(response) => {
            read_all(response.headers());
            let _ = response.session_description();
        }
    }
}

fn read_request(request: &Request) {
    read_all(request.headers());
    let _ = request.session_description();
    if let Ok(uri) = request.uri() {
        crate::uri::check(&uri);
    }
}

/// With CRLF behind each line.
fn print(message: &Message) -> Bytes {
    let mut text = start_line(message);
    text.extend_from_slice(b"\r\n");
    for line in lines(message.headers()) {
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(message.body());
    text.into()
}

fn start_line(message: &Message) -> Vec<u8> {
    match message {
        Message::Request(request) => [
            request.method().as_str().as_bytes(),
            b" ",
            request.uri_bytes(),
            b" SIP/2.0",
        ]
        .concat(),
        Message::Response(response) => [
            format!("SIP/2.0 {} ", response.status()).as_bytes(),
            response.reason_phrase(),
        ]
        .concat(),
    }
}

fn lines(headers: &Headers) -> Vec<&[u8]> {
    headers.iter().map(|field| field.line).collect()
}
