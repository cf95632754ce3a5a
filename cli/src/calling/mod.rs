//! `offhook call`: one call, from its INVITE to its end.

mod answered;
mod arguments;
mod early;
mod following;

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use offhook::{
    Accepted, Config, ContactTarget, Inviter, InviterEvent, Referral, Session, SessionEnd,
    SessionEvent,
    message::{Body, Method, Response},
};
use offhook_media::{
    AudioEnd, AudioHandler, BareHandler, Key, Player, PortRange, Protection, Recording, Sound,
};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use self::answered::answered;
pub(crate) use self::arguments::CallArguments;
use self::early::Early;
use self::following::{Followed, Placing};
use crate::{
    credentials::advise,
    negotiation::{Handler, change},
    outcome::Outcome,
    over::ended,
    signals::{HangUp, Signals, Stop},
    stdout::{Line, Output, seconds},
    wave,
};

/// Places a call and sees it to its end. An error means that it was not placed.
pub(crate) async fn call(arguments: CallArguments) -> anyhow::Result<ExitCode> {
    let output = arguments.caller.output.start()?;
    run(arguments, output).await
}

pub(crate) async fn run(arguments: CallArguments, output: Output) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::catch(HangUp::Stop).context("signals cannot be caught")?;
    let path = arguments.caller.path(None)?;
    let record = arguments.record.clone();
    let config = config(&arguments);
    let user_agent = arguments.caller.listen(config, &arguments.uri).await?;
    let recording = Recording::up_to(wave::LONGEST);
    let uri = arguments.uri.clone();
    let placing = Placing {
        user_agent: user_agent.clone(),
        arguments,
        path,
        recording: recording.clone(),
    };
    let (request, flow, side) = signals.unless_stopped(placing.prepare(&uri)).await?;
    if let Some(file) = &record {
        // What cannot be kept is not recorded first, and what is played has been read.
        wave::prepare(file)?;
    }
    let inviter = user_agent.invite(request)?;
    let mut call = Call {
        output: output.timed(),
        agent: flow.local,
        media: side.media,
        speech: side.speech,
        signals,
        answer_by: Some(Instant::now() + placing.arguments.timeout),
        leave_by: None,
        early: Early::default(),
        placing,
        followed: None,
        keys: VecDeque::new(),
    };
    let line = Line::new("calling", format_args!("calling {uri}")).by(&flow);
    let line = line.with("uri", uri.to_string());
    call.output.tell(line.with("call_id", inviter.call_id()));
    let outcome = call.ring(inviter).await;
    // Each callee that was heard has a hand on the port.
    call.early = Early::default();
    call.media.close();
    if let Some(file) = &record
        && let Err(error) = wave::write(file, &recording.samples())
    {
        // The call came out as it did.
        warn!("not recorded: {error:#}");
    }
    if outcome != Outcome::StoppedAtOnce {
        // A callee that says nothing at all is not waited for.
        let _ = timeout(LEAVE_TIME, user_agent.shutdown(Duration::ZERO)).await;
    }
    Ok(outcome.into())
}

fn config(arguments: &CallArguments) -> Config {
    let mut config = Config::default();
    if arguments.follow_refer {
        config.methods.push(Method::Refer);
    }
    // It is given up here, and not sooner.
    config.times.ringing = config.times.ringing.max(arguments.timeout + SLACK);
    config
}

/// The call as it goes on.
struct Call {
    output: Output,
    /// Our address, for warnings.
    agent: SocketAddr,
    media: Handler,
    speech: Option<Speech>,
    signals: Signals,
    /// When it is given up; `None` once it is.
    answer_by: Option<Instant>,
    /// When nothing more is expected of a call that was given up.
    leave_by: Option<Instant>,
    early: Early,
    placing: Placing,
    /// The call that takes the place of this one, until it is answered.
    followed: Option<Followed>,
    /// What is left to press by INFO.
    keys: VecDeque<Key>,
}

