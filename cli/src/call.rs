//! One call, from its INVITE to its end.

use std::{sync::Arc, time::Duration};

use offhook::{
    Error, Invitation, ResponseOptions, VerbError,
    message::{Provisional, Redirection, UriError},
};
use tokio::{sync::mpsc, time::sleep};

use crate::{
    answering::{Answering, Bridges},
    configuration::{Configuration, Outcome, Route},
    over::Over,
    record::{Record, called_user},
    ringing::Ringing,
    talk::{Plan, Talk},
};

/// Takes a call and sees it to its end. Whoever waits for the last call holds the other end of `under_way`.
pub(crate) fn run(
    invitation: Invitation,
    configuration: Arc<Configuration>,
    bridges: Arc<Bridges>,
    under_way: mpsc::Sender<()>,
) -> impl Future<Output = ()> {
    // What it takes to answer is given back when the call is answered. All is done inside: what panics is this call alone.
    let answered = Box::pin(async move {
        let record = Record::new(invitation.message());
        (record, admit(invitation, configuration, bridges).await)
    });
    async move {
        let (record, answered) = answered.await;
        let over = match answered {
            Ok(talk) => talk.follow().await,
            Err(over) => over,
        };
        record.log(&over);
        drop(under_way);
    }
}

/// Lets the call take its route, where the caller may.
async fn admit(
    invitation: Invitation,
    configuration: Arc<Configuration>,
    bridges: Arc<Bridges>,
) -> Result<Box<Talk>, Over> {
    let route = configuration.route(called_user(invitation.message()).as_deref());
    if route.authenticate
        && let Some(refusal) = configuration.users.refusal(invitation.message())
    {
        let status = refusal.status;
        invitation.reject(refusal)?;
        return Err(Over::with(status, "the caller is asked who it is"));
    }
    follow(route, invitation, &configuration, &bridges).await
}

/// Takes the steps of the route. `Err` is a call that is over without an answer.
async fn follow(
    route: &Route,
    mut invitation: Invitation,
    configuration: &Configuration,
    bridges: &Arc<Bridges>,
) -> Result<Box<Talk>, Over> {
    match &route.outcome {
        Outcome::Reject(status) => {
            ring(&mut invitation, route.ring).await?;
            invitation.reject(*status)?;
            Err(Over::with(*status, "rejected"))
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
            Err(Over::with(status, "redirected"))
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
            let (ringing, description) = ringing.description()?;
            let mut response = ResponseOptions::from(description);
            response.session_expires = answer.session_expires;
            let flow = ringing.invitation.flow();
            let target = answer.transfer.as_ref().map(|(after, target)| {
                let contact = target.contact(flow.transport, flow.local)?;
                Ok::<_, UriError>((*after, contact.uri.into()))
            });
            let plan = Plan::new(answer, configuration, target.transpose()?);
            Talk::begin(plan, ringing, response).map(Box::new)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each held call has such a task, whose memory comes in steps of 128 octets.
    #[test]
    fn a_call_is_a_small_task() {
        fn size<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(run);
        assert!(size <= 400, "{size} octets");
    }
}
