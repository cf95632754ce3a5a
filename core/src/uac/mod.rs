//! The user agent client ([RFC 3261 §8.1, §12.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)): requests of ours inside a
//! dialog.

pub(crate) mod bye;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use offhook_message::{Header, HeaderName, MessageWriter, Method, Response, Uri, UriBuf};

use crate::config::Config;
use crate::dialog::Dialog;
use crate::event::{Resolve, SessionEnd, SessionId, TransactionId, TransactionSlot};
use crate::flow::{Channel, Flow, Transport};
use crate::logger::LogLevel;
use crate::random::Token;
use crate::slot::Slot;
use crate::state::State;
use crate::timers::ClientTimer;
use crate::transaction::ClientOutcome;

/// Sends a request inside a session's dialog.
pub(crate) fn send_request(
    state: &mut State,
    now: Instant,
    id: SessionId,
    method: Method,
    headers: &[Header],
) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let branch = state.random.token();
    let flow = session.flow;
    let hop = next_hop(&session.dialog, flow);
    let sent_by = SentBy {
        transport: hop.as_ref().map_or(flow.transport, |hop| hop.transport),
        address: flow.local,
        branch,
    };
    let config = &state.config;
    let request = write(&mut session.dialog, &method, &sent_by, headers, config);
    let Some((request, hop)) = request.zip(hop) else {
        return finish(state, Some(id), &ClientOutcome::Timeout);
    };
    let flow = hop.flow(flow);
    let transaction = state.insert_client(now, branch, method, request, flow, id);
    reach(state, now, transaction, flow, hop);
}

/// A response: to its transaction, or nowhere.
pub(crate) fn receive_response(state: &mut State, now: Instant, response: &Response) {
    let headers = response.headers();
    let branch = headers.via().ok().and_then(|via| via.branch());
    let cseq = headers.cseq().ok();
    let transaction = branch
        .zip(cseq)
        .and_then(|(branch, cseq)| state.clients.find(branch, &cseq.method));
    // §8.1.3.3: more than one Via means that it went astray.
    let is_ours = headers.vias().nth(1).is_none();
    let Some(transaction) = transaction.filter(|_| is_ours) else {
        state.totals.dropped += 1;
        state.log(
            LogLevel::Debug,
            CATEGORY,
            headers.call_id().unwrap_or_default(),
            format_args!("dropped a response that belongs to no request"),
        );
        return;
    };
    let session = state.clients.get(transaction).map(|found| found.session);
    let outcome = state.client_response(now, transaction, response.status());
    finish(state, session, &outcome);
}

pub(crate) fn timer(state: &mut State, now: Instant, transaction: Slot, timer: ClientTimer) {
    let session = state.clients.get(transaction).map(|found| found.session);
    let outcome = state.client_timer(now, transaction, timer);
    finish(state, session, &outcome);
}

/// The addresses of a host that was looked up.
pub(crate) fn resolved(
    state: &mut State,
    now: Instant,
    transaction: Slot,
    addresses: &[SocketAddr],
) {
    let flow = state.clients.get(transaction).map(|found| found.flow);
    match (flow, addresses.first()) {
        (Some(flow), Some(&remote)) => {
            state.send_client(now, transaction, Flow { remote, ..flow });
        }
        _ => undeliverable(state, transaction),
    }
}

/// A request that cannot be delivered ends as if it had timed out
/// ([RFC 3261 §8.1.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.1)).
pub(crate) fn undeliverable(state: &mut State, transaction: Slot) {
    let session = state.clients.remove(transaction).map(|found| found.session);
    finish(state, session, &ClientOutcome::Timeout);
}

/// What the end of a BYE means: any final response ends the session, and so does none.
fn finish(state: &mut State, session: Option<SessionId>, outcome: &ClientOutcome) {
    let Some(session) = session else {
        return;
    };
    let answered = match outcome {
        ClientOutcome::Pending => return,
        ClientOutcome::Final(_) => SessionEnd::LocalBye,
        ClientOutcome::Timeout => SessionEnd::ByeUnanswered,
    };
    bye::answered(state, session, answered);
}

