//! REFER ([RFC 3515 §2.4.2](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.2)).

use offhook_message::{ReferTo, Rejection, Request, StatusCode, Uri};

use super::in_dialog::try_later;
use super::reply::Reply;
use super::request::{self, UserAgentServer};
use super::response_options::{OutgoingResponse, ResponseOptions};
use super::{VerbError, to_tag_of, write};
use crate::dialog::{Dialog, OfferAnswer};
use crate::event::{RequestId, SessionId};
use crate::fingerprint::Fingerprint;
use crate::flow::Flow;
use crate::id::ReferralId;
use crate::incoming::Incoming;
use crate::session::{InviteSession, MOST_REFERS, PendingRequest, Phase, Role};
use crate::state::State;
use crate::tag::Tag;
use crate::uac::notify;

/// Hands a REFER to the application, unless there is something wrong with it.
pub(super) fn receive(
    state: &mut State,
    session: Option<SessionId>,
    merge_key: Option<Fingerprint>,
    incoming: Incoming,
) {
    if let Some(session) = session.and_then(|id| state.sessions.get_mut(id)) {
        let refers = session.refers.get_or_insert_default();
        refers.receive(incoming.cseq());
    }
    let checked = check(&incoming.request).and_then(|()| match session {
        Some(session) => check_session(state, session),
        None => check_contact(&incoming.request),
    });
    let checked = checked.and_then(|()| check_room(state, session, &incoming.request));
    if let Err(reply) = checked {
        let tag = request::own_tag(state, session, &incoming);
        return reply.statefully(state, &incoming, tag);
    }
    request::receive(state, session, merge_key, incoming);
}

/// One REFER that is not answered yet. Without an answer it gets 603 after 32·T1.
///
/// The view borrows the core. Each verb sends the final response and takes the view.
#[derive(Debug)]
pub struct ReferUserAgentServer<'a>(UserAgentServer<'a>);

impl<'a> ReferUserAgentServer<'a> {
    pub(crate) fn new(state: &'a mut State, id: RequestId) -> Option<Self> {
        let pending = state.requests.get(id.0)?;
        let is_refer = pending.is_refer();
        is_refer.then_some(Self(UserAgentServer { state, id }))
    }

    /// The request.
    pub fn message(&self) -> &Request {
        self.0.message()
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.0.flow()
    }

    /// The session it belongs to; `None` outside of a dialog.
    pub fn session(&self) -> Option<SessionId> {
        self.0.session()
    }

    /// Promises to call where the REFER says: sends 202, and a NOTIFY that says 100
    /// ([RFC 3515 §2.4.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.4)). What becomes of the call is told with
    /// [`UserAgentCore::notify`](crate::UserAgentCore::notify). `None` where the referrer does not want to be told: then it gets 200
    /// ([RFC 4488 §4](https://www.rfc-editor.org/rfc/rfc4488#section-4)).
    ///
    /// # Errors
    ///
    /// The session is over: the REFER gets 481, and there is nobody to call for. Or there is no room for its
    /// subscription, since others were accepted meanwhile: it gets 500 inside a session, else 503.
    pub fn accept(self) -> Result<Option<ReferralId>, VerbError> {
        let UserAgentServer { state, id } = self.0;
        let Some(pending) = state.requests.remove(id.0) else {
            return Err(VerbError::Over);
        };
        let cseq = pending.incoming.cseq();
        if !is_subscribing(&pending.incoming.request) {
            respond(state, &pending, StatusCode::OK);
            return Ok(None);
        }
        let refused = match pending.session {
            Some(session) if state.sessions.get(session).is_none() => {
                Some((super::does_not_exist(), VerbError::Over))
            }
            session => {
                let reply = check_room(state, session, &pending.incoming.request).err();
                reply.map(|reply| (reply, VerbError::Full))
            }
        };
        if let Some((reply, error)) = refused {
            reply.through(state, &pending.incoming, pending.transaction);
            return Err(error);
        }
        let session = pending.session;
        let session = session.unwrap_or_else(|| new_dialog(state, &pending));
        respond(state, &pending, StatusCode::ACCEPTED);
        notify::begin(state, session, cseq);
        Ok(Some(ReferralId { session, cseq }))
    }

