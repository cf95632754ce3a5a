//! `offhook register`: one registration, kept until a signal ends it.

mod account;
mod arguments;
mod report;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use offhook::{Config, Registerer, RegistrationEvent, UserAgent};
use tokio::time::{Instant, timeout_at};

use self::report::left;
pub(crate) use self::{
    account::{Account, registrar_of},
    arguments::{LONGEST, RegisterArguments, address},
    report::{Stage, failed, registering, report},
};
use crate::{
    calling::at,
    credentials::advise,
    outcome::Outcome,
    signals::{HangUp, Signals, Stop},
    stdout::Output,
};

/// Registers and keeps the binding. An error means that the registrar was not asked.
pub(crate) async fn register(arguments: RegisterArguments) -> anyhow::Result<ExitCode> {
    let output = arguments.caller.output.start()?;
    run(arguments, output).await
}

pub(crate) async fn run(arguments: RegisterArguments, output: Output) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::catch(HangUp::Stop).context("signals cannot be caught")?;
    let account = account(&arguments)?;
    let config = Config::default();
    let user_agent = arguments.caller.listen(config, &account.registrar).await?;
    let asked = signals.unless_stopped(account.register(&user_agent));
    let (registerer, flow) = asked.await?;
    let mut registration = Registration {
        account,
        output: output.timed(),
        signals,
        is_registered: false,
        leave_by: None,
    };
    let line = registering(&registration.account, &flow);
    registration.output.tell(line);
    let outcome = registration.keep(registerer, &user_agent).await;
    if outcome != Outcome::StoppedAtOnce {
        // The time for leaving is there once.
        let leave_by = registration.leave_by;
        let leave_by = leave_by.unwrap_or_else(|| Instant::now() + LEAVE_TIME);
        let _ = timeout_at(leave_by, user_agent.shutdown(Duration::ZERO)).await;
    }
    Ok(outcome.into())
}

fn account(arguments: &RegisterArguments) -> anyhow::Result<Account> {
    let aor = arguments.aor.clone();
    let registrar = arguments.registrar.clone().or_else(|| registrar_of(&aor));
    let user = account::user_of(&aor);
    Ok(Account {
        registrar: registrar.context("the address has no domain")?,
        aor,
        path: arguments.caller.path(user.as_deref())?,
        expires: arguments.expires,
    })
}

/// The registration as it goes on.
struct Registration {
    account: Account,
    output: Output,
    signals: Signals,
    /// Whether the registrar has had the binding.
    is_registered: bool,
    /// When no answer to our leaving is waited for any more.
    leave_by: Option<Instant>,
}

impl Registration {
    async fn keep(&mut self, mut registerer: Registerer, user_agent: &UserAgent) -> Outcome {
        loop {
            let event = tokio::select! {
                event = registerer.event() => event,
                () = at(self.leave_by) => None,
                stop = self.signals.stop() => {
                    if let Err(outcome) = self.leave(&mut registerer, stop) {
                        return outcome;
                    }
                    continue;
                }
            };
            let Some(event) = event else {
                self.tell_left("no answer to our leaving");
                return Outcome::NoAnswer;
            };
            let before = self.is_registered;
            let outcome = self.outcome(&event);
            let stage = match outcome {
                Some(_) => Stage::Last,
                None if before => Stage::Kept,
                None => Stage::First,
            };
            self.output.tell(report(&self.account, &event, stage));
            if let RegistrationEvent::Refused { message, .. } = &event {
                advise(message, self.account.path.credentials.as_ref());
            }
            if let Some(outcome) = outcome {
                return outcome;
            }
            let stop = tokio::select! {
                () = self.account.look_again(&mut registerer, &event, user_agent) => continue,
                () = at(self.leave_by) => continue,
                stop = self.signals.stop() => stop,
            };
            if let Err(outcome) = self.leave(&mut registerer, stop) {
                return outcome;
            }
        }
    }

    /// Takes the binding away. `Err` where the answer is not to be waited for.
    fn leave(&mut self, registerer: &mut Registerer, stop: Stop) -> Result<(), Outcome> {
        if stop == Stop::AtOnce {
            self.tell_left("we did not wait for an answer to our leaving");
            return Err(Outcome::StoppedAtOnce);
        }
        self.leave_by = Some(Instant::now() + LEAVE_TIME);
        registerer.unregister();
        Ok(())
    }

    fn tell_left(&self, cause: &str) {
        self.output.tell(left(&self.account, cause));
    }

    /// How it came out, where it is over. A registrar that has never taken us is asked once.
    fn outcome(&mut self, event: &RegistrationEvent) -> Option<Outcome> {
        match event {
            RegistrationEvent::Registered { .. } => {
                self.is_registered = true;
                None
            }
            RegistrationEvent::Refused { retry_in, .. } => {
                let is_over = retry_in.is_none() || !self.is_registered;
                is_over.then_some(Outcome::Refused)
            }
            RegistrationEvent::Failed { .. } => (!self.is_registered).then_some(Outcome::NoAnswer),
            RegistrationEvent::Unregistered { message } => Some(match message {
                Some(message) if message.status().is_success() => Outcome::Ended,
                Some(_) => Outcome::Refused,
                None => Outcome::NoAnswer,
            }),
        }
    }
}

/// How long the answer to our leaving may take, with three repetitions (0.5 + 1 + 2 s).
const LEAVE_TIME: Duration = Duration::from_secs(4);
