//! One call, from its INVITE to its end.

use std::{sync::Arc, time::Duration};

use offhook::{
    Error, Invitation, ResponseOptions, VerbError,
    message::{Provisional, Redirection, UriError},
};
use tokio::time::sleep;

use crate::{
    answering::{Answering, Bridges},
    configuration::{Configuration, Outcome, Route},
    over::Over,
    record::Record,
    ringing::Ringing,
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
            let answering =
                Answering::new(&route.user, answer, &invitation, configuration, bridges);
            let mut ringing = Ringing::new(invitation, answering)?;
            if let Some(wait) = route.ring {
                ringing = ringing.ring(wait).await?;
            }
            if let Some(wait) = answer.early {
                ringing = ringing.progress(wait).await?;
            }
            let (mut ringing, description) = ringing.description()?;
            let mut response = ResponseOptions::from(description);
            response.session_expires = answer.session_expires;
            let flow = ringing.invitation.flow();
            let target = answer.transfer.as_ref().map(|(after, target)| {
                let contact = target.contact(flow.transport, flow.local)?;
                Ok::<_, UriError>((*after, contact.uri.into()))
            });
            let plan = Plan::new(answer, configuration, target.transpose()?);
            let keep = ringing.answering.keep();
            let over = talk(plan, ringing, response).await;
            if let Some(keep) = keep {
                keep.write().await;
            }
            over
        }
    }
}

/// 180, and a wait, unless the caller gives up first. There is no media that it could want to change.
async fn ring(invitation: &mut Invitation, wait: Option<Duration>) -> Result<(), Over> {
    let Some(wait) = wait else {
        return Ok(());
    };
    match invitation.progress(Provisional::RINGING) {
        // A caller that takes reliable responses alone, and wants our offer in the first: there is none.
        Err(Error::Verb(VerbError::NoBody)) => {}
        progressed => drop(progressed?),
    }
    tokio::select! {
        biased;
        cancelled = invitation.cancelled() => Err(Over::unanswered(&cancelled)),
        () = sleep(wait) => Ok(()),
    }
}