impl Call {
    /// From the INVITE to a final response, and on.
    async fn ring(&mut self, mut inviter: Inviter) -> Outcome {
        loop {
            let event = tokio::select! {
                event = inviter.event() => event,
                () = at(self.answer_by) => {
                    self.give_up(&mut inviter);
                    continue;
                }
                () = at(self.leave_by) => return self.failed("nobody answered"),
                stop = self.signals.stop() => match stop {
                    Stop::InGoodOrder => {
                        self.give_up(&mut inviter);
                        continue;
                    }
                    Stop::AtOnce => return self.stopped(stop),
                },
            };
            match event {
                Some(InviterEvent::Trying(response)) => self.progress(&response),
                Some(InviterEvent::Progress(progress)) => {
                    self.early.hear(&progress, &mut *self.media);
                    self.progress(&progress.message);
                }
                Some(InviterEvent::Early { event, .. }) => {
                    self.early.serve(event, self.agent);
                }
                Some(InviterEvent::NoAnswer) | None => {}
                Some(InviterEvent::Accepted(accepted)) => return self.accepted(accepted).await,
                Some(InviterEvent::Redirected { contacts, message }) => {
                    let followed = self.follow(&mut inviter, &contacts, &message).await;
                    if let Err(outcome) = followed {
                        return outcome;
                    }
                }
                Some(InviterEvent::Rejected(response)) => return self.rejected(&response),
                Some(InviterEvent::Cancelled(_)) => return self.failed("nobody answered"),
                Some(InviterEvent::Failed(cause)) => return self.failed(cause.to_string()),
            }
        }
    }

    fn give_up(&mut self, inviter: &mut Inviter) {
        self.answer_by = None;
        self.leave_by = Some(Instant::now() + LEAVE_TIME);
        inviter.cancel();
    }

    fn progress(&self, response: &Response) {
        self.output
            .tell(Line::of_response("progress", response, ""));
    }

    /// Calls one of the contacts. Until it does, nothing is out that would have to be given up.
    async fn follow(
        &mut self,
        inviter: &mut Inviter,
        contacts: &[ContactTarget],
        response: &Response,
    ) -> Result<(), Outcome> {
        let contact = tokio::select! {
            contact = first_reached(inviter, contacts) => contact,
            () = at(self.answer_by.or(self.leave_by)) => {
                return Err(self.failed("nobody answered"));
            }
            stop = self.signals.stop() => return Err(self.stopped(stop)),
        };
        let Some(contact) = contact else {
            return Err(self.rejected(response));
        };
        let uri = contact.uri.to_string();
        let line = Line::of_response("redirected", response, format_args!(", to {uri}"));
        self.output.tell(line.with("uri", uri));
        self.early.leave(&mut *self.media);
        Ok(())
    }

    /// From the 2xx to the end of the last session.
    async fn accepted(&mut self, mut accepted: Accepted) -> Outcome {
        loop {
            match self.one_session(accepted).await {
                Ok(next) => accepted = next,
                Err(outcome) => return outcome,
            }
        }
    }

    /// From the 2xx to the end of the session, or to the next one. What is dropped hangs up.
    async fn one_session(&mut self, accepted: Accepted) -> Result<Accepted, Outcome> {
        let Accepted {
            mut session,
            message,
            ..
        } = accepted;
        let answered = Instant::now();
        // The next session has an answer of its own.
        let early = std::mem::take(&mut self.early);
        let (tag, answer) = (message.headers().to_tag(), message.session_description());
        match early.accepted(tag, answer, &*self.media) {
            Ok(media) => self.media = media,
            Err(error) => {
                self.failed(format!("no usable answer to our offer: {error}"));
                self.hang_up(&mut session);
                let end = self.talk(&mut session, None).await;
                return Err(match end {
                    Err(None) => Outcome::StoppedAtOnce,
                    _ => Outcome::Refused,
                });
            }
        }
        self.output
            .tell(Line::of_response("established", &message, ", established"));
        if let Some(speech) = self.speech.take() {
            speech.begin();
        }
        if let Some(keys) = &self.placing.arguments.dtmf
            && !self.media.takes_keys()
        {
            self.keys = keys.0.clone().into();
            let words = "the callee takes no keys in the audio: they go by INFO";
            self.output
                .tell(Line::new("keys", words).with("by", "INFO"));
            if let Some(key) = self.keys.pop_front() {
                self.press(&mut session, key);
            }
        }
        let duration = self.placing.arguments.duration;
        let until = duration.map(|duration| answered + duration);
        match self.talk(&mut session, until).await {
            Ok(next) => Ok(next),
            Err(end) => {
                let cause = end.map_or_else(
                    || "we hung up, and did not wait for the end".to_owned(),
                    |end| ended(end, "the callee"),
                );
                let talked = answered.elapsed();
                let words = format_args!("{cause} after {:.1} s", talked.as_secs_f64());
                let line = Line::new("ended", words).with("talked", seconds(talked));
                self.output.tell(line.with("cause", cause));
                Err(end.map_or(Outcome::StoppedAtOnce, |_| Outcome::Ended))
            }
        }
    }

