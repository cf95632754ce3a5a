//! How a user agent starts, how much it takes, and how it leaves.

mod callee;
mod caller;

use std::time::{Duration, Instant};

use callee::{call, request, uri};
use caller::{Caller, answer, incoming, soon, start, start_with};
use offhook::message::{Method, Provisional, Rejection};
use offhook::{Config, InviterEvent, RequestFailure, SessionEnd, StartError, UserAgent};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn an_address_in_use_is_named() {
    for transport in ["udp", "tcp"] {
        let (_user_agent, server) = start(&format!("{transport}:127.0.0.1:0")).await;
        let taken = format!("{transport}:{}", server.address);
        let error = UserAgent::builder()
            .listen(&taken)
            .start()
            .await
            .unwrap_err();
        assert!(matches!(error, StartError::Bind { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&taken) && text.contains("in use"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_listener_is_named() {
    let builder = UserAgent::builder().listen("sctp:127.0.0.1:5060");
    let error = builder.start().await.unwrap_err();
    assert!(matches!(error, StartError::InvalidListener(_)), "{error:?}");
    assert!(error.to_string().contains("sctp:127.0.0.1:5060"), "{error}");

    let error = UserAgent::builder().start().await.unwrap_err();
    assert!(matches!(error, StartError::NoListener), "{error:?}");
}

#[tokio::test]
async fn calls_past_the_backlog_get_503() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0").backlog(1);
    let (user_agent, server) = start_with(builder).await;
    let mut first = Caller::new(server).await;
    first.send(first.request("INVITE")).await;
    first.response(100).await;

    let mut second = Caller::new(server).await;
    second.send(second.request("INVITE")).await;
    let response = second.response(503).await;
    assert!(response.headers().named("Retry-After").next().is_some());

    let invitation = incoming(&user_agent).await;
    assert_eq!(invitation.call_id(), first.call_id);
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    first.response(486).await;
}

#[tokio::test]
async fn several_tasks_take_calls() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let user_agent = user_agent.clone();
            tokio::spawn(async move {
                let invitation = user_agent.incoming().await.unwrap();
                invitation.reject(Rejection::BUSY_HERE).unwrap();
            })
        })
        .collect();
    for _ in 0..4 {
        let mut caller = Caller::new(server).await;
        caller.send(caller.request("INVITE")).await;
        caller.response(486).await;
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
}

#[tokio::test]
async fn leaving_refuses_new_calls_and_waits_for_the_others() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    let mut waiting = Caller::new(server).await;
    waiting.send(waiting.request("INVITE")).await;
    waiting.response(100).await;

    let leaving = tokio::spawn({
        let user_agent = user_agent.clone();
        async move { user_agent.shutdown(HOUR).await }
    });
    let response = waiting.response(503).await;
    assert!(response.headers().named("Retry-After").next().is_some());
    assert!(soon(user_agent.incoming()).await.is_none());
    let mut late = Caller::new(server).await;
    late.send(late.request("INVITE")).await;
    let response = late.response(503).await;
    assert!(response.headers().named("Retry-After").next().is_some());
    assert!(!leaving.is_finished());

    caller.send(caller.request("BYE")).await;
    caller.response(200).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
    soon(leaving).await.unwrap();
}

/// RFC 3261 §13.3.1.4: the 2xx is repeated for a caller whose BYE has met it, and nobody waits for that.
#[tokio::test]
async fn leaving_waits_for_no_call_that_is_over() {
    let mut config = Config::default();
    config.times.t1 = Duration::from_hours(1);
    let builder = UserAgent::builder().config(config);
    let (user_agent, server) = start_with(builder.listen("udp:127.0.0.1:0")).await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let mut invitation = incoming(&user_agent).await;
    invitation.progress(Provisional::RINGING).unwrap();
    caller.response(180).await;
    let mut session = invitation.accept(answer()).unwrap();
    caller.response(200).await;
    caller.send(caller.request("BYE")).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(user_agent.counts().unacknowledged, 1);
    soon(user_agent.shutdown(HOUR)).await;
}

#[tokio::test]
async fn leaving_ends_the_stragglers() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let (user_agent, server) = start(listener).await;
        let mut answered = Caller::new(server).await;
        let mut session = answered.establish(&user_agent).await;
        let mut ringing = Caller::new(server).await;
        ringing.send(ringing.request("INVITE")).await;
        let mut invitation = incoming(&user_agent).await;

        let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::ZERO).await });
        let bye = answered.expect_request("BYE").await;
        ringing.response(480).await;
        soon(invitation.cancelled()).await;
        answered.answer(&bye).await;
        assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
        drop((answered, ringing));
        soon(leaving).await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_does_not_answer_our_bye_does_not_hold_us() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    let begun = Instant::now();
    soon(user_agent.shutdown(Duration::ZERO)).await;
    // A BYE lasts for 32 s.
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(soon(session.ended()).await, SessionEnd::ByeUnanswered);
}

#[tokio::test]
async fn an_idle_user_agent_leaves_at_once() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    soon(user_agent.shutdown(HOUR)).await;
}

#[tokio::test]
async fn what_is_begun_after_leaving_fails() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    soon(user_agent.shutdown(HOUR)).await;
    let to = uri("bob", server.transport, server.address);
    let mut inviter = call(&user_agent, &to).await;
    let event = soon(inviter.event()).await;
    assert!(
        matches!(
            event,
            Some(InviterEvent::Failed(RequestFailure::Undelivered))
        ),
        "{event:?}"
    );
    assert!(soon(inviter.event()).await.is_none());
    let options = user_agent.request(Method::Options, request(&user_agent, &to).await);
    let response = soon(options.unwrap().response()).await;
    assert!(
        matches!(response, Err(RequestFailure::Undelivered)),
        "{response:?}"
    );
}

#[tokio::test]
async fn the_port_is_free_when_the_last_handle_is_gone() {
    // Nobody else takes ports of this address.
    let (user_agent, server) = start("udp:127.40.30.20:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let session = incoming(&user_agent).await.accept(answer()).unwrap();
    soon(user_agent.shutdown(Duration::ZERO)).await;
    drop((user_agent, session));
    let (_user_agent, again) = start(&format!("udp:{}", server.address)).await;
    assert_eq!(again, server);
}
