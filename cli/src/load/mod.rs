//! `offhook load`: calls at a rate, whatever becomes of them.

mod arguments;
mod calls;
mod schedule;
mod tally;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use offhook::{Config, OutgoingRequest, UserAgent};
use offhook_media::{BareHandler, SessionDescriptionHandler};
use tokio::{
    runtime::Runtime,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

pub(crate) use self::arguments::LoadArguments;
use self::{
    calls::Calls,
    schedule::{Next, Schedule},
    tally::Tally,
};
use crate::{
    signals::{HangUp, Signal, Signals},
    stdout::{Output, print},
};

/// Places the calls and sees them to their end. An error means that none was placed.
pub(crate) fn load(arguments: LoadArguments) -> anyhow::Result<ExitCode> {
    let output = arguments.caller.output.start()?;
    let runtime = Runtime::new().context("no runtime")?;
    let is_clean = runtime.block_on(async move { tokio::spawn(run(arguments, output)).await? });
    runtime.shutdown_background();
    Ok(if is_clean? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether every call was established and ended.
pub(crate) async fn run(arguments: LoadArguments, output: Output) -> anyhow::Result<bool> {
    let mut signals = Signals::catch(HangUp::Stop).context("signals cannot be caught")?;
    let (caller, target) = (&arguments.caller, &arguments.uri);
    let path = caller.path(None)?;
    let user_agent = caller.listen(config(arguments.limit), target).await?;
    let request = path.request(&user_agent, None, target);
    let (request, flow) = signals.unless_stopped(request).await?;
    let load = Load {
        user_agent: user_agent.clone(),
        // A stream that nobody uses.
        request: request.with_body(BareHandler::new(flow.local.ip()).description()?),
        calls: Arc::new(Calls::new(Tally::new()?, arguments.hold)),
        begin: Instant::now(),
        limit: arguments.limit,
        output,
    };
    let schedule = Schedule::new(arguments.rate, arguments.calls);
    let tally = load.run(schedule, signals).await;
    let is_over = tally.in_progress() == 0;
    if is_over {
        let _ = timeout(LEAVE_TIME, user_agent.shutdown(Duration::ZERO)).await;
    }
    Ok(is_over && tally.all_failed() == 0)
}

/// One run.
struct Load {
    user_agent: UserAgent,
    /// The same for all calls.
    request: OutgoingRequest,
    calls: Arc<Calls>,
    begin: Instant,
    limit: u32,
    output: Output,
}

impl Load {
    async fn run(&self, mut schedule: Schedule, mut signals: Signals) -> Tally {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut reports = interval(REPORT);
        reports.reset();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.place(&mut schedule);
                    if schedule.is_over() && self.calls.tally().in_progress() == 0 {
                        break;
                    }
                }
                _ = reports.tick() => self.report(),
                signal = signals.next() => match signal {
                    Signal::Count => self.report(),
                    Signal::Reload => {}
                    Signal::Stop => {
                        schedule.stop();
                        let user_agent = self.user_agent.clone();
                        tokio::spawn(async move { user_agent.shutdown(Duration::ZERO).await });
                    }
                    Signal::StopAtOnce => break,
                },
            }
        }
        let tally = self.tally();
        self.summarize(&tally);
        tally
    }

    /// Begins the calls that are due.
    fn place(&self, schedule: &mut Schedule) {
        loop {
            let now = self.begin.elapsed();
            {
                let mut tally = self.calls.tally();
                let has_room = tally.in_progress() < self.limit;
                let Next::Begin { late } = schedule.next(now, has_room) else {
                    tally.slid = schedule.slid();
                    return;
                };
                tally.offer(now, late);
            }
            let calls = Arc::clone(&self.calls);
            match self.user_agent.invite(self.request.clone()) {
                Ok(inviter) => {
                    tokio::spawn(async move { calls.follow(inviter).await });
                }
                Err(error) => calls.tally().failed(error.to_string()),
            }
        }
    }

    fn report(&self) {
        let line = self.tally().line("progress", self.begin.elapsed());
        if self.output.is_json || !io::stdout().is_terminal() {
            return self.output.tell(line);
        }
        // The line takes the place of the one before; a terminal that is gone is no loss.
        let mut stdout = io::stdout().lock();
        let _ = write!(stdout, "\r\x1b[2K{}", line.words()).and_then(|()| stdout.flush());
    }

    fn summarize(&self, tally: &Tally) {
        if self.output.is_json {
            let line = tally.line("summary", self.begin.elapsed());
            return self.output.tell(line);
        }
        self.report();
        if io::stdout().is_terminal() {
            print("");
        }
        for (why, count) in &tally.failed {
            print(format_args!("failed {count}: {why}"));
        }
        if tally.is_bottleneck() {
            print(format_args!(
                "{} calls began up to {} ms late: this program is the bottleneck, not what it calls; \
                 give it more processors or a lower --rate",
                tally.late,
                tally.behind.as_millis()
            ));
        }
        if !tally.slid.is_zero() {
            print(format_args!(
                "calls began {} ms late in the end: --limit {} is less than are in progress at this \
                 rate",
                tally.slid.as_millis(),
                self.limit
            ));
        }
    }

    fn tally(&self) -> Tally {
        let repeated = self.user_agent.counts().totals.repeated_requests_sent;
        let mut tally = self.calls.tally().clone();
        tally.retransmissions = repeated;
        tally
    }
}

/// The bounds follow from `--limit`; transactions outlive their calls by half a minute.
fn config(limit: u32) -> Config {
    let mut config = Config::default();
    // The calls are not spread evenly over the locks.
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let most = most.saturating_mul(2).saturating_add(FEW);
    config.limits.invites = most;
    config.limits.sessions = most;
    config.limits.transactions = MOST_TRANSACTIONS;
    config
}

/// How often the schedule is looked at.
const TICK: Duration = Duration::from_millis(1);
const REPORT: Duration = Duration::from_secs(1);
/// How long the last responses may take.
const LEAVE_TIME: Duration = Duration::from_secs(2);
const FEW: usize = 1000;
/// Three of each call, for 32 s, at 50,000 calls a second.
const MOST_TRANSACTIONS: usize = 5_000_000;
