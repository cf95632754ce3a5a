//! CANCEL ([RFC 3261 §9.2](https://www.rfc-editor.org/rfc/rfc3261#section-9.2)).

use offhook_message::{Method, StatusCode};

use super::reply::Reply;
use super::{InviteUserAgentServer, does_not_exist, offer};
use crate::incoming::Incoming;
use crate::state::State;
use crate::transaction::{TransactionUser, server_key};

/// Answers a CANCEL, and where its INVITE is not answered yet, that one too.
///
/// The answer is 200 as long as the INVITE's transaction lives, and says nothing about whether the
/// CANCEL changed anything. It bears the INVITE's To tag.
pub(super) fn receive(state: &mut State, incoming: &Incoming) {
    let Ok(via) = incoming.request.headers().via() else {
        return;
    };
    let fingerprinter = &state.fingerprinter;
    let key = server_key(fingerprinter, &incoming.request, &via, &Method::Invite);
    let transaction = state.servers.find(key);
    let Some(invited) = transaction.and_then(|slot| state.servers.get(slot)) else {
        return does_not_exist().statelessly(state, incoming);
    };
    let (user, to_tag) = (invited.user, invited.to_tag.clone());
    // No bound is asked: there is at most one for each INVITE, and those are bounded.
    Reply::new(StatusCode::OK).statefully(state, incoming, to_tag);
    match user {
        TransactionUser::Invite(id) => {
            if let Some(server) = InviteUserAgentServer::new(state, id) {
                server.receive_cancel(&incoming.request);
            }
        }
        TransactionUser::Offer(slot) => offer::withdraw(state, slot),
        TransactionUser::Core => {}
    }
}
