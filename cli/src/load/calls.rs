use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use offhook::{Inviter, InviterEvent, Session, SessionEnd};
use tokio::time::{Instant, timeout};

use super::tally::Tally;
use crate::over::ended;

/// What all calls of one run share.
pub(crate) struct Calls {
    tally: Mutex<Tally>,
    hold: Duration,
}

impl Calls {
    /// Each call is to last for `hold`.
    pub(crate) fn new(tally: Tally, hold: Duration) -> Self {
        Self {
            tally: Mutex::new(tally),
            hold,
        }
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees a call to its end.
    pub(crate) async fn follow(&self, mut inviter: Inviter) {
        let begin = Instant::now();
        let why = loop {
            match inviter.event().await {
                Some(
                    InviterEvent::Trying(_)
                    | InviterEvent::Progress(_)
                    | InviterEvent::Early { .. }
                    | InviterEvent::NoAnswer,
                ) => {}
                Some(InviterEvent::Accepted(accepted)) => {
                    self.tally().established(begin.elapsed());
                    return self.hold(accepted.session).await;
                }
                Some(
                    InviterEvent::Rejected(message) | InviterEvent::Redirected { message, .. },
                ) => break message.status().to_string(),
                Some(InviterEvent::Cancelled(_)) | None => break "it was not answered".to_owned(),
                Some(InviterEvent::Failed(cause)) => break cause.to_string(),
            }
        };
        self.tally().failed(why);
    }

    /// From the 2xx to the answer to our BYE.
    async fn hold(&self, mut session: Session) {
        let mut end = None;
        if !self.hold.is_zero() {
            end = timeout(self.hold, session.ended()).await.ok();
        }
        let end = if let Some(end) = end {
            end
        } else {
            session.bye();
            session.ended().await
        };
        let mut tally = self.tally();
        match end {
            SessionEnd::LocalBye => tally.done(),
            end => tally.broke_off(ended(end, "the callee")),
        }
    }
}