    /// To the end of the session, or to the one that takes its place. No end is one that was not waited for.
    async fn talk(
        &mut self,
        session: &mut Session,
        mut until: Option<Instant>,
    ) -> Result<Accepted, Option<SessionEnd>> {
        loop {
            let event = tokio::select! {
                event = session.event() => event,
                event = following::event(&mut self.followed) => {
                    if let Some(accepted) = self.transferred(event) {
                        return Ok(accepted);
                    }
                    continue;
                }
                () = at(until) => {
                    until = None;
                    self.hang_up(session);
                    continue;
                }
                stop = self.signals.stop() => {
                    self.stop(session, stop)?;
                    continue;
                }
            };
            match event {
                SessionEvent::Offer(offer) => {
                    change(offer, &mut *self.media, self.agent);
                }
                SessionEvent::Reconfirmed(acknowledgement) => {
                    if let Some(description) = acknowledgement.session_description()
                        && self.media.set_description(description).is_err()
                    {
                        self.hang_up(session);
                    }
                }
                SessionEvent::Answered(response) => {
                    if let Some(key) = answered(&response, &mut self.keys) {
                        self.press(session, key);
                    }
                }
                SessionEvent::Refreshed(response) => {
                    if let Err(error) = self.media.refreshed(&response) {
                        warn!(%error, "the answer to our refresh is of no use");
                        self.hang_up(session);
                    }
                }
                // No method is configured that could come so, and nothing is sent that it could
                // answer.
                SessionEvent::Request(_)
                | SessionEvent::Prack(_)
                | SessionEvent::AnsweredWithOffer(_)
                | SessionEvent::Unanswered(_)
                | SessionEvent::Refer { .. } => {}
                SessionEvent::Referred(referral) => {
                    if let Err(stop) = self.refer(referral).await {
                        self.stop(session, stop)?;
                    }
                }
                SessionEvent::Terminating(_) => self.media.close(),
                SessionEvent::Ended(end) => {
                    if let Some(accepted) = self.awaited().await {
                        return Ok(accepted);
                    }
                    return Err(Some(end));
                }
            }
        }
    }

    /// Presses a key by INFO, as phones without telephone-event do.
    fn press(&mut self, session: &mut Session, key: Key) {
        let relay = format!("Signal={key}\r\nDuration=160\r\n");
        let sent = Body::new("application/dtmf-relay", relay)
            .map_err(anyhow::Error::from)
            .and_then(|body| Ok(session.request(Method::Info, &[], Some(&body))?));
        if let Err(error) = sent {
            warn!("the keys are not pressed: {error}");
            self.keys.clear();
        }
    }

    /// Hangs up. `Err` where the end is not to be waited for.
    fn stop(&mut self, session: &mut Session, stop: Stop) -> Result<(), Option<SessionEnd>> {
        if stop == Stop::AtOnce {
            return Err(None);
        }
        self.followed = None;
        self.hang_up(session);
        Ok(())
    }

    /// The audio stops with our BYE, whenever that is answered
    /// ([RFC 3261 §15.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.1)).
    fn hang_up(&mut self, session: &mut Session) {
        session.bye();
        self.media.close();
        self.keys.clear();
    }

    /// Calls where the callee sends us, one such call at a time. `Err` where we are to stop before it is placed.
    async fn refer(&mut self, referral: Referral) -> Result<(), Stop> {
        let uri = referral.refer_to().uri().to_string();
        let line = Line::new("referred", format_args!("sent to {uri}"));
        self.output.tell(line.with("uri", uri));
        if self.followed.is_some() || self.signals.is_stopping() {
            return Ok(());
        }
        let followed = tokio::select! {
            followed = self.placing.follow(referral) => followed,
            stop = self.signals.stop() => return Err(stop),
        };
        match followed {
            Ok(followed) => self.followed = Some(followed),
            Err(error) => warn!("the call was not placed: {error:#}"),
        }
        Ok(())
    }

    /// The end of the call that the callee asked for, where the callee did not wait for it.
    async fn awaited(&mut self) -> Option<Accepted> {
        while self.followed.is_some() {
            let event = tokio::select! {
                event = following::event(&mut self.followed) => event,
                _ = self.signals.stop() => {
                    self.followed = None;
                    continue;
                }
            };
            let accepted = self.transferred(event);
            if accepted.is_some() {
                return accepted;
            }
        }
        None
    }

