//! `offhook call`: one call, from its INVITE to its end.

mod arguments;
mod step;

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use offhook::{
    Accepted, Builder, Config, ContactTarget, Flow, Inviter, InviterEvent, OutgoingRequest,
    Session, SessionEnd, SessionEvent, StartError, Transport, UserAgent,
    message::{Response, Uri, UriBuf},
};
use offhook_media::{
    AudioEnd, AudioHandler, BareHandler, Player, PortRange, Protection, Recording, Sound,
};
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep_until, timeout},
};

pub(crate) use self::arguments::{CallArguments, proxy, sip_uri};
use self::step::Step;
pub(crate) use self::step::{Status, failed, milliseconds};
use crate::{
    certificates::Certificates,
    logging,
    negotiation::{Handler, change},
    outcome::Outcome,
    signals::{Signal, Signals},
    stdout::Format,
    wave,
};

/// Places a call and sees it to its end. An error means that it was not placed.
pub(crate) fn call(arguments: CallArguments) -> anyhow::Result<ExitCode> {
    logging::start(arguments.log.as_deref())?;
    let runtime = Runtime::new().context("no runtime")?;
    let outcome = runtime.block_on(run(arguments))?;
    runtime.shutdown_background();
    Ok(outcome.into())
}

async fn run(arguments: CallArguments) -> anyhow::Result<Outcome> {
    let signals = Signals::catch().context("signals cannot be caught")?;
    let credentials = arguments.credentials.read(None)?;
    let next_hop = arguments.proxy.as_ref().unwrap_or(&arguments.uri);
    let user_agent = listen(Config::default(), next_hop, &arguments.certificates).await?;
    let flows = user_agent.flows(next_hop).await?;
    let flow = *flows.first().context("no way leads there")?;
    let (mut media, recording) = media(&arguments, flow.local.ip())?;
    let offer = media.description()?;
    let from = match &arguments.from {
        Some(from) => from.clone(),
        None => own_uri(flow.local)?,
    };
    let to = arguments.uri.clone();
    let mut request = OutgoingRequest::new(flows, from.into(), to.into()).with_body(offer);
    request.routes.extend(arguments.proxy.clone());
    request.credentials.extend(credentials);
    let inviter = user_agent.invite(request)?;

    let begin = Instant::now();
    let mut call = Call {
        format: if arguments.json {
            Format::Json
        } else {
            Format::Text
        },
        begin,
        agent: flow.local,
        media,
        signals,
        answer_by: Some(begin + arguments.timeout),
        leave_by: None,
        duration: arguments.duration,
        early: None,
    };
    call.tell(&calling(arguments.uri, flow, &inviter));
    let outcome = call.ring(inviter).await;
    call.media.close();
    if let Some(file) = &arguments.record {
        wave::write(file, &recording.samples())?;
    }
    // A callee that says nothing at all is not waited for.
    let _ = timeout(LEAVE_TIME, user_agent.shutdown(Duration::ZERO)).await;
    Ok(outcome)
}

