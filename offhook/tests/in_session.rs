//! What a peer does inside a session: hold, and requests that the application answers.

mod caller;

use std::time::Duration;

use caller::{Caller, answer, soon, start, start_with};
use offhook::message::{Method, Rejection, Success, Text};
use offhook::{
    Config, IncomingRequest, SessionEnd, SessionEvent, UserAgent, UserAgentEvent, VerbError,
};

fn config() -> Config {
    Config {
        methods: vec![Method::Info, Method::Message],
        info_packages: vec![Text::from_static("dtmf")],
        ..Config::default()
    }
}

fn request(event: SessionEvent) -> IncomingRequest {
    match event {
        SessionEvent::Request(request) => request,
        other => panic!("a request was expected: {other:?}"),
    }
}

#[tokio::test]
async fn a_reinvite_is_answered_by_the_application() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;

    caller.send(caller.later_request("INVITE", 2, "")).await;
    let SessionEvent::Offer(offer) = soon(session.event()).await else {
        panic!("an offer was expected");
    };
    assert!(offer.message().session_description().is_some());
    offer.answer(&answer()).unwrap();
    let response = caller.response(200).await;
    assert_eq!(response.body(), caller::SDP.as_bytes());
    caller.send(caller.later_request("ACK", 2, "")).await;
    let event = soon(session.event()).await;
    assert!(matches!(event, SessionEvent::Reconfirmed(_)), "{event:?}");
}

#[tokio::test]
async fn a_reinvite_that_nobody_looks_at_is_refused_and_the_call_goes_on() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    let ended = tokio::spawn(async move { session.ended().await });

    caller.send(caller.later_request("INVITE", 2, "")).await;
    caller.response(488).await;
    assert_eq!(user_agent.counts().sessions, 1);
    assert!(!ended.is_finished());
}

#[tokio::test]
async fn an_update_refreshes_the_session() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let _session = caller.establish(&user_agent).await;
    caller.send(caller.later_request("UPDATE", 2, "")).await;
    let response = caller.response(200).await;
    assert!(response.headers().named("Contact").next().is_some());
}

#[tokio::test]
async fn an_info_of_a_known_package_reaches_the_session() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.config(config())).await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;

    let info = caller.later_request("INFO", 2, "Info-Package: dtmf\r\n");
    caller.send(info).await;
    let info = request(soon(session.event()).await);
    assert_eq!(*info.message().method(), Method::Info);
    assert!(info.accept(Success::OK).is_some());
    caller.response(200).await;

    let info = caller.later_request("INFO", 3, "Info-Package: other\r\n");
    caller.send(info).await;
    let response = caller.response(469).await;
    let received = response.headers().named("Recv-Info").next().unwrap();
    assert_eq!(received.value, b"dtmf");
}

#[tokio::test]
async fn a_request_that_is_dropped_gets_488() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.config(config())).await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    caller.send(caller.later_request("MESSAGE", 2, "")).await;
    drop(request(soon(session.event()).await));
    caller.response(488).await;
}

/// RFC 3261 §15.1.2: what is pending when the BYE comes is answered all the same.
#[tokio::test]
async fn a_request_right_before_the_bye_reaches_the_session() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.config(config())).await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    caller.send(caller.later_request("MESSAGE", 2, "")).await;
    caller.send(caller.later_request("BYE", 3, "")).await;
    caller.response(200).await;
    let message = request(soon(session.event()).await);
    assert!(message.accept(Success::OK).is_some());
    assert_eq!(caller.next_status().await, (200, "MESSAGE".to_owned()));
    let event = soon(session.event()).await;
    assert!(
        matches!(event, SessionEvent::Ended(SessionEnd::RemoteBye)),
        "{event:?}"
    );
}

