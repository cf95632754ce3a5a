//! A body of several parts: the first line is the boundary.

use bytes::Bytes;
use offhook_message::{Message, parse};

pub(crate) fn run(octets: &[u8]) {
    let end = octets.iter().position(|octet| *octet == b'\n');
    let (boundary, body) = octets.split_at(end.unwrap_or(0));
    let mut text = b"INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=\"".to_vec();
    text.extend_from_slice(boundary);
    text.extend_from_slice(b"\"\r\n\r\n");
    text.extend_from_slice(body);
    let Ok(Message::Request(request)) = parse(Bytes::from(text)) else {
        return;
    };
    let Some(found) = request.session_description() else {
        return;
    };
    let (whole, part) = (request.body().as_ptr_range(), found.as_ptr_range());
    assert!(whole.start < part.start && part.end <= whole.end);
    assert_eq!(request.session_description(), Some(found));
}