/// The call as it goes on.
struct Call {
    format: Format,
    begin: Instant,
    /// Our address, for warnings.
    agent: SocketAddr,
    media: Handler,
    signals: Signals,
    /// When it is given up; `None` once it is.
    answer_by: Option<Instant>,
    /// When nothing more is expected of a call that was given up.
    leave_by: Option<Instant>,
    duration: Option<Duration>,
    /// The last session description of a provisional response.
    early: Option<Vec<u8>>,
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
                signal = self.signals.next() => {
                    if let Signal::Stop = signal {
                        self.give_up(&mut inviter);
                    }
                    continue;
                }
            };
            match event {
                Some(InviterEvent::Trying(response)) => self.progress(&response),
                Some(InviterEvent::Progress(progress)) => self.progress(&progress.message),
                Some(InviterEvent::NoAnswer) | None => {}
                Some(InviterEvent::Accepted(accepted)) => return self.accepted(accepted).await,
                Some(InviterEvent::Redirected { contacts, message }) => {
                    if !self.follow(&mut inviter, &contacts, &message).await {
                        return self.rejected(&message);
                    }
                }
                Some(InviterEvent::Rejected(response)) => return self.rejected(&response),
                Some(InviterEvent::Cancelled(_)) => return self.failed("nobody answered"),
                Some(InviterEvent::Failed(cause)) => return self.failed(failed(cause)),
            }
        }
    }

    fn give_up(&mut self, inviter: &mut Inviter) {
        self.answer_by = None;
        self.leave_by = Some(Instant::now() + LEAVE_TIME);
        inviter.cancel();
    }

    fn progress(&mut self, response: &Response) {
        if let Some(description) = response.session_description() {
            self.early = Some(description.to_vec());
        }
        self.tell(&Step::Progress(Status::of(response)));
    }

    /// Whether one of the contacts is tried.
    async fn follow(
        &mut self,
        inviter: &mut Inviter,
        contacts: &[ContactTarget],
        response: &Response,
    ) -> bool {
        for contact in contacts {
            if inviter.follow(contact).await.is_ok() {
                let (status, uri) = (Status::of(response), contact.uri.clone());
                self.tell(&Step::Redirected { status, uri });
                return true;
            }
        }
        false
    }

    /// From the 2xx to the end of the session.
    async fn accepted(&mut self, accepted: Accepted) -> Outcome {
        let Accepted {
            mut session,
            message,
            ..
        } = accepted;
        let answered = Instant::now();
        let answer = message.session_description().or(self.early.as_deref());
        if let Err(error) = self.media.set_description(answer.unwrap_or_default()) {
            session.bye();
            session.ended().await;
            let cause = format!("no usable answer to our offer: {error}");
            self.tell(&Step::Failed { cause });
            return Outcome::Refused;
        }
        self.tell(&Step::Established(Status::of(&message)));
        let until = self.duration.map(|duration| answered + duration);
        let cause = self.talk(&mut session, until).await;
        let talked = answered.elapsed();
        self.tell(&Step::Ended { cause, talked });
        Outcome::Ended
    }

    async fn talk(&mut self, session: &mut Session, mut until: Option<Instant>) -> SessionEnd {
        loop {
            let event = tokio::select! {
                event = session.event() => event,
                () = at(until) => {
                    until = None;
                    session.bye();
                    continue;
                }
                signal = self.signals.next() => {
                    if let Signal::Stop = signal {
                        session.bye();
                    }
                    continue;
                }
            };
            match event {
                SessionEvent::Offer(offer) => change(offer, &mut *self.media, self.agent),
                SessionEvent::Reconfirmed(acknowledgement) => {
                    if let Some(description) = acknowledgement.session_description()
                        && self.media.set_description(description).is_err()
                    {
                        session.bye();
                    }
                }
                // No method is configured that could come so, and nothing is sent that it could
                // answer.
                SessionEvent::Request(_)
                | SessionEvent::Answered(_)
                | SessionEvent::AnsweredWithOffer(_)
                | SessionEvent::Unanswered(_)
                | SessionEvent::Referred(_)
                | SessionEvent::Refer { .. } => {}
                SessionEvent::Ended(end) => return end,
            }
        }
    }

    fn rejected(&self, response: &Response) -> Outcome {
        self.tell(&Step::Rejected(Status::of(response)));
        Outcome::Refused
    }

    fn failed(&self, cause: &str) -> Outcome {
        let cause = cause.to_owned();
        self.tell(&Step::Failed { cause });
        Outcome::NoAnswer
    }

    fn tell(&self, step: &Step) {
        step.print(self.format, self.begin.elapsed());
    }
}

/// What the callee hears, and where we keep what it says.
fn media(arguments: &CallArguments, local: IpAddr) -> anyhow::Result<(Handler, Recording)> {
    let recording = Recording::up_to(wave::LONGEST);
    if arguments.bare {
        return Ok((Box::new(BareHandler::new(local)), recording));
    }
    let sound = match &arguments.play {
        Some(file) => wave::read(file)?,
        None if arguments.tone => Sound::tone(TONE),
        None => Sound::silence(),
    };
    let keys = arguments.dtmf.iter().flat_map(|keys| keys.0.clone());
    let end = AudioEnd::new((Player::new(sound).pressing(keys), recording.clone()));
    let mut handler = AudioHandler::new(local, &PortRange::any(), end);
    if !arguments.codec.is_empty() {
        handler = handler.offering(arguments.codec.clone());
    }
    #[cfg(feature = "sdes")]
    if arguments.srtp {
        handler = handler.protected(Protection::Sdes);
    }
    Ok((Box::new(handler), recording))
}

/// A user agent on free ports of every address: those of IPv6 only where the system has it. Where the
/// URI asks for another transport than UDP or TCP, it speaks that one, too.
pub(crate) async fn listen(
    config: Config,
    uri: &UriBuf,
    certificates: &Certificates,
) -> anyhow::Result<UserAgent> {
    let mut transports = vec![Transport::Udp, Transport::Tcp];
    let asked = match uri.as_uri() {
        Uri::Sip(uri) => Transport::of_uri(&uri),
        _ => None,
    };
    transports.extend(asked.filter(|asked| !transports.contains(asked)));
    let tls = certificates.options(transports.iter().copied())?;
    let on = |builder: Builder, host| {
        let listeners = transports.iter().map(|it| format!("{it}:{host}:0"));
        listeners.fold(builder, Builder::listen)
    };
    let builder = on(UserAgent::builder().config(config).tls(tls), "0.0.0.0");
    match on(builder.clone(), "[::]").start().await {
        Err(StartError::Bind { .. }) => Ok(builder.start().await?),
        other => Ok(other?),
    }
}

/// Who calls, when nobody said it.
pub(crate) fn own_uri(local: SocketAddr) -> anyhow::Result<UriBuf> {
    let uri = format!("sip:offhook@{local}");
    uri.parse().map_err(|error| anyhow!("{uri}: {error}"))
}

fn calling(uri: UriBuf, flow: Flow, inviter: &Inviter) -> Step {
    Step::Calling {
        uri,
        transport: flow.transport,
        local: flow.local,
        remote: flow.remote,
        call_id: inviter.call_id().to_owned(),
    }
}

pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// In Hz.
const TONE: u16 = 440;
/// How long the last responses may take.
const LEAVE_TIME: Duration = Duration::from_secs(2);