#[tokio::test]
async fn what_a_dropped_session_has_not_seen_is_refused_at_once() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let mut config = config();
    config.methods.push(Method::Refer);
    let (user_agent, server) = start_with(builder.config(config)).await;
    let mut caller = Caller::new(server).await;
    let session = caller.establish(&user_agent).await;
    let refer_to = "Refer-To: <sip:carol@127.0.0.1>\r\n";
    caller.send(caller.later_request("MESSAGE", 2, "")).await;
    caller
        .send(caller.later_request("REFER", 3, refer_to))
        .await;
    caller.send(caller.later_request("INVITE", 4, "")).await;
    caller.send(caller.later_request("OPTIONS", 5, "")).await;
    assert_eq!(caller.next_status().await, (200, "OPTIONS".to_owned()));
    drop(session);
    for method in ["MESSAGE", "REFER", "INVITE"] {
        let status = match caller.next_status().await {
            (100, _) => caller.next_status().await,
            status => status,
        };
        let refused = if method == "REFER" { 603 } else { 488 };
        assert_eq!(status, (refused, method.to_owned()));
    }
    caller.expect_request("BYE").await;
}

#[tokio::test]
async fn a_message_outside_of_a_call_reaches_the_user_agent() {
    let builder = UserAgent::builder().listen("tcp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.config(config())).await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("MESSAGE")).await;
    let Some(UserAgentEvent::Request(message)) = soon(user_agent.event()).await else {
        panic!("a request was expected");
    };
    message.reject(Rejection::DECLINE);
    let response = caller.response(603).await;
    assert!(response.headers().to().unwrap().tag().is_some());
    assert_eq!(user_agent.counts().requests, 0);
}

#[tokio::test]
async fn a_method_that_nobody_serves_gets_405_and_the_list_of_those_that_are() {
    let (_user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("MESSAGE")).await;
    let response = caller.response(405).await;
    let allow = response.headers().named("Allow").next().unwrap();
    assert_eq!(
        allow.value,
        b"INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY, PRACK"
    );
}

/// RFC 3261 §15.1.1: the media stops with our BYE, and not with the answer to it.
#[tokio::test]
async fn a_bye_that_the_application_did_not_send_is_told_when_it_goes_out() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::ZERO).await });
    let event = soon(session.event()).await;
    assert!(
        matches!(event, SessionEvent::Terminating(SessionEnd::LocalBye)),
        "{event:?}"
    );
    let bye = caller.expect_request("BYE").await;
    caller.answer(&bye).await;
    let event = soon(session.event()).await;
    assert!(
        matches!(event, SessionEvent::Ended(SessionEnd::LocalBye)),
        "{event:?}"
    );
    soon(leaving).await.unwrap();
}

/// RFC 3261 §13.3.1.4: without an ACK our BYE goes out after 64·T1.
#[tokio::test]
async fn a_wait_for_the_ack_ends_with_our_bye() {
    let mut config = Config::default();
    config.times.t1 = Duration::from_millis(5);
    let builder = UserAgent::builder().config(config);
    let (user_agent, server) = start_with(builder.listen("udp:127.0.0.1:0")).await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let invitation = soon(user_agent.incoming()).await.unwrap();
    let mut session = invitation.accept(answer()).unwrap();
    let end = soon(session.confirmed()).await.unwrap_err();
    assert_eq!(end, SessionEnd::NotAcknowledged);
    let event = soon(session.event()).await;
    assert!(
        matches!(
            event,
            SessionEvent::Terminating(SessionEnd::NotAcknowledged)
        ),
        "{event:?}"
    );
}

/// The answer to an offer that was taken back is not the answer to the next one.
#[tokio::test]
async fn an_offer_that_was_taken_back_is_not_answered() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;

    caller.send(caller.later_request("INVITE", 2, "")).await;
    let SessionEvent::Offer(first) = soon(session.event()).await else {
        panic!("an offer was expected");
    };
    for method in ["CANCEL", "ACK"] {
        let request = caller.later_request(method, 2, "");
        let branch = format!("z9hG4bK-{method}-2");
        caller
            .send(request.replace(&branch, "z9hG4bK-INVITE-2"))
            .await;
    }
    caller.send(caller.later_request("INVITE", 3, "")).await;
    let SessionEvent::Offer(second) = soon(session.event()).await else {
        panic!("another offer was expected");
    };
    assert_eq!(first.answer(&answer()), Err(VerbError::NoOffer));
    assert_eq!(second.answer(&answer()), Ok(()));
}
