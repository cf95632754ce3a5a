//! Writing responses ([RFC 3261 §8.2.6](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6)) and the way they take.

use std::net::SocketAddr;

use offhook_message::{
    HeaderName, MessageWriter, Params, Request, Rport, Span, StatusCode, Text, ValueWriter, Via,
};

use crate::flow::Flow;
use crate::incoming::{Incoming, ReceivedVia};
use crate::tag::Tag;

/// Where the responses to a request go ([RFC 3261 §18.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.2),
/// [RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)). On a stream the address counts only once the connection is gone.
pub(crate) fn response_address(via: &Via<'_>, flow: Flow) -> SocketAddr {
    let source = flow.remote;
    let port = via.port.unwrap_or(flow.transport.default_port());
    // The scope of a link-local address stays.
    let mut source_host = source;
    source_host.set_port(port);
    if flow.transport.is_websocket() {
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
    }
}

/// The response to a request up to CSeq: what every response repeats of its request.
///
/// `to_tag` is written where the request's To has no tag.
pub(crate) fn begin(
    incoming: &Incoming,
    status: StatusCode,
    reason_phrase: Option<&Text>,
    to_tag: Option<&Tag>,
) -> MessageWriter {
    let mut writer = MessageWriter::response(status, reason_phrase);
    let is_repeated = |name| match name {
        HeaderName::Via
        | HeaderName::From
        | HeaderName::To
        | HeaderName::CallId
        | HeaderName::CSeq => true,
        HeaderName::Timestamp => status == StatusCode::TRYING,
        _ => false,
    };
    let to_tag = to_tag.filter(|_| incoming.local_tag().is_none());
    let mut topmost = incoming.via;
    for field in incoming.request.headers().select(is_repeated) {
        match (field.name, to_tag) {
            (HeaderName::Via, _) if let Some(via) = topmost.take() => {
                let params = via.params.of(incoming.request.as_bytes());
                writer.copy_replacing(field, params, |value| {
                    write_received(value, incoming, via);
                });
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

/// The topmost Via of a request, where its responses say where it really came from: it asked for that, or it
/// is not what it says
/// ([RFC 3261 §18.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.1), RFC 3581 §4).
pub(crate) fn received_via(
    request: &Request,
    via: &Via<'_>,
    source: SocketAddr,
) -> Option<ReceivedVia> {
    let wants_rport = via.rport() != Rport::Absent;
    if !wants_rport && via.received().is_none() && via.host.ip() == Some(source.ip()) {
        return None;
    }
    Some(ReceivedVia {
        params: Span::within(request.as_bytes(), via.params.as_bytes())?,
        wants_rport,
    })
}

/// The parameters of a Via with `received`, and with `rport` where it was asked for. Whatever the client
/// wrote there itself is replaced.
fn write_received(value: &mut ValueWriter<'_>, incoming: &Incoming, via: ReceivedVia) {
    let (message, source) = (incoming.request.as_bytes(), incoming.flow.remote);
    for (name, text) in Params::new(via.params.of(message)).texts() {
        if !name.eq_ignore_ascii_case(b"received") && !name.eq_ignore_ascii_case(b"rport") {
            value.put(text);
        }
    }
    if via.wants_rport {
        value.put(b";rport=");
        value.put_number(source.port().into());
    }
    value.put(b";received=");
    value.put_address(source.ip());
}
