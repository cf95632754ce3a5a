//! Subscriptions and published states, against a server made of a plain socket.

mod callee;
mod caller;

use std::time::Duration;

use callee::{Callee, request};
use caller::{soon, start};
use offhook::message::{Body, Request, Text};
use offhook::{
    PublicationEvent, PublicationOptions, Subscriber, SubscriberEvent, SubscriptionEnd,
    SubscriptionEvent, SubscriptionOptions, SubscriptionState, UserAgent,
};

fn value<'a>(request: &'a Request, name: &'a str) -> &'a str {
    let field = request.headers().named(name).next();
    str::from_utf8(field.map_or(b"", |field| field.value)).unwrap()
}

async fn subscribe(user_agent: &UserAgent, notifier: &Callee, notifiers: usize) -> Subscriber {
    let mut request = request(user_agent, &notifier.uri()).await;
    request.body = None;
    let mut options = SubscriptionOptions::new(request, Text::from_static("presence"));
    options.expires = 600;
    options.notifiers = notifiers;
    user_agent.subscribe(options).unwrap()
}

async fn event(subscriber: &mut Subscriber) -> SubscriptionEvent {
    match soon(subscriber.event()).await {
        Some(SubscriberEvent::Subscription(event)) => event,
        other => panic!("{other:?} is no event of this subscription"),
    }
}

/// Accepts the SUBSCRIBE and notifies; gives the SUBSCRIBE.
async fn subscribed(notifier: &mut Callee, subscriber: &mut Subscriber) -> Request {
    let subscribe = notifier.expect("SUBSCRIBE").await;
    assert_eq!(value(&subscribe, "Event"), "presence");
    notifier
        .respond(&subscribe, "200 OK", "Expires: 600\r\n", "")
        .await;
    notifier.request(&subscribe, 1, "NOTIFY", ACTIVE).await;
    assert_eq!(notifier.expect_status().await, 200);
    let accepted = event(subscriber).await;
    assert!(matches!(
        accepted,
        SubscriptionEvent::Accepted { expires: FOR, .. }
    ));
    let told = event(subscriber).await;
    assert!(matches!(
        told,
        SubscriptionEvent::Notified {
            state: SubscriptionState::Active,
            ..
        }
    ));
    subscribe
}

/// Takes the SUBSCRIBE that ends the subscription, and ends it.
async fn ended(notifier: &mut Callee, subscribe: &Request) {
    let end = notifier.expect("SUBSCRIBE").await;
    assert_eq!(value(&end, "Expires"), "0");
    assert!(value(&end, "To").ends_with(";tag=bob"));
    notifier.respond(&end, "200 OK", "Expires: 0\r\n", "").await;
    notifier.request(subscribe, 2, "NOTIFY", OVER).await;
    assert_eq!(notifier.expect_status().await, 200);
}

#[tokio::test]
async fn a_subscription_begins_and_ends() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "udp:[::1]:0"] {
        let (user_agent, _) = start(listener).await;
        let mut notifier = Callee::new(listener).await;
        let mut subscriber = subscribe(&user_agent, &notifier, 1).await;
        let subscribe = subscribed(&mut notifier, &mut subscriber).await;
        subscriber.unsubscribe();
        ended(&mut notifier, &subscribe).await;
        let told = event(&mut subscriber).await;
        assert!(matches!(
            told,
            SubscriptionEvent::Notified {
                state: SubscriptionState::Terminated,
                ..
            }
        ));
        let over = event(&mut subscriber).await;
        let SubscriptionEvent::Terminated { cause } = over else {
            panic!("{over:?} instead of the end");
        };
        assert!(matches!(cause, SubscriptionEnd::Unsubscribed));
        assert!(soon(subscriber.event()).await.is_none());
        assert_eq!(user_agent.counts().subscriptions, 0);
    }
}

#[tokio::test]
async fn a_subscriber_that_is_dropped_unsubscribes() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut notifier = Callee::new("udp:127.0.0.1:0").await;
    let mut subscriber = subscribe(&user_agent, &notifier, 1).await;
    let subscribe = subscribed(&mut notifier, &mut subscriber).await;
    drop(subscriber);
    ended(&mut notifier, &subscribe).await;
    assert_eq!(user_agent.counts().subscriptions, 0);
}

