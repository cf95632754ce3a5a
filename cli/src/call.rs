//! One call, from its INVITE to its end.

use std::{sync::Arc, time::Duration};

use offhook::{
    Error, Invitation, ResponseOptions, VerbError,
    message::{Body, Provisional, Redirection, Request, UriError},
};
use offhook_media::DescriptionError;
use tokio::time::sleep;

use crate::{
    answering::{Answering, Bridges},
    configuration::{Configuration, Outcome, Route},
    negotiation::refusal,
    over::Over,
    record::Record,
    talk::{Plan, talk},
};

pub(crate) async fn run(
    invitation: Invitation,
    configuration: Arc<Configuration>,
    bridges: Arc<Bridges>,
) {
    let record = Record::new(&invitation);
    let route = configuration.route(record.user().as_deref());
    let (Ok(over) | Err(over)) = admit(route, invitation, &configuration, &bridges).await;
    record.log(&over);
}

/// Lets the call take its route, where the caller may.
async fn admit(
    route: &Route,
    invitation: Invitation,
    configuration: &Configuration,
    bridges: &Arc<Bridges>,
) -> Result<Over, Over> {
    if route.authenticate
        && let Some(refusal) = configuration.users.refusal(invitation.message())
    {
        let status = refusal.status;
        invitation.reject(refusal)?;
        return Ok(Over::with(status, "the caller is asked who it is"));
    }
    follow(route, invitation, configuration, bridges).await
}

/// Takes the steps of the route. `Err` is a call that was over before the last of them.
async fn follow(
    route: &Route,
    mut invitation: Invitation,
    configuration: &Configuration,
    bridges: &Arc<Bridges>,
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
            let mut answering =
                Answering::new(&route.user, answer, &invitation, configuration, bridges);
            let media = &mut answering.handler;
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
            let mut response = ResponseOptions::from(description);
            response.session_expires = answer.session_expires;
            let flow = invitation.flow();
            let target = answer.transfer.as_ref().map(|(after, target)| {
                let contact = target.contact(flow.transport, flow.local)?;
                Ok::<_, UriError>((*after, contact.uri.into()))
            });
            let plan = Plan::new(answer, configuration, target.transpose()?);
            let keep = answering.keep();
            let over = talk(plan, invitation, answering, response).await;
            if let Some(keep) = keep {
                keep.write().await;
            }
            over
        }
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
    match invitation.progress(response) {
        // A caller that takes reliable responses alone, and wants our offer in the first: it gets that
        // with the 200, and hears nothing before.
        Err(Error::Verb(VerbError::NoBody)) => {}
        progressed => drop(progressed?),
    }
    // The runtime's clock has steps of 1 ms: a sleep of no time would take one.
    if wait.is_zero() {
        return Ok(());
    }
    tokio::select! {
        biased;
        cancelled = invitation.cancelled() => Err(Over::unanswered(&cancelled)),
        () = sleep(wait) => Ok(()),
    }
}

/// The caller's offer leads to no session, or there is no port for it.
fn refuse(invitation: Invitation, error: &DescriptionError) -> Result<Over, Over> {
    let rejection = refusal(error, invitation.flow().local);
    let status = rejection.status;
    invitation.reject(rejection)?;
    Ok(Over::with(status, error.to_string()))
}
