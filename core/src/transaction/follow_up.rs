//! The requests that belong to an INVITE: ACK and CANCEL.

use bytes::Bytes;
use offhook_message::{HeaderName, Message, MessageWriter, Method, Response, UriBuf, parse};

/// The ACK of a response from 300 to 699
/// ([RFC 3261 §17.1.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.3)). `None` where `invite` is no INVITE.
pub(super) fn acknowledgement(invite: Bytes, response: &Response) -> Option<Bytes> {
    let mut writer = follow_up(invite, &Method::Ack, response.headers().raw(HeaderName::To))?;
    writer.header(HeaderName::MaxForwards, 70);
    Some(writer.finish())
}

/// A request that goes the way of `invite` and belongs to it: an ACK, with the To of the response and
/// the credentials of the INVITE ([RFC 3261 §22.1](https://www.rfc-editor.org/rfc/rfc3261#section-22.1)), or a CANCEL. It has the
/// INVITE's Via, Route, From, Call-ID and number.
pub(crate) fn follow_up(
    invite: Bytes,
    method: &Method,
    to: Option<&[u8]>,
) -> Option<MessageWriter> {
    let Ok(Message::Request(invite)) = parse(invite) else {
        return None;
    };
    let mut writer = MessageWriter::request(method, &UriBuf::parse(invite.uri_bytes()).ok()?);
    let headers = invite.headers();
    let names = [
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::From,
        HeaderName::CallId,
    ];
    let credentials = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
    let credentials = credentials.into_iter().filter(|_| *method == Method::Ack);
    for name in names.into_iter().chain(credentials) {
        for field in headers.all(name) {
            writer.copy(field);
        }
    }
    let to = to.or_else(|| headers.raw(HeaderName::To))?;
    writer.header_bytes(HeaderName::To, to);
    let number = headers.cseq().ok()?.number;
    writer.cseq(number, method);
    Some(writer)
}