#[tokio::test]
async fn a_further_notifier_is_a_further_subscription() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut notifier = Callee::new("udp:127.0.0.1:0").await;
    let mut subscriber = subscribe(&user_agent, &notifier, 3).await;
    let subscribe = subscribed(&mut notifier, &mut subscriber).await;
    for tag in ["carol", "dave"] {
        notifier.notify_as(&subscribe, tag, ACTIVE).await;
        assert_eq!(notifier.expect_status().await, 200);
    }
    let Some(SubscriberEvent::Forked(mut carol)) = soon(subscriber.event()).await else {
        panic!("forked");
    };
    let told = event(&mut carol).await;
    assert!(matches!(told, SubscriptionEvent::Notified { .. }));
    assert_eq!(user_agent.counts().subscriptions, 3);
    // Who drops the first drops those that it has not seen.
    drop(subscriber);
    let mut ended = Vec::new();
    for _ in 0..2 {
        let end = notifier.expect("SUBSCRIBE").await;
        assert_eq!(value(&end, "Expires"), "0");
        ended.push(value(&end, "To").rsplit('=').next().unwrap().to_owned());
        notifier.respond(&end, "481 Gone", "", "").await;
    }
    ended.sort();
    assert_eq!(ended, ["bob", "dave"]);
    carol.refresh();
    let refresh = notifier.expect("SUBSCRIBE").await;
    assert!(value(&refresh, "To").ends_with(";tag=carol"));
}

/// Of the NOTIFYs the oldest go; the handle of a further subscription stays.
#[tokio::test]
async fn a_further_subscription_waits_for_who_does_not_look() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut notifier = Callee::new("udp:127.0.0.1:0").await;
    let mut subscriber = subscribe(&user_agent, &notifier, 2).await;
    let subscribe = subscribed(&mut notifier, &mut subscriber).await;
    notifier.notify_as(&subscribe, "carol", ACTIVE).await;
    assert_eq!(notifier.expect_status().await, 200);
    for cseq in 2..40 {
        notifier.request(&subscribe, cseq, "NOTIFY", ACTIVE).await;
        assert_eq!(notifier.expect_status().await, 200);
    }
    let Some(SubscriberEvent::Forked(mut carol)) = soon(subscriber.event()).await else {
        panic!("forked");
    };
    let told = event(&mut carol).await;
    assert!(matches!(told, SubscriptionEvent::Notified { .. }));
    let SubscriptionEvent::Notified { message, .. } = event(&mut subscriber).await else {
        panic!("notified");
    };
    assert_eq!(value(&message, "CSeq"), "24 NOTIFY");
}

#[tokio::test]
async fn who_leaves_ends_subscriptions_and_states_first() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut notifier = Callee::new("udp:127.0.0.1:0").await;
    let mut subscriber = subscribe(&user_agent, &notifier, 1).await;
    let subscribe = subscribed(&mut notifier, &mut subscriber).await;
    let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::from_secs(30)).await });
    ended(&mut notifier, &subscribe).await;
    soon(leaving).await.unwrap();
}

#[tokio::test]
async fn a_state_is_published_changed_and_removed() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let (user_agent, _) = start(listener).await;
        let mut compositor = Callee::new(listener).await;
        let pidf = |text: &'static str| Body::new("application/pidf+xml", text).unwrap();
        let request = request(&user_agent, &compositor.uri()).await;
        let request = request.with_body(pidf("open"));
        let options = PublicationOptions::new(request, Text::from_static("presence"));
        let mut publisher = user_agent.publish(options).unwrap();
        let publish = compositor.expect("PUBLISH").await;
        assert_eq!(publish.body(), b"open");
        let tagged = "SIP-ETag: one\r\nExpires: 600\r\n";
        compositor.respond(&publish, "200 OK", tagged, "").await;
        let told = soon(publisher.event()).await;
        assert!(matches!(
            told,
            Some(PublicationEvent::Published { expires: FOR, .. })
        ));
        publisher.publish(pidf("busy"));
        let publish = compositor.expect("PUBLISH").await;
        assert_eq!(value(&publish, "SIP-If-Match"), "one");
        assert_eq!(publish.body(), b"busy");
        let tagged = "SIP-ETag: two\r\nExpires: 600\r\n";
        compositor.respond(&publish, "200 OK", tagged, "").await;
        soon(publisher.event()).await;
        drop(publisher);
        let publish = compositor.expect("PUBLISH").await;
        assert_eq!(value(&publish, "SIP-If-Match"), "two");
        assert_eq!(value(&publish, "Expires"), "0");
    }
}

const FOR: Duration = Duration::from_mins(10);
const ACTIVE: &str = "Event: presence\r\nSubscription-State: active;expires=600\r\n";
const OVER: &str = "Event: presence\r\nSubscription-State: terminated;reason=timeout\r\n";
