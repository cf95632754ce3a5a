//! An answered call, from our 200 to its end.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    ops::ControlFlow::{self, Break, Continue},
    time::Duration,
};

use offhook::{
    IncomingRequest, ReferEvent, ResponseOptions, Session, SessionEnd, SessionEvent, Unanswered,
    message::{Body, Method, ReferTo, Rejection, Request, StatusCode, Success},
};
use offhook_media::{DescriptionError, Hold, MediaLoss, SessionDescriptionHandler};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::{
    answering::{Answering, Cue, LONGEST},
    configuration::{Answer, Configuration, Media},
    negotiation::change,
    over::Over,
    ringing::Ringing,
};

/// What we do in the session by ourselves, and how long after the 200.
pub(crate) struct Plan {
    /// The earliest first.
    steps: VecDeque<(Duration, Step)>,
    hangup_after: Duration,
}

enum Step {
    Hold(Hold),
    Transfer(ReferTo),
    HangUp,
}

impl Plan {
    /// The plan of a route, and where it sends the caller.
    pub(crate) fn new(
        answer: &Answer,
        configuration: &Configuration,
        transfer: Option<(Duration, ReferTo)>,
    ) -> Self {
        let longest = configuration.longest_call;
        let media = (answer.media == Media::Record).then_some(LONGEST);
        let hangup_after = answer.hangup_after.or(media);
        let hold = answer.hold_after.map(|it| (it, Step::Hold(Hold::On)));
        let resume = answer.resume_after.map(|it| (it, Step::Hold(Hold::Off)));
        let transfer = transfer.map(|(after, to)| (after, Step::Transfer(to)));
        let mut steps: Vec<_> = [hold, resume, transfer].into_iter().flatten().collect();
        steps.sort_by_key(|(after, _)| *after);
        Self {
            steps: steps.into(),
            hangup_after: hangup_after.map_or(longest, |it| it.min(longest)),
        }
    }

    /// When the next step is due, where we count from `answered`.
    fn due(&self, answered: Instant) -> Instant {
        let next = self.steps.front().map(|(after, _)| *after);
        answered + next.map_or(self.hangup_after, |next| next.min(self.hangup_after))
    }

    /// The step that is due.
    fn take(&mut self, answered: Instant) -> Step {
        if answered.elapsed() >= self.hangup_after {
            return Step::HangUp;
        }
        let next = self.steps.pop_front();
        next.map_or(Step::HangUp, |(_, step)| step)
    }

    /// Hold or resume was not possible: it is tried again soon, and before what follows.
    fn postpone(&mut self, hold: Hold, answered: Instant) {
        let step = Step::Hold(hold);
        self.steps.push_front((answered.elapsed() + SOON, step));
    }
}

/// An answered call.
pub(crate) struct Talk {
    session: Session,
    answering: Answering,
    plan: Plan,
    answered: Instant,
    /// Our address, as the caller sees it.
    agent: SocketAddr,
    /// Whether the ACK is to have the answer to our offer.
    is_answer_due: bool,
    /// What was offered last.
    wanted: Hold,
    /// Whether the route sends the caller on, and that is all that is left to do.
    is_sent_on: bool,
}

/// How a session ends.
enum End {
    /// By us; because of this where there is no audio any more.
    HangUp(Option<MediaLoss>),
    Ended(SessionEnd),
}

impl Talk {
    /// Answers the call.
    pub(crate) fn begin(
        plan: Plan,
        ringing: Ringing,
        response: ResponseOptions<Success>,
    ) -> Result<Self, Over> {
        let agent = ringing.invitation.flow().local;
        Ok(Self {
            session: ringing.invitation.accept(response)?,
            answering: ringing.answering,
            plan,
            answered: Instant::now(),
            agent,
            is_answer_due: ringing.is_answer_due,
            wanted: Hold::Off,
            is_sent_on: false,
        })
    }

