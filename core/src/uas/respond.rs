//! Writing responses ([RFC 3261 §8.2.6](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6)) and the way they take.

use std::net::SocketAddr;

use offhook_message::{
    HeaderField, HeaderName, Headers, MessageWriter, Request, Rport, StatusCode, Text, ValueWriter,
    Via,
};

use crate::flow::Flow;
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
    let is_repeated = |name| match name {
        HeaderName::Via
        | HeaderName::From
        | HeaderName::To
        | HeaderName::CallId
        | HeaderName::CSeq => true,
        HeaderName::Timestamp => status == StatusCode::TRYING,
        _ => false,
    };
    let to_tag = to_tag.filter(|_| headers.to_tag().is_none());
    let mut is_topmost = true;
    for field in headers.select(is_repeated) {
        match (field.name, to_tag) {
            (HeaderName::Via, _) if std::mem::take(&mut is_topmost) => {
                write_topmost_via(&mut writer, field, headers, source);
            }
            (HeaderName::To, Some(tag)) => {
                writer.copy_with(field, |value| {
                    value.put(b";tag=");
                    value.put(tag.as_bytes());
                });
            }
            _ => {
                writer.copy(field);
            }
        }
    }
    writer
}

/// The topmost Via says where the request really came from
/// ([RFC 3261 §18.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.1), RFC 3581 §4).
fn write_topmost_via(
    writer: &mut MessageWriter,
    line: HeaderField<'_>,
    headers: &Headers,
    source: SocketAddr,
) {
    match headers.via() {
        Ok(via) if needs_received(&via, source) => {
            writer.header_with(HeaderName::Via, |value| write_received(value, &via, source));
            if let Some(rest) = rest_of_line(line.value) {
                writer.header_bytes(HeaderName::Via, rest);
            }
        }
        _ => {
            writer.copy(line);
        }
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
    for (name, text) in via.params.texts() {
        if !name.eq_ignore_ascii_case(b"received") && !name.eq_ignore_ascii_case(b"rport") {
            value.put(text);
        }
    }
    if via.rport() != Rport::Absent {
        value.put(b";rport=");
        value.put_number(source.port().into());
    }
    value.put(b";received=");
    value.put_address(source.ip());
}

/// What follows the topmost value in its line.
fn rest_of_line(value: &[u8]) -> Option<&[u8]> {
    if !value.contains(&b',') {
        return None;
    }
    let mut is_quoted = false;
    let comma = value.iter().position(|&byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    })?;
    value.get(comma + 1..).map(<[u8]>::trim_ascii)
}
