use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use offhook::{Inviter, InviterEvent, Session, SessionEnd};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::tally::Tally;
use crate::calling::failed;

/// What all calls of one run share.
pub(crate) struct Calls {
    tally: Mutex<Tally>,
    hold: Duration,
    is_stopped: watch::Sender<bool>,
}

impl Calls {
    /// Each call is to last for `hold`.
    pub(crate) fn new(tally: Tally, hold: Duration) -> Self {
        Self {
            tally: Mutex::new(tally),
            hold,
            is_stopped: watch::Sender::new(false),
        }
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the calls that are not answered, and ends the others.
    pub(crate) fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    /// Sees a call to its end.
    pub(crate) async fn follow(&self, mut inviter: Inviter) {
        let begin = Instant::now();
        let mut stopped = self.is_stopped.subscribe();
        let mut is_cancelled = false;
        let why = loop {
            let event = tokio::select! {
                event = inviter.event() => event,
                _ = stopped.wait_for(|is_stopped| *is_stopped), if !is_cancelled => {
                    is_cancelled = true;
                    inviter.cancel();
                    continue;
                }
            };
            match event {
                Some(
                    InviterEvent::Trying(_) | InviterEvent::Progress(_) | InviterEvent::NoAnswer,
                ) => {}
                Some(InviterEvent::Accepted(accepted)) => {
                    self.tally().established(begin.elapsed());
                    return self.hold(accepted.session, stopped).await;
                }
                Some(
                    InviterEvent::Rejected(message) | InviterEvent::Redirected { message, .. },
                ) => break message.status().to_string(),
                Some(InviterEvent::Cancelled(_)) | None => break "it was not answered".to_owned(),
                Some(InviterEvent::Failed(cause)) => break failed(cause).to_owned(),
            }
        };
        self.tally().failed(why);
    }

    /// From the 2xx to the answer to our BYE.
    async fn hold(&self, mut session: Session, mut stopped: watch::Receiver<bool>) {
        let end = tokio::select! {
            end = session.ended() => Some(end),
            () = self.time_is_over(&mut stopped) => None,
        };
        let end = if let Some(end) = end {
            end
        } else {
            session.bye();
            session.ended().await
        };
        let mut tally = self.tally();
        match end {
            SessionEnd::LocalBye => tally.done(),
            SessionEnd::RemoteBye => tally.broke_off("the callee hung up"),
            _ => tally.broke_off("the BYE was not answered"),
        }
    }

    async fn time_is_over(&self, stopped: &mut watch::Receiver<bool>) {
        if self.hold.is_zero() {
            return;
        }
        tokio::select! {
            () = sleep(self.hold) => {}
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
        }
    }
}