    /// Declines.
    pub fn reject(self, options: impl Into<ResponseOptions<Rejection>>) -> OutgoingResponse {
        self.0.reject(options)
    }
}

/// One Refer-To, of a scheme that can be called (§2.4.2).
fn check(request: &Request) -> Result<(), Reply> {
    let headers = request.headers();
    let refer_to: ReferTo = headers.refer_to()?;
    headers.refer_sub()?;
    headers.referred_by()?;
    refer_to.replaces()?;
    match refer_to.uri().as_uri() {
        Uri::Sip(_) | Uri::Tel(_) => Ok(()),
        Uri::Other { .. } => Err(Reply::new(StatusCode::UNSUPPORTED_URI_SCHEME)),
    }
}

/// Whether the referrer wants to be told ([RFC 4488 §4](https://www.rfc-editor.org/rfc/rfc4488#section-4)).
fn is_subscribing(request: &Request) -> bool {
    request.headers().refer_sub().ok().flatten().unwrap_or(true)
}

/// The dialog is confirmed.
fn check_session(state: &mut State, id: SessionId) -> Result<(), Reply> {
    match state.sessions.get(id).map(|session| &session.phase) {
        None | Some(Phase::Terminating(_) | Phase::Over) => Err(super::does_not_exist()),
        Some(Phase::AckWait { .. } | Phase::Confirmed) => Ok(()),
        _ => Err(try_later(state)),
    }
}

/// Where there is to be a subscription, there is room for it in the session, or else for a dialog of its own.
fn check_room(
    state: &mut State,
    session: Option<SessionId>,
    request: &Request,
) -> Result<(), Reply> {
    if !is_subscribing(request) {
        return Ok(());
    }
    let Some(id) = session else {
        let is_full = state.sessions.len() >= state.config.limits.sessions;
        return if is_full {
            Err(Reply::overload(state))
        } else {
            Ok(())
        };
    };
    let session = state.sessions.get(id);
    let refers = session.and_then(|session| session.refers.as_ref());
    if refers.is_some_and(|refers| refers.referrals.len() >= MOST_REFERS) {
        return Err(try_later(state));
    }
    Ok(())
}

/// The dialog that a REFER makes needs somewhere to go (§2).
fn check_contact(request: &Request) -> Result<(), Reply> {
    let contact = request.headers().contacts().next();
    match contact.transpose()?.as_ref().and_then(|it| it.address()) {
        Some(_) => Ok(()),
        None => Err(Reply::bad_request("The Contact header is missing")),
    }
}

fn respond(state: &mut State, pending: &PendingRequest, status: StatusCode) {
    let tag = to_tag(state, pending);
    let bytes = write::refer_response(state, pending.session, &pending.incoming, &tag, status);
    state.server(pending.transaction).respond(status, bytes);
}

/// The dialog of a REFER outside of any: it has a subscription and no session.
fn new_dialog(state: &mut State, pending: &PendingRequest) -> SessionId {
    let tag = to_tag(state, pending);
    let incoming = &pending.incoming;
    let dialog = Dialog::at_server(&state.fingerprinter, incoming, &tag);
    let (flow, nothing) = (incoming.flow, OfferAnswer::Initial);
    let session = InviteSession::new(dialog, flow, Role::Callee, Phase::Over, nothing);
    state.sessions.insert(session)
}

fn to_tag(state: &State, pending: &PendingRequest) -> Tag {
    let found = state.servers.get(pending.transaction);
    found.map_or_else(
        || to_tag_of(&pending.incoming),
        |found| found.to_tag.clone(),
    )
}
