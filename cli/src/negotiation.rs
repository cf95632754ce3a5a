//! Offers and answers between a session and its media.

use std::net::SocketAddr;

use offhook::{
    Invitation, Offer, ResponseOptions,
    message::{Header, Rejection},
};
use offhook_media::{DescriptionError, SessionDescriptionHandler};
use offhook_webrtc::Profile;

use crate::over::Over;

pub(crate) type Handler = Box<dyn SessionDescriptionHandler + Send>;

/// Which kind of media a call is to have. Where we make the offer, it is that of who calls so.
pub(crate) fn profile(invitation: &Invitation) -> Profile {
    match invitation.message().session_description() {
        Some(offer) => Profile::of(offer),
        None if invitation.flow().transport.is_websocket() => Profile::WebRtc,
        None => Profile::Plain,
    }
}

/// Serves what the peer wants changed: hold and resume are the common ones. An offer of ours that met
/// it is taken back. Whether it is changed.
pub(crate) fn change(
    offer: Offer,
    media: &mut dyn SessionDescriptionHandler,
    agent: SocketAddr,
) -> bool {
    media.rollback_description();
    let asked = match offer.message().session_description() {
        Some(description) => media.set_description(description),
        None => Ok(()),
    };
    let is_answered = match asked.and_then(|()| media.description()) {
        Ok(description) => offer.answer(&description).is_ok(),
        Err(error) => {
            // Where that fails, the session is over.
            let _ = offer.refuse(refusal(&error, agent));
            false
        }
    };
    if !is_answered {
        media.rollback_description();
    }
    is_answered
}

/// The caller's description leads to no session, or there is no port for ours.
pub(crate) fn refuse(invitation: Invitation, error: &DescriptionError) -> Over {
    let rejection = refusal(error, invitation.flow().local);
    let status = rejection.status;
    match invitation.reject(rejection) {
        Ok(_) => Over::with(status, error.to_string()),
        Err(error) => error.into(),
    }
}

/// Why a description is refused, in the words of SIP.
fn refusal(error: &DescriptionError, agent: SocketAddr) -> ResponseOptions<Rejection> {
    let code = error.status().as_u16();
    let status = Rejection::new(code).unwrap_or(Rejection::SERVER_INTERNAL_ERROR);
    let mut headers = Vec::new();
    if let Some(warning) = error.warning() {
        headers.extend(Header::new("Warning", &warning.header_value(agent)));
    }
    if status == Rejection::SERVICE_UNAVAILABLE {
        headers.extend(Header::new("Retry-After", RETRY_AFTER));
    }
    ResponseOptions {
        extra_headers: headers,
        ..ResponseOptions::new(status)
    }
}

/// Seconds until a port may be free again.
const RETRY_AFTER: &str = "10";
