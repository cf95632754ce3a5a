//! One call, from its INVITE to its end.

use std::{sync::Arc, time::Duration};

use offhook::{
    Invitation, ResponseOptions, Session, SessionEvent,
    message::{Body, Provisional, Redirection, Request},
};
use offhook_media::{BareHandler, DescriptionError, EchoHandler, PortRange};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use crate::{
    configuration::{Configuration, Media, Outcome, Route},
    negotiation::{Handler, change, refusal},
    over::Over,
    record::Record,
};

pub(crate) async fn run(invitation: Invitation, configuration: Arc<Configuration>) {
    let record = Record::new(&invitation);
    let route = configuration.route(record.user());
    let (Ok(over) | Err(over)) = follow(route, invitation, &configuration).await;
    record.log(&over);
}

/// Takes the steps of the route. `Err` is a call that was over before the last of them.
async fn follow(
    route: &Route,
    mut invitation: Invitation,
    configuration: &Configuration,
) -> Result<Over, Over> {
    match &route.outcome {
        Outcome::Reject(status) => {
            ring(&mut invitation, route.ring).await?;
            invitation.reject(*status)?;
            Ok(Over::with(*status, "rejected"))
        }
        Outcome::Redirect(targets) => {
            ring(&mut invitation, route.ring).await?;
            let status = Redirection::MOVED_TEMPORARILY;
            let flow = invitation.flow();
            let contacts = targets
                .iter()
                .map(|target| target.contact(flow.transport, flow.local))
                .collect::<Result<Vec<_>, _>>()?;
            invitation.redirect(&contacts, status)?;
            Ok(Over::with(status, "redirected"))
        }
        Outcome::Answer(answer) => {
            let mut media = media(answer.media, &invitation, &configuration.rtp_ports);
            if let Some(offer) = invitation.message().session_description()
                && let Err(error) = media.set_description(offer)
            {
                return refuse(invitation, &error);
            }
            ring(&mut invitation, route.ring).await?;
            let description = match media.description() {
                Ok(description) => description,
                Err(error) => return refuse(invitation, &error),
            };
            if let Some(wait) = answer.early {
                let early = early(invitation.message(), &description);
                progress(&mut invitation, early, wait).await?;
            }
            let longest = configuration.longest_call;
            let hangup_after = answer.hangup_after.map_or(longest, |it| it.min(longest));
            talk(hangup_after, invitation, media, description).await
        }
    }
}

/// Our side of the session, on the address that faces the caller.
fn media(media: Media, invitation: &Invitation, rtp_ports: &PortRange) -> Handler {
    let local = invitation.flow().local.ip();
    match media {
        Media::Echo => Box::new(EchoHandler::new(local, rtp_ports)),
        Media::Bare => Box::new(BareHandler::new(local)),
    }
}

async fn ring(invitation: &mut Invitation, wait: Option<Duration>) -> Result<(), Over> {
    match wait {
        Some(wait) => progress(invitation, Provisional::RINGING.into(), wait).await,
        None => Ok(()),
    }
}

/// 183 with the answer: the caller hears itself before the 200. An INVITE without an offer gets
/// ours with the 200, for a provisional response may get lost
/// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
fn early(invite: &Request, description: &Body) -> ResponseOptions<Provisional> {
    let progress = ResponseOptions::new(Provisional::SESSION_PROGRESS).reliably();
    match invite.session_description() {
        Some(_) => progress.with_body(description.clone()),
        None => progress,
    }
}

/// Sends the response and waits, unless the caller gives up first.
async fn progress(
    invitation: &mut Invitation,
    response: ResponseOptions<Provisional>,
    wait: Duration,
) -> Result<(), Over> {
    invitation.progress(response)?;
    tokio::select! {
        biased;
        cancelled = invitation.cancelled() => Err(Over::unanswered(&cancelled)),
        () = sleep(wait) => Ok(()),
    }
}

/// From the 200 to the end of the session.
async fn talk(
    hangup_after: Duration,
    invitation: Invitation,
    mut media: Handler,
    description: Body,
) -> Result<Over, Over> {
    let is_answer_due = invitation.message().session_description().is_none();
    let agent = invitation.flow().local;
    let mut session = invitation.accept(description)?;
    let answered = Instant::now();

    let acknowledgement = session.confirmed().await.map_err(Over::answered)?;
    if is_answer_due {
        let content = acknowledgement.session_description().unwrap_or_default();
        if let Err(error) = media.set_description(content) {
            warn!(
                call_id = session.call_id(),
                error = error.to_string(),
                "no usable answer to our offer"
            );
            return Ok(hang_up(session, media).await);
        }
    }

    let hangup = answered + hangup_after;
    loop {
        let event = tokio::select! {
            event = session.event() => event,
            () = sleep_until(hangup) => return Ok(hang_up(session, media).await),
        };
        match event {
            SessionEvent::Offer(offer) => change(offer, &mut *media, agent),
            SessionEvent::Reconfirmed(acknowledgement) => {
                if let Some(description) = acknowledgement.session_description()
                    && let Err(error) = media.set_description(description)
                {
                    warn!(
                        call_id = session.call_id(),
                        error = error.to_string(),
                        "no usable answer to our offer"
                    );
                    return Ok(hang_up(session, media).await);
                }
            }
            // No method is configured that could come so, and nothing is sent that it could answer.
            SessionEvent::Request(_) | SessionEvent::Answered(_) | SessionEvent::Unanswered(_) => {}
            SessionEvent::Ended(end) => return Ok(Over::answered(end)),
        }
    }
}

/// The audio stops with our BYE, whenever that is answered.
async fn hang_up(mut session: Session, mut media: Handler) -> Over {
    session.bye();
    media.close();
    Over::answered(session.ended().await)
}

/// The caller's offer leads to no session, or there is no port for it.
fn refuse(invitation: Invitation, error: &DescriptionError) -> Result<Over, Over> {
    let rejection = refusal(error, invitation.flow().local);
    let status = rejection.status;
    invitation.reject(rejection)?;
    Ok(Over::with(status, error.to_string()))
}