    /// What becomes of the call that the callee asked for.
    fn transferred(&mut self, event: Option<InviterEvent>) -> Option<Accepted> {
        match event {
            Some(InviterEvent::Trying(response)) => self.progress(&response),
            Some(InviterEvent::Progress(progress)) => {
                if let Some(Followed { side, early, .. }) = &mut self.followed {
                    early.hear(&progress, &mut *side.media);
                }
                self.progress(&progress.message);
            }
            // What it wants to change before it answers is refused: nobody listens to it yet.
            Some(InviterEvent::NoAnswer | InviterEvent::Early { .. }) => {}
            Some(InviterEvent::Accepted(accepted)) => {
                let Followed { side, early, .. } = self.followed.take()?;
                std::mem::replace(&mut self.media, side.media).close();
                (self.speech, self.early) = (side.speech, early);
                return Some(accepted);
            }
            Some(InviterEvent::Rejected(response)) => {
                self.progress(&response);
                self.followed = None;
            }
            _ => self.followed = None,
        }
        None
    }

    fn rejected(&self, response: &Response) -> Outcome {
        self.output
            .tell(Line::of_response("rejected", response, ""));
        advise(response, self.placing.path.credentials.as_ref());
        Outcome::Refused
    }

    /// We stop, and nobody has answered.
    fn stopped(&self, stop: Stop) -> Outcome {
        let outcome = self.failed("nobody answered");
        match stop {
            Stop::InGoodOrder => outcome,
            Stop::AtOnce => Outcome::StoppedAtOnce,
        }
    }

    fn failed(&self, cause: impl Into<String>) -> Outcome {
        let cause = cause.into();
        self.output
            .tell(Line::new("failed", &cause).with("cause", cause));
        Outcome::NoAnswer
    }
}

/// The first of the contacts that a way leads to, which is called.
async fn first_reached<'a>(
    inviter: &mut Inviter,
    contacts: &'a [ContactTarget],
) -> Option<&'a ContactTarget> {
    for contact in contacts.iter().take(MOST_CONTACTS) {
        if inviter.follow(contact).await.is_ok() {
            return Some(contact);
        }
    }
    None
}

/// Our side of a call's media.
struct OurSide {
    media: Handler,
    speech: Option<Speech>,
}

/// What the callee is to hear from its answer on. Before that it hears silence: a sound would be over.
struct Speech {
    end: AudioEnd,
    audio: (Player, Recording),
}

impl Speech {
    fn begin(self) {
        self.end.replace(self.audio);
    }
}

/// What the callee hears, and where we keep what it says.
fn our_side(
    arguments: &CallArguments,
    local: IpAddr,
    recording: &Recording,
) -> anyhow::Result<OurSide> {
    if arguments.bare {
        let media = Box::new(BareHandler::new(local));
        return Ok(OurSide {
            media,
            speech: None,
        });
    }
    let sound = match &arguments.play {
        Some(file) => wave::read(file)?,
        None if arguments.tone => Sound::tone(TONE),
        None => Sound::silence(),
    };
    let keys = arguments.dtmf.iter().flat_map(|keys| keys.0.clone());
    let end = AudioEnd::new(recording.clone());
    let mut handler = AudioHandler::new(local, &PortRange::any(), end.clone());
    if arguments.dtmf.is_some() {
        handler = handler.pressing_keys();
    }
    if !arguments.codec.is_empty() {
        handler = handler.offering(arguments.codec.clone());
    }
    if arguments.srtp {
        handler = handler.protected(Protection::Sdes);
    }
    let audio = (Player::new(sound).pressing(keys), recording.clone());
    Ok(OurSide {
        media: Box::new(handler),
        speech: Some(Speech { end, audio }),
    })
}

pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// In Hz.
const TONE: u16 = 440;
/// Of a redirection: each may take five seconds to be found nowhere.
const MOST_CONTACTS: usize = 6;
/// From the end of `--timeout` until the library would give up in our place.
const SLACK: Duration = Duration::from_secs(30);
/// How long the last responses may take.
const LEAVE_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn a_callee_may_ring_as_long_as_it_is_waited_for() {
        for timeout in ["0", "60", "180", "181", "3600"] {
            let line = ["offhook", "call", "sip:a@192.0.2.1", "--timeout", timeout];
            let Command::Call(arguments) = Arguments::parse_from(line).command else {
                panic!("it is a call");
            };
            assert!(
                config(&arguments).times.ringing > arguments.timeout,
                "{timeout}"
            );
        }
    }
}