    /// Follows the session to its end.
    pub(crate) async fn follow(mut self: Box<Self>) -> Over {
        let confirmed = match self.session.confirmed().await {
            Ok(acknowledgement) => self.confirmed(&acknowledgement),
            Err(_) => Break(End::HangUp(None)),
        };
        let end = match confirmed {
            Continue(()) => self.end().await,
            Break(end) => end,
        };
        let over = match end {
            End::HangUp(loss) => self.hang_up(loss).await,
            End::Ended(end) => Over::answered(end),
        };
        if let Some(keep) = self.answering.keep() {
            keep.write().await;
        }
        over
    }

    /// Serves the session until it ends, or is to be ended.
    async fn end(&mut self) -> End {
        let mut losses = self.answering.handler.losses();
        loop {
            let flow = tokio::select! {
                event = self.session.event() => self.take(event),
                () = sleep_until(self.plan.due(self.answered)) => self.step(),
                cue = self.answering.cue() => self.cue(cue),
                loss = losses.lost() => Break(End::HangUp(Some(loss))),
            };
            if let Break(end) = flow {
                return end;
            }
        }
    }

    /// The audio stops with our BYE, whenever that is answered.
    async fn hang_up(&mut self, loss: Option<MediaLoss>) -> Over {
        self.session.bye();
        self.answering.close();
        let mut over = Over::answered(self.session.ended().await);
        if let Some(loss) = loss {
            over.cause = loss.to_string();
        }
        over
    }

    fn confirmed(&mut self, acknowledgement: &Request) -> ControlFlow<End> {
        if self.is_answer_due {
            let content = acknowledgement.session_description().unwrap_or_default();
            let taken = self.answering.handler.set_description(content);
            if let Err(error) = taken {
                return self.disagree(&error);
            }
        }
        self.answering.confirmed();
        Continue(())
    }

    fn take(&mut self, event: SessionEvent) -> ControlFlow<End> {
        let media = &mut self.answering.handler;
        let agreed = match event {
            SessionEvent::Offer(offer) => {
                change(offer, &mut **media, self.agent);
                Ok(())
            }
            SessionEvent::Prack(message) | SessionEvent::Reconfirmed(message) => {
                match message.session_description() {
                    Some(description) => media.set_description(description),
                    None => Ok(()),
                }
            }
            SessionEvent::Answered(response) => {
                if !response.status().is_success() {
                    warn!(status = %response.status(), "the caller refused a change");
                }
                media.answered(&response)
            }
            SessionEvent::Refreshed(response) => media.refreshed(&response),
            SessionEvent::Unanswered(cause) => {
                self.unanswered(cause);
                Ok(())
            }
            SessionEvent::Request(request) => {
                take_inside(request, &self.answering);
                Ok(())
            }
            SessionEvent::Refer { event, .. }
                if is_elsewhere(&event) || (self.is_sent_on && is_last(&event)) =>
            {
                return Break(End::HangUp(None));
            }
            // Nothing of ours asks for an offer. A referral that is dropped is declined.
            SessionEvent::Refer { .. }
            | SessionEvent::AnsweredWithOffer(_)
            | SessionEvent::Referred(_) => Ok(()),
            SessionEvent::Terminating(_) => return Break(End::HangUp(None)),
            SessionEvent::Ended(end) => return Break(End::Ended(end)),
        };
        agreed.map_or_else(|error| self.disagree(&error), Continue)
    }

    /// Takes the step that is due.
    fn step(&mut self) -> ControlFlow<End> {
        match self.plan.take(self.answered) {
            Step::HangUp => return Break(End::HangUp(None)),
            Step::Transfer(refer_to) => {
                self.is_sent_on = true;
                if self.session.refer(refer_to).is_err() {
                    return Break(End::HangUp(None));
                }
            }
            Step::Hold(hold) => self.hold(hold),
        }
        Continue(())
    }

    fn cue(&mut self, cue: Cue) -> ControlFlow<End> {
        match cue {
            Cue::HangUp => return Break(End::HangUp(None)),
            Cue::Transfer(uri) => {
                if let Err(error) = self.session.refer(ReferTo::from(uri)) {
                    warn!(%error, "the caller is not sent on");
                }
            }
        }
        Continue(())
    }

