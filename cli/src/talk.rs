//! An answered call, from our 200 to its end.

use std::{collections::VecDeque, time::Duration};

use offhook::{
    IncomingRequest, ReferEvent, ResponseOptions, Session, SessionEvent, Unanswered,
    message::{Method, ReferTo, Rejection, StatusCode, Success},
};
use offhook_media::{DescriptionError, Hold};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::{
    answering::{Answering, Cue, LONGEST},
    configuration::{Answer, Configuration, Media},
    negotiation::{Handler, change},
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
        let media = match &answer.media {
            Media::Play(sound) => Some(sound.duration()),
            Media::Record => Some(LONGEST),
            _ => None,
        };
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

/// Answers, and follows the session to its end.
pub(crate) async fn talk(
    plan: Plan,
    ringing: Ringing,
    response: ResponseOptions<Success>,
) -> Result<Over, Over> {
    let Ringing {
        invitation,
        mut answering,
        is_answer_due,
        ..
    } = ringing;
    let agent = invitation.flow().local;
    let mut session = invitation.accept(response)?;
    let answered = Instant::now();
    let Ok(acknowledgement) = session.confirmed().await else {
        return Ok(hang_up(session, answering).await);
    };
    let mut talk = Talk {
        plan,
        answered,
        wanted: Hold::Off,
        is_sent_on: false,
    };
    if is_answer_due {
        let content = acknowledgement.session_description().unwrap_or_default();
        if let Err(error) = answering.handler.set_description(content) {
            return Ok(disagree(session, answering, &error).await);
        }
    }
    answering.confirmed();
    let mut losses = answering.handler.losses();
    loop {
        let event = tokio::select! {
            event = session.event() => event,
            () = sleep_until(talk.plan.due(answered)) => match talk.plan.take(answered) {
                Step::HangUp => return Ok(hang_up(session, answering).await),
                Step::Transfer(refer_to) => {
                    talk.is_sent_on = true;
                    if session.refer(refer_to).is_err() {
                        return Ok(hang_up(session, answering).await);
                    }
                    continue;
                }
                Step::Hold(hold) => {
                    talk.hold(&mut session, &mut answering.handler, hold);
                    continue;
                }
            },
            Some(cue) = answering.cues.recv() => match cue {
                Cue::HangUp => return Ok(hang_up(session, answering).await),
                Cue::Transfer(uri) => {
                    if let Err(error) = session.refer(ReferTo::from(uri)) {
                        warn!(%error, "the caller is not sent on");
                    }
                    continue;
                }
            },
            loss = losses.lost() => {
                let over = hang_up(session, answering).await;
                return Ok(Over { cause: loss.to_string().into(), ..over });
            }
        };
        let media = &mut answering.handler;
        let agreed = match event {
            SessionEvent::Offer(offer) => {
                change(offer, &mut **media, agent);
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
            SessionEvent::Unanswered(cause) => {
                talk.unanswered(media, cause);
                Ok(())
            }
            SessionEvent::Request(request) => {
                take(request, &answering);
                Ok(())
            }
            // Nothing of ours asks for an offer. A referral that is dropped is declined.
            SessionEvent::AnsweredWithOffer(_) | SessionEvent::Referred(_) => Ok(()),
            SessionEvent::Refer { event, .. } => {
                if is_elsewhere(&event) || (talk.is_sent_on && is_last(&event)) {
                    return Ok(hang_up(session, answering).await);
                }
                Ok(())
            }
            SessionEvent::Terminating(_) => return Ok(hang_up(session, answering).await),
            SessionEvent::Ended(end) => return Ok(Over::answered(end)),
        };
        if let Err(error) = agreed {
            return Ok(disagree(session, answering, &error).await);
        }
    }
}

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

/// What our side of a session wants.
struct Talk {
    plan: Plan,
    answered: Instant,
    /// What was offered last.
    wanted: Hold,
    /// Whether the route sends the caller on, and that is all that is left to do.
    is_sent_on: bool,
}

impl Talk {
    /// Offers hold or resume. While another offer is open it waits.
    fn hold(&mut self, session: &mut Session, media: &mut Handler, hold: Hold) {
        self.wanted = hold;
        let offer = match hold {
            Hold::On => media.hold(),
            Hold::Off => media.resume(),
        };
        let is_sent = offer.is_ok_and(|offer| session.invite(&offer).is_ok());
        if !is_sent {
            media.rollback_description();
            self.plan.postpone(self.wanted, self.answered);
        }
    }

    /// The caller's own change was faster.
    fn unanswered(&mut self, media: &mut Handler, cause: Unanswered) {
        media.rollback_description();
        if cause == Unanswered::Collision {
            self.plan.postpone(self.wanted, self.answered);
        }
    }
}

/// A key that was pressed, or a message, for which there is nothing to do but to say that it came. Any other
/// INFO without a package is one that we do not understand
/// ([RFC 6086 §2](https://www.rfc-editor.org/rfc/rfc6086#section-2)).
pub(crate) fn take(request: IncomingRequest, answering: &Answering) {
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

/// An answer of the caller's to an offer of ours is of no use.
async fn disagree(session: Session, answering: Answering, error: &DescriptionError) -> Over {
    warn!(
        call_id = session.call_id(),
        error = error.to_string(),
        "no usable answer to our offer"
    );
    hang_up(session, answering).await
}

/// The audio stops with our BYE, whenever that is answered.
async fn hang_up(mut session: Session, mut answering: Answering) -> Over {
    session.bye();
    answering.handler.close();
    Over::answered(session.ended().await)
}

const SOON: Duration = Duration::from_secs(1);
