//! The accounts of `serve`: each is registered, and kept registered.

use std::time::Duration;

use offhook::{Registerer, RegistrationEvent, UserAgent};
use tokio::{task::JoinSet, time::sleep};
use tracing::warn;

use crate::{
    registering::{Account, Report},
    stdout::Output,
};

/// Registers the accounts. A task ends when its registration does: at the shutdown of the user
/// agent, or when the registrar refuses for good.
pub(crate) fn register(
    user_agent: &UserAgent,
    accounts: &[Account],
    output: Output,
) -> JoinSet<()> {
    let accounts = accounts.iter().cloned();
    accounts
        .map(|account| keep(user_agent.clone(), account, output))
        .collect()
}

async fn keep(user_agent: UserAgent, account: Account, output: Output) {
    let tell = |report: Report| output.tell(&report);
    let mut registerer = reach(&user_agent, &account, tell).await;
    let mut is_registered = false;
    while let Some(event) = registerer.event().await {
        tell(Report::event(&account, &event, is_registered));
        is_registered = matches!(event, RegistrationEvent::Registered { .. });
        account
            .look_again(&mut registerer, &event, &user_agent)
            .await;
        if let RegistrationEvent::Refused { retry_in: None, .. } = event {
            warn!(aor = %account.aor, "the registrar refuses: the account gets no calls");
        }
    }
}

/// Looks for a way to the registrar until there is one: its name may be found later.
async fn reach(user_agent: &UserAgent, account: &Account, tell: impl Fn(Report)) -> Registerer {
    let mut wait = FIRST_WAIT;
    loop {
        match account.register(user_agent).await {
            Ok((registerer, flow)) => {
                tell(Report::registering(account, &flow));
                return registerer;
            }
            Err(error) => tell(Report::failed(account, error.to_string(), Some(wait))),
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// As [RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5) has it.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_mins(30);
