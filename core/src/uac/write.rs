//! Requests inside a dialog ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).

use bytes::Bytes;
use offhook_message::{Body, Header, HeaderName, MessageWriter, Method, Uri, UriBuf};

use super::NextHop;
use crate::capabilities::Introduction;
use crate::dialog::Dialog;
use crate::digest::{Authentication, Protected};
use crate::flow::Flow;
use crate::outgoing::SentBy;
use crate::random::{Random, Token};

/// A request inside a dialog.
pub(super) struct InDialog<'a> {
    method: Method,
    /// `None` takes the next number of the dialog.
    cseq: Option<u32>,
    headers: &'a [Header],
    body: Option<&'a Body>,
}

impl<'a> InDialog<'a> {
    pub(super) fn new(method: Method, headers: &'a [Header], body: Option<&'a Body>) -> Self {
        Self {
            method,
            cseq: None,
            headers,
            body,
        }
    }

    /// The ACK of the 2xx to the INVITE of this number, with the credentials of that.
    pub(super) fn ack(cseq: u32, credentials: &'a [Header], body: Option<&'a Body>) -> Self {
        Self {
            cseq: Some(cseq),
            ..Self::new(Method::Ack, credentials, body)
        }
    }

    /// `flow` is the way of the dialog. `None` where its target is no URI, or there is no way to that.
    pub(super) fn write(
        &self,
        dialog: &mut Dialog,
        flow: Flow,
        authentication: Option<&mut Authentication>,
        random: &mut Random,
        own: &Introduction,
    ) -> Option<Written> {
        let cseq = self.cseq.unwrap_or_else(|| dialog.next_cseq());
        let dialog = &*dialog;
        let path = dialog.path();
        let request_uri = Uri::parse(&path.request_uri).ok()?;
        let hop = if path.routes.is_empty() {
            NextHop::of(&request_uri, flow)?
        } else {
            NextHop::of(&Uri::parse(path.next_hop).ok()?, flow)?
        };
        let request_uri = UriBuf::from(request_uri);
        let (method, flow, branch) = (&self.method, hop.flow, random.token());
        // An ACK cannot be challenged: it repeats the credentials of its INVITE.
        let authentication = authentication.filter(|_| *method != Method::Ack);
        let authorization = authentication.map(|authentication| {
            authentication.authorize(Protected {
                method: method.as_str(),
                uri: request_uri.as_str(),
                body: self.body.map_or(&b""[..], |body| body.content()),
            })
        });
        let mut writer = MessageWriter::request(method, &request_uri);
        SentBy { flow, branch }.write(&mut writer);
        if !path.routes.is_empty() {
            writer.header_bytes(HeaderName::Route, &path.routes);
        }
        writer.header_bytes(HeaderName::MaxForwards, b"70");
        writer.header_bytes(HeaderName::From, dialog.local());
        writer.header_bytes(HeaderName::To, dialog.remote());
        writer.header_bytes(HeaderName::CallId, dialog.call_id());
        writer.cseq(cseq, method);
        if has_contact(method) {
            writer.header_with(HeaderName::Contact, |value| {
                flow.write_contact(value, path.scheme(), dialog.contact_user());
            });
        }
        if matches!(method, Method::Invite | Method::Update) {
            writer.extra(&own.allow);
        }
        if let Some(user_agent) = &own.user_agent {
            writer.extra(user_agent);
        }
        for header in authorization.iter().flatten().chain(self.headers) {
            writer.extra(header);
        }
        let bytes = match self.body {
            Some(body) => writer.body(body),
            None => writer.finish(),
        };
        Some(Written {
            method: method.clone(),
            branch,
            bytes,
            hop,
        })
    }
}

/// A request that is to be sent.
pub(super) struct Written {
    pub(super) method: Method,
    pub(super) branch: Token,
    pub(super) bytes: Bytes,
    pub(super) hop: NextHop,
}

/// Whether a request says where its sender is, because it refreshes the target or begins a
/// subscription ([RFC 3261 §12.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2), [RFC 6665](https://www.rfc-editor.org/rfc/rfc6665)).
fn has_contact(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer
    )
}
