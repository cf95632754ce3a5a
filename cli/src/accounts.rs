//! The accounts of `serve`: each is registered, and kept registered.

use std::time::Duration;

use offhook::{Registerer, RegistrationEvent, UserAgent};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tracing::warn;

use crate::{
    registering::{Account, Stage, failed, registering, report},
    stdout::{Line, Output},
};

/// The accounts while they are kept. A task ends when its registration does: at the shutdown of the user agent, or when
/// the registrar refuses for good.
pub(crate) struct Accounts {
    tasks: JoinSet<()>,
    /// Dropped when nobody is looked for any more.
    looking: watch::Sender<()>,
}

impl Accounts {
    /// Registers them.
    pub(crate) fn register(user_agent: &UserAgent, accounts: &[Account], output: Output) -> Self {
        let looking = watch::Sender::new(());
        let accounts = accounts.iter().cloned();
        let keep = |account| keep(user_agent.clone(), account, output, looking.subscribe());
        let tasks = accounts.map(keep).collect();
        Self { tasks, looking }
    }

    /// Looks for nobody any more, from now on: who is found while the user agent is shut down would be registered again.
    /// The future waits for the last lines, which come once that is done.
    pub(crate) fn end(self) -> impl Future<Output = ()> {
        let Self { mut tasks, looking } = self;
        drop(looking);
        async move { while tasks.join_next().await.is_some() {} }
    }
}

async fn keep(
    user_agent: UserAgent,
    account: Account,
    output: Output,
    mut looking: watch::Receiver<()>,
) {
    let tell = |line: Line| output.tell(line);
    let mut registerer = tokio::select! {
        biased;
        _ = looking.changed() => return,
        registerer = reach(&user_agent, &account, tell) => registerer,
    };
    let mut stage = Stage::First;
    while let Some(event) = registerer.event().await {
        tell(report(&account, &event, stage));
        stage = match event {
            RegistrationEvent::Registered { .. } => Stage::Kept,
            _ => Stage::First,
        };
        tokio::select! {
            () = account.look_again(&mut registerer, &event, &user_agent) => {}
            _ = looking.changed() => {}
        }
        if let RegistrationEvent::Refused { retry_in: None, .. } = event {
            warn!(aor = %account.aor, "the registrar refuses: the account gets no calls");
        }
    }
}

/// Looks for a way to the registrar until there is one: its name may be found later.
async fn reach(user_agent: &UserAgent, account: &Account, tell: impl Fn(Line)) -> Registerer {
    let mut wait = FIRST_WAIT;
    loop {
        match account.register(user_agent).await {
            Ok((registerer, flow)) => {
                tell(registering(account, &flow));
                return registerer;
            }
            Err(error) => tell(failed(account, error, Some(wait))),
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// As [RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5) has it.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_mins(30);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use offhook::{Answer, Resolver, locate};
    use tokio::{runtime::Handle, time::timeout};

    use super::*;
    use crate::caller::Path;
    use crate::stdout::tests::WORDS;

    #[derive(Debug)]
    struct Silent;

    impl Resolver for Silent {
        fn look_up<'a>(&'a self, _: &'a locate::Question) -> Answer<'a> {
            Box::pin(pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_looked_for_from_the_end_on() {
        let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
        let user_agent = builder.resolver(Silent).start().await.unwrap();
        let account = Account {
            aor: "sip:alice@example.com".parse().unwrap(),
            registrar: "sip:example.com".parse().unwrap(),
            path: Path::default(),
            expires: 600,
        };
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let others = tasks();
        let accounts = Accounts::register(&user_agent, &[account], WORDS);
        sleep(FIRST_WAIT).await;
        assert_eq!(tasks(), others + 1);

        let last_lines = accounts.end();
        let looks_no_more = async {
            while tasks() > others {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(FIRST_WAIT, looks_no_more).await.unwrap();
        last_lines.await;
    }
}
