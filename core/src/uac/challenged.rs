//! Requests of ours that are asked for credentials ([RFC 3261 §22.2, §22.3](https://www.rfc-editor.org/rfc/rfc3261#section-22.2)).

use bytes::Bytes;
use offhook_message::{
    Body, HeaderName, Headers, Message, MessageWriter, Request, Response, UriBuf, parse,
};

use super::{alone, is_challenge};
use crate::digest::{Authentication, Protected};
use crate::event::SessionId;
use crate::flow::Flow;
use crate::outgoing::SentBy;
use crate::random::Random;
use crate::session::Phase;
use crate::slot::Slot;
use crate::state::State;
use crate::transaction::ClientUser;

/// A request inside a session that waits for its response.
pub(super) struct Asked {
    id: SessionId,
    user: ClientUser,
    flow: Flow,
    request: Bytes,
}

/// The request that a 401 or 407 is about, where it can be sent again as it is: BYE, PRACK,
/// REFER, NOTIFY and what changes nothing. Others know by themselves what they say.
pub(super) fn asked(state: &State, transaction: Slot, response: &Response) -> Option<Asked> {
    if !is_challenge(response.status()) {
        return None;
    }
    let found = state.clients.get(transaction)?;
    let (ClientUser::Session(id)
    | ClientUser::Inside(id)
    | ClientUser::Prack(id)
    | ClientUser::Refer(id, _)
    | ClientUser::Referral(id, _)) = found.user
    else {
        return None;
    };
    Some(Asked {
        id,
        user: found.user,
        flow: found.flow,
        request: state.clients.waiting(transaction)?,
    })
}

/// Sends a request again with credentials: all else is as it was, extra headers and the body too.
/// False where we have none for who asks, or he has refused them, and where we have hung up.
#[must_use]
pub(super) fn send_again(state: &mut State, asked: Asked, response: &Response) -> bool {
    let Asked {
        id,
        user,
        flow,
        request,
    } = asked;
    let (Ok(Message::Request(request)), Some(session)) =
        (parse(request), state.sessions.get_mut(id))
    else {
        return false;
    };
    let Some(authentication) = session.authentication.as_deref_mut() else {
        return false;
    };
    let (sent, challenge) = (request.headers(), response.headers());
    if !take(authentication, sent, challenge, &mut state.random) {
        return false;
    }
    // §12.2.2: a BYE that is overtaken may be refused, and must not be.
    match (&session.phase, user) {
        (_, ClientUser::Session(_)) | (Phase::Over, ClientUser::Referral(..)) => {}
        (Phase::Terminating(_), ClientUser::Referral(_, cseq)) => {
            if let Some(referral) = state.referral(id, cseq) {
                referral.is_notifying = false;
                referral.has_news = true; // It follows the BYE.
            }
            return true;
        }
        (Phase::Terminating(_) | Phase::Over, _) => return false,
        _ => {}
    }
    let cseq = session.dialog.next_cseq();
    let branch = state.random.token();
    let sent_by = SentBy { flow, branch };
    let Some(bytes) = write(&request, &sent_by, cseq, authentication) else {
        return false;
    };
    session.dialog.take_next_cseq();
    let method = request.method().clone();
    let transaction = state.insert_client(branch, method, bytes, flow, user);
    state.client(transaction).send(flow);
    if let ClientUser::Refer(id, name) = user
        && let Some(refer) = state.refer(id, name)
    {
        refer.cseq = cseq;
    }
    true
}

/// Takes the challenge of a request. True where that is worth another try: who asks would get another answer by now.
#[must_use]
pub(super) fn take(
    authentication: &mut Authentication,
    sent: &Headers,
    challenge: &Headers,
    random: &mut Random,
) -> bool {
    authentication.is_newer(sent, challenge) || authentication.challenge(challenge, random)
}

/// A 2xx may say which nonce comes next
/// ([RFC 7616 §3.5](https://www.rfc-editor.org/rfc/rfc7616#section-3.5)).
pub(super) fn take_next_nonce(state: &mut State, user: ClientUser, headers: &Headers) {
    let (authentication, random) = match user {
        ClientUser::Session(id)
        | ClientUser::Change(id)
        | ClientUser::Inside(id)
        | ClientUser::Prack(id)
        | ClientUser::Refer(id, _)
        | ClientUser::Referral(id, _) => {
            let session = state.sessions.get_mut(id);
            let authentication = session.and_then(|it| it.authentication.as_deref_mut());
            (authentication, &mut state.random)
        }
        _ => match alone::message(state, user) {
            Some((message, random, _)) => (Some(&mut message.authentication), random),
            None => return,
        },
    };
    if let Some(authentication) = authentication.filter(|it| it.is_used()) {
        authentication.take_next_nonce(headers, random);
    }
}

fn write(
    request: &Request,
    sent_by: &SentBy,
    cseq: u32,
    authentication: &mut Authentication,
) -> Option<Bytes> {
    let method = request.method();
    let uri = UriBuf::parse(request.uri_bytes()).ok()?;
    let authorization = authentication.authorize(Protected {
        method: method.as_str(),
        uri: uri.as_str(),
        body: request.body(),
    });
    let mut writer = MessageWriter::request(method, &uri);
    for field in request.headers().iter() {
        match field.name {
            HeaderName::Via => sent_by.write(&mut writer),
            HeaderName::CSeq => {
                writer.cseq(cseq, method);
                for header in &authorization {
                    writer.extra(header);
                }
            }
            HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::ContentLength
            | HeaderName::ContentType => {}
            _ => {
                writer.copy(field);
            }
        }
    }
    let content_type = request.headers().raw(HeaderName::ContentType);
    let content_type = content_type.and_then(|it| std::str::from_utf8(it).ok());
    Some(match content_type {
        Some(content_type) => writer.body(&Body::new(content_type, request.body_bytes()).ok()?),
        None => writer.finish(),
    })
}
