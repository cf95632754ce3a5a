//! Writing responses ([RFC 3261 §8.2.6](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6)) and the way they take.

use std::net::SocketAddr;

use offhook_message::{
    HeaderName, MessageWriter, Request, Rport, StatusCode, Text, ValueWriter, Via,
};

use crate::flow::{Flow, write_address, write_number};
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
    writer.copy_all(headers, HeaderName::From);
    match to_tag.filter(|_| headers.to_tag().is_none()) {
        Some(tag) => {
            for field in headers.all(HeaderName::To) {
                writer.copy_with(field, |value| {
                    value.put(b";tag=");
                    value.put(tag.as_bytes());
                });
            }
        }
        None => {
            writer.copy_all(headers, HeaderName::To);
        }
    }
    writer.copy_all(headers, HeaderName::CallId);
    writer.copy_all(headers, HeaderName::CSeq);
    if status == StatusCode::TRYING {
        writer.copy_all(headers, HeaderName::Timestamp);
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
                writer.header_with(HeaderName::Via, |value| write_received(value, &via, source));
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
fn write_received(value: &mut ValueWriter<'_>, via: &Via<'_>, source: SocketAddr) {
    value.put(b"SIP/2.0/");
    value.put(via.transport);
    value.put(b" ");
    value.put(via.sent_by);
    for (name, text) in &via.params {
        if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
            continue;
        }
        value.put(b";");
        value.put(name);
        if let Some(text) = text {
            value.put(b"=");
            value.put(text.as_bytes());
        }
    }
    // To write a header does not fail.
    if via.rport() != Rport::Absent {
        value.put(b";rport=");
        let _ = write_number(value, source.port());
    }
    value.put(b";received=");
    let _ = write_address(value, source.ip());
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
