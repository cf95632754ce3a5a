//! Writing responses ([RFC 3261 §8.2.6](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6)) and the way they take.

use std::net::SocketAddr;

use offhook_message::{HeaderName, MessageWriter, Request, Rport, StatusCode, Text, Via};

use crate::flow::{Flow, Value, put, put_address, put_number};
use crate::tag::Tag;

/// Where the responses to a request go ([RFC 3261 §18.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.2),
/// [RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)). On a stream the address counts only once the connection is gone.
pub(crate) fn response_flow(via: &Via<'_>, flow: Flow) -> Flow {
    let source = flow.remote;
    let port = via.port.unwrap_or(flow.transport.default_port());
    // The scope of a link-local address stays.
    let mut source_host = source;
    source_host.set_port(port);
    let remote = if flow.transport.is_websocket() {
        // RFC 7118 §5: a browser has no other address.
        source
    } else if flow.transport.is_reliable() {
        source_host
    } else if let Some(address) = via.maddr().and_then(|host| host.ip()) {
        SocketAddr::new(address, port)
    } else if via.rport() == Rport::Absent {
        source_host
    } else {
        source
    };
    Flow { remote, ..flow }
}

/// The response to `request` up to CSeq: what every response repeats of its request.
///
/// `to_tag` is written where the request's To has no tag. `source` is where the request came from.
pub(crate) fn begin(
    request: &Request,
    source: SocketAddr,
    status: StatusCode,
    reason_phrase: Option<&Text>,
    to_tag: Option<&Tag>,
) -> MessageWriter {
    let mut writer = MessageWriter::response(status, reason_phrase);
    let headers = request.headers();
    write_vias(&mut writer, request, source);
    for field in headers.all(HeaderName::From) {
        writer.copy(field);
    }
    let has_tag = headers.to_tag().is_some();
    for field in headers.all(HeaderName::To) {
        match to_tag.filter(|_| !has_tag) {
            Some(tag) => {
                writer.copy_with(field, format_args!(";tag={tag}"));
            }
            None => {
                writer.copy(field);
            }
        }
    }
    for name in [HeaderName::CallId, HeaderName::CSeq] {
        for field in headers.all(name) {
            writer.copy(field);
        }
    }
    if status == StatusCode::TRYING {
        for field in headers.all(HeaderName::Timestamp) {
            writer.copy(field);
        }
    }
    writer
}

/// All Via values. The topmost says where the request really came from
/// ([RFC 3261 §18.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.1), RFC 3581 §4).
fn write_vias(writer: &mut MessageWriter, request: &Request, source: SocketAddr) {
    let headers = request.headers();
    let mut lines = headers.all(HeaderName::Via);
    if let Some(first) = lines.next() {
        match headers.via() {
            Ok(via) if needs_received(&via, source) => {
                writer.header_bytes(HeaderName::Via, &received(&via, source));
                if let Some(rest) = rest_of_line(first.value) {
                    writer.header_bytes(HeaderName::Via, rest);
                }
            }
            _ => {
                writer.copy(first);
            }
        }
    }
    for field in lines {
        writer.copy(field);
    }
}

fn needs_received(via: &Via<'_>, source: SocketAddr) -> bool {
    via.rport() != Rport::Absent || via.received().is_some() || via.host.ip() != Some(source.ip())
}

/// A Via with `received`, and with `rport` where it was asked for. Whatever the client wrote there
/// itself is replaced.
fn received(via: &Via<'_>, source: SocketAddr) -> Value {
    let mut value = Value::new();
    put(&mut value, &[b"SIP/2.0/", via.transport, b" ", via.sent_by]);
    for (name, text) in &via.params {
        if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
            continue;
        }
        put(&mut value, &[b";", name]);
        if let Some(text) = text {
            put(&mut value, &[b"=", text.as_bytes()]);
        }
    }
    if via.rport() != Rport::Absent {
        put(&mut value, &[b";rport="]);
        put_number(&mut value, source.port());
    }
    put(&mut value, &[b";received="]);
    put_address(&mut value, source.ip());
    value
}

/// What follows the topmost value in its line.
fn rest_of_line(value: &[u8]) -> Option<&[u8]> {
    let mut is_quoted = false;
    let comma = value.iter().position(|&byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    })?;
    value.get(comma + 1..).map(<[u8]>::trim_ascii)
}
