//! The library subscribes at SIPp, which asks for credentials, is refreshed and is left.

use std::time::Duration;

use anyhow::{Result, ensure};
use offhook::message::{Text, UriBuf};
use offhook::{
    Credentials, OutgoingRequest, SubscriberEvent, SubscriptionEvent, SubscriptionOptions,
    SubscriptionState, UserAgent,
};
use offhook_interop::{Offhook, SippCallee};
use tokio::time::timeout;

#[tokio::test]
async fn a_subscription_lives_until_we_end_it() -> Result<()> {
    if Offhook::find(&["sipp"])?.is_none() {
        return Ok(());
    }
    let notifier = SippCallee::start("notifier", &[])?;
    let user_agent = UserAgent::builder()
        .listen("udp:127.0.0.1:0")
        .start()
        .await?;
    let uri: UriBuf = notifier.uri().parse()?;
    let flows = user_agent.flows(&uri).await?;
    let alice = "sip:alice@example.com".parse()?;
    let credentials = Credentials::password(Text::from_static("sipp"), "secret");
    let request = OutgoingRequest::new(flows, alice, uri.into()).with_credentials(credentials);
    let presence = SubscriptionOptions::new(request, Text::from_static("presence"));
    let mut subscriber = user_agent.subscribe(presence)?;
    let mut told = Vec::new();
    while let Some(event) = timeout(PATIENCE, subscriber.event()).await? {
        match event {
            SubscriberEvent::Subscription(SubscriptionEvent::Notified { state, message }) => {
                let body = String::from_utf8_lossy(message.body()).trim().to_owned();
                if body == "state 3" {
                    subscriber.unsubscribe();
                }
                told.push((state, body));
            }
            SubscriberEvent::Subscription(SubscriptionEvent::Lost { cause, .. }) => {
                anyhow::bail!("the subscription is lost: {cause:?}");
            }
            _ => {}
        }
    }
    let states: Vec<_> = told.iter().map(|(state, _)| *state).collect();
    let expected = [
        SubscriptionState::Pending,
        SubscriptionState::Active,
        SubscriptionState::Active,
        SubscriptionState::Terminated,
    ];
    ensure!(states == expected, "{told:?}");
    let log = tokio::task::spawn_blocking(|| notifier.finish()).await??;
    ensure!(log.contains("credentials: true"), "{log}");
    Ok(())
}

const PATIENCE: Duration = Duration::from_mins(1);