    /// Offers hold or resume. While another offer is open it waits.
    fn hold(&mut self, hold: Hold) {
        self.wanted = hold;
        let media = &mut *self.answering.handler;
        if offer(media, hold, |offer| self.session.invite(offer)).is_err() {
            self.plan.postpone(self.wanted, self.answered);
        }
    }

    /// The caller's own change was faster.
    fn unanswered(&mut self, cause: Unanswered) {
        self.answering.handler.rollback_description();
        if cause == Unanswered::Collision {
            self.plan.postpone(self.wanted, self.answered);
        }
    }

    /// An answer of the caller's to an offer of ours is of no use.
    fn disagree(&self, error: &DescriptionError) -> ControlFlow<End> {
        warn!(
            call_id = self.session.call_id(),
            error = error.to_string(),
            "no usable answer to our offer"
        );
        Break(End::HangUp(None))
    }
}

/// Sends an offer of ours. One that is not sent is taken back, but no other: that waits for its answer.
fn offer<E>(
    media: &mut dyn SessionDescriptionHandler,
    hold: Hold,
    send: impl FnOnce(&Body) -> Result<(), E>,
) -> Result<(), NotSent> {
    let offer = match hold {
        Hold::On => media.hold(),
        Hold::Off => media.resume(),
    };
    let offer = offer.map_err(|_| NotSent)?;
    send(&offer).map_err(|_| {
        media.rollback_description();
        NotSent
    })
}

/// There is another offer, or nothing that it could be sent in.
#[derive(Debug)]
struct NotSent;

/// Whether the caller has reached whom it was sent to. One that has not stays with us.
fn is_elsewhere(event: &ReferEvent) -> bool {
    match event {
        ReferEvent::Accepted { is_subscribed, .. } => !is_subscribed,
        ReferEvent::Terminated { status, .. } => status.is_some_and(StatusCode::is_success),
        ReferEvent::Progress { .. } | ReferEvent::Refused { .. } => false,
    }
}

/// Whether no more will be heard of it.
fn is_last(event: &ReferEvent) -> bool {
    matches!(
        event,
        ReferEvent::Terminated { .. } | ReferEvent::Refused { .. }
    )
}

/// A key that was pressed, or a message, for which there is nothing to do but to say that it came. Any other
/// INFO without a package is one that we do not understand
/// ([RFC 6086 §2](https://www.rfc-editor.org/rfc/rfc6086#section-2)).
pub(crate) fn take_inside(request: IncomingRequest, answering: &Answering) {
    let message = request.message();
    let key = message.dtmf();
    if let Some(Ok(key)) = key.map(|it| it.signal.try_into()) {
        answering.key(key);
    }
    let is_understood =
        *message.method() == Method::Message || message.body().is_empty() || key.is_some();
    if is_understood {
        request.accept(Success::OK);
    } else {
        request.reject(Rejection::UNSUPPORTED_MEDIA_TYPE);
    }
}

const SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use offhook_media::BareHandler;

    use super::*;

    #[test]
    fn an_offer_that_waits_for_its_answer_is_not_taken_back() {
        let here = [127, 0, 0, 1].into();
        let (mut media, mut caller) = (BareHandler::new(here), BareHandler::new(here));
        let early = media.description().unwrap();
        offer(&mut media, Hold::On, |_| Ok::<_, ()>(())).unwrap_err();

        caller.set_description(early.content()).unwrap();
        let answer = caller.description().unwrap();
        media.set_answer(answer.content()).unwrap();
        media.hold().expect("all is answered");
    }

    #[test]
    fn an_offer_that_is_not_sent_is_taken_back() {
        let mut media = BareHandler::new([127, 0, 0, 1].into());
        offer(&mut media, Hold::On, |_| Err(())).unwrap_err();
        offer(&mut media, Hold::On, |_| Ok::<_, ()>(())).unwrap();
    }
}