/// Where a request goes first.
struct NextHop {
    transport: Transport,
    host: Result<IpAddr, String>,
    port: u16,
}

/// The first Route, or the remote target ([RFC 3261 §8.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.2)). `None` where it is no SIP
/// address.
fn next_hop(dialog: &Dialog, flow: Flow) -> Option<NextHop> {
    let uri = dialog.path().next_hop;
    let Ok(Uri::Sip(uri)) = Uri::parse(uri) else {
        return None;
    };
    let named = uri.transport().and_then(Transport::parse);
    let transport = match named {
        Some(named) => named,
        // A peer behind a stream is reached over the stream, where it names no transport.
        None if uri.secure => Transport::Tls,
        None => flow.transport,
    };
    let host = uri.maddr().unwrap_or(uri.host);
    Some(NextHop {
        transport,
        host: host.ip().ok_or_else(|| host.to_string()),
        port: uri.port.unwrap_or(transport.default_port()),
    })
}

impl NextHop {
    /// The way there, but for the address. A stream that the dialog came by is used as long as it
    /// is open, whatever address the hop has: a peer behind NAT has no other way to be reached.
    fn flow(&self, dialog: Flow) -> Flow {
        let is_same = self.transport == dialog.transport;
        Flow {
            transport: self.transport,
            channel: if is_same {
                dialog.channel
            } else {
                Channel::NONE
            },
            ..dialog
        }
    }
}

/// Sends a request to its next hop, whose name may have to be looked up first.
fn reach(state: &mut State, now: Instant, transaction: Slot, flow: Flow, hop: NextHop) {
    match hop.host {
        Ok(address) => {
            let remote = SocketAddr::new(address, hop.port);
            state.send_client(now, transaction, Flow { remote, ..flow });
        }
        // An open stream needs no address, and the `.invalid` of a browser has none.
        Err(_) if flow.transport.is_reliable() && flow.channel != Channel::NONE => {
            state.send_client(now, transaction, flow);
        }
        Err(host) => state.outbox.resolve(Resolve {
            transaction: TransactionId(TransactionSlot::Client(transaction)),
            host,
            port: hop.port,
            transport: hop.transport,
        }),
    }
}

/// What our Via says.
struct SentBy {
    transport: Transport,
    address: SocketAddr,
    branch: Token,
}

/// A request inside a dialog ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).
fn write(
    dialog: &mut Dialog,
    method: &Method,
    sent_by: &SentBy,
    headers: &[Header],
    config: &Config,
) -> Option<Bytes> {
    let cseq = dialog.next_cseq();
    let path = dialog.path();
    let request_uri = UriBuf::parse(&path.request_uri).ok()?;
    let mut writer = MessageWriter::request(method, &request_uri);
    let SentBy {
        transport,
        address,
        branch,
    } = sent_by;
    writer.header(
        HeaderName::Via,
        format_args!(
            "SIP/2.0/{} {address};branch=z9hG4bK{branch};rport",
            transport.as_str()
        ),
    );
    if !path.routes.is_empty() {
        writer.header_bytes(HeaderName::Route, &path.routes);
    }
    writer.header(HeaderName::MaxForwards, 70);
    writer.header_bytes(HeaderName::From, dialog.local());
    writer.header_bytes(HeaderName::To, dialog.remote());
    writer.header_bytes(HeaderName::CallId, dialog.call_id());
    writer.header(HeaderName::CSeq, format_args!("{cseq} {method}"));
    if let Some(user_agent) = &config.user_agent {
        writer.header(HeaderName::UserAgent, user_agent);
    }
    for header in headers {
        writer.extra(header);
    }
    Some(writer.finish())
}

/// The log category of this module.
const CATEGORY: &str = "sip.user-agent-client";
