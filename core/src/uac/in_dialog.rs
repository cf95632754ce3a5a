//! Requests inside a dialog ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_message::{Body, Header, HeaderName, MessageWriter, Method, Uri, UriBuf};

use crate::capabilities::Introduction;
use crate::dialog::Dialog;
use crate::digest::{Authentication, Protected};
use crate::event::{SessionId, TransactionId, TransactionSlot};
use crate::flow::{Channel, Flow, Transport};
use crate::outgoing::SentBy;
use crate::random::{Random, Token};
use crate::slot::Slot;
use crate::state::State;
use crate::transaction::{ClientUser, HostName};

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

    /// Sends it inside the dialog of a session, for `user`. `None` where it has no address to go to.
    pub(super) fn send(&self, state: &mut State, id: SessionId, user: ClientUser) -> Option<Slot> {
        let session = state.sessions.get_mut(id)?;
        let (dialog, flow) = (&mut session.dialog, session.flow);
        let authentication = session.authentication.as_deref_mut();
        let (random, own) = (&mut state.random, &state.introduction);
        let written = self.write(dialog, flow, authentication, random, own)?;
        Some(written.send(state, user))
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
        let cseq = self.cseq.unwrap_or(dialog.next_cseq());
        let path = dialog.path();
        let request_uri = Uri::parse(&path.request_uri).ok()?;
        let hop = if path.routes.is_empty() {
            NextHop::of(&request_uri, flow)?
        } else {
            NextHop::of(&Uri::parse(path.next_hop).ok()?, flow)?
        };
        let request_uri = UriBuf::from(request_uri);
        let (method, branch) = (&self.method, random.token());
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
        let sent_by = SentBy {
            flow: hop.flow,
            branch,
        };
        sent_by.write(&mut writer);
        if !path.routes.is_empty() {
            writer.header_bytes(HeaderName::Route, &path.routes);
        }
        writer.header_bytes(HeaderName::MaxForwards, b"70");
        writer.header_bytes(HeaderName::From, dialog.local());
        writer.header_bytes(HeaderName::To, dialog.remote());
        writer.header_bytes(HeaderName::CallId, dialog.call_id());
        writer.cseq(cseq, method);
        if has_contact(method) {
            // That of the dialog, whichever transport the next hop has: of that no address of ours is known.
            writer.header_with(HeaderName::Contact, |value| {
                flow.write_contact(value, path.scheme(), dialog.contact_user());
            });
        }
        if matches!(method, Method::Invite | Method::Update) {
            writer.extra(&own.allow);
            writer.extra(&own.supported_inside);
        }
        own.write_user_agent(&mut writer);
        for header in authorization.iter().flatten().chain(self.headers) {
            writer.extra(header);
        }
        let bytes = match self.body {
            Some(body) => writer.body(body),
            None => writer.finish(),
        };
        if self.cseq.is_none() {
            dialog.take_next_cseq();
        }
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
    method: Method,
    branch: Token,
    bytes: Bytes,
    hop: NextHop,
}

impl Written {
    /// Sends it to its next hop, whose name may have to be looked up first. Gives its transaction.
    pub(super) fn send(self, state: &mut State, user: ClientUser) -> Slot {
        let Self {
            method,
            branch,
            bytes,
            hop: NextHop { flow, host, port },
        } = self;
        let transaction = state.insert_client(branch, method, bytes, flow, user);
        match host {
            Ok(address) => {
                let port = port.unwrap_or(flow.transport.default_port());
                let remote = SocketAddr::new(address, port);
                state.client(transaction).send(Flow { remote, ..flow });
            }
            // An open stream needs no address, and the `.invalid` of a browser has none. Of others the name says more
            // than the address that they called from, once the stream is closed.
            Err(host) if flow.transport.is_reliable() && flow.channel != Channel::NONE => {
                if !flow.transport.is_websocket() {
                    let name = HostName { host, port };
                    state.clients.set_name(transaction, name);
                }
                state.client(transaction).send(flow);
            }
            Err(host) => {
                let id = TransactionId(TransactionSlot::Client(transaction));
                let resolve = HostName { host, port }.resolve(id, flow.transport);
                state.outbox.resolve(resolve);
            }
        }
        transaction
    }
}

/// Where a request goes first: to the first Route, or the remote target
/// ([RFC 3261 §8.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.2)).
struct NextHop {
    /// The way there, but for the address.
    flow: Flow,
    host: Result<IpAddr, String>,
    port: Option<u16>,
}

impl NextHop {
    /// `dialog` is the way of the dialog. A stream that this came by is used as long as it is open, whatever address
    /// the hop has: a peer behind NAT has no other way to be reached. `None` where `uri` is no SIP address.
    fn of(uri: &Uri<'_>, dialog: Flow) -> Option<Self> {
        let uri = uri.as_sip()?;
        let named = uri.transport().and_then(Transport::parse);
        // A peer behind a stream is reached over the stream, where it names no transport.
        let transport = match named.unwrap_or(dialog.transport) {
            // The Contact of a browser says `ws` over either.
            named if named.is_websocket() && dialog.transport.is_websocket() => dialog.transport,
            named if uri.secure => named.secured(),
            named => named,
        };
        let channel = if transport == dialog.transport {
            dialog.channel
        } else {
            Channel::NONE
        };
        let host = uri.maddr().unwrap_or(uri.host);
        Some(Self {
            flow: Flow {
                transport,
                channel,
                ..dialog
            },
            host: host.ip().ok_or_else(|| host.to_string()),
            port: uri.port,
        })
    }
}

/// Whether a request says where its sender is, because it refreshes the target or begins a
/// subscription ([RFC 3261 §12.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2), [RFC 6665](https://www.rfc-editor.org/rfc/rfc6665)).
fn has_contact(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer
    )
}
