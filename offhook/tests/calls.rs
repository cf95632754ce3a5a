//! Whole calls over each transport, from a caller made of text.

mod caller;

use caller::{Caller, answer, incoming, soon, start};
use offhook::message::{Provisional, Redirection, Rejection};
use offhook::{Cancelled, ContactTarget, Error, InviteEnd, SessionEnd, UserAgent, VerbError};

async fn is_answered_and_hung_up(listener: &str) {
    let (user_agent, server) = start(listener).await;
    let mut caller = Caller::new(server).await;

    caller.send(caller.request("INVITE")).await;
    let mut invitation = incoming(&user_agent).await;
    assert_eq!(invitation.call_id(), caller.call_id);
    assert_eq!(invitation.flow().remote, caller.local());
    assert_eq!(invitation.flow().local, server.address);
    assert_eq!(invitation.message().body(), caller::SDP.as_bytes());

    invitation.progress(Provisional::RINGING).unwrap();
    caller.response(180).await;
    let mut session = invitation.accept(answer()).unwrap();
    let response = caller.response(200).await;
    assert_eq!(response.body(), caller::SDP.as_bytes());
    let contact = response.headers().named("Contact").next().unwrap();
    let contact = str::from_utf8(contact.value).unwrap();
    assert!(contact.contains(&server.address.to_string()), "{contact}");

    caller.send(caller.request("ACK")).await;
    let acknowledgement = soon(session.confirmed()).await.unwrap();
    assert_eq!(acknowledgement.method().as_str(), "ACK");
    assert_eq!(user_agent.counts().sessions, 1);

    caller.send(caller.request("BYE")).await;
    caller.response(200).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(user_agent.counts().sessions, 0);
}

#[tokio::test]
async fn a_call_over_udp() {
    is_answered_and_hung_up("udp:127.0.0.1:0").await;
}

#[tokio::test]
async fn a_call_over_tcp() {
    is_answered_and_hung_up("tcp:127.0.0.1:0").await;
}

#[tokio::test]
async fn a_call_over_udp_and_ipv6() {
    is_answered_and_hung_up("udp:[::1]:0").await;
}

#[tokio::test]
async fn a_call_over_tcp_and_ipv6() {
    is_answered_and_hung_up("tcp:[::1]:0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_on_several_shards() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0").shards(4);
    let (user_agent, server) = caller::start_with(builder).await;
    let answering = tokio::spawn({
        let user_agent = user_agent.clone();
        async move {
            while let Some(invitation) = user_agent.incoming().await {
                let mut session = invitation.accept(answer()).unwrap();
                tokio::spawn(async move { session.ended().await });
            }
        }
    });
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        callers.spawn(async move {
            let mut caller = Caller::new(server).await;
            caller.send(caller.request("INVITE")).await;
            caller.response(200).await;
            caller.send(caller.request("ACK")).await;
            caller.send(caller.request("BYE")).await;
            caller.response(200).await;
        });
    }
    let finished = soon(callers.join_all()).await;
    assert_eq!(finished.len(), 50);
    assert_eq!(user_agent.counts().sessions, 0);
    soon(user_agent.shutdown(std::time::Duration::ZERO)).await;
    soon(answering).await.unwrap();
}

#[tokio::test]
async fn we_hang_up() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;

    session.bye();
    let bye = caller.expect_request("BYE").await;
    caller.answer(&bye).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
}

#[tokio::test]
async fn a_dropped_session_hangs_up() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let (user_agent, server) = start(listener).await;
        let mut caller = Caller::new(server).await;
        drop(caller.establish(&user_agent).await);
        caller.expect_request("BYE").await;
    }
}

#[tokio::test]
async fn a_wait_that_was_dropped_can_be_begun_again() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    tokio::select! {
        biased;
        end = session.ended() => panic!("{end:?}"),
        () = std::future::ready(()) => {}
    }
    caller.send(caller.request("BYE")).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
    // The ACK is handed over already.
    let end = soon(session.confirmed()).await.unwrap_err();
    assert_eq!(end, SessionEnd::RemoteBye);
}

#[tokio::test]
async fn a_cancelled_call() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let mut invitation = incoming(&user_agent).await;
    invitation.progress(Provisional::RINGING).unwrap();
    caller.response(180).await;

    // The CANCEL has the To of the INVITE, which had no tag.
    let cancel = Caller::without_to_tag(&caller.request("CANCEL"));
    caller.send(cancel).await;
    let Cancelled::Cancel(cancel) = soon(invitation.cancelled()).await else {
        panic!("the call ended for another cause");
    };
    assert_eq!(cancel.method().as_str(), "CANCEL");
    let answers = [caller.next_status().await, caller.next_status().await];
    assert!(answers.contains(&(200, "CANCEL".into())), "{answers:?}");
    assert!(answers.contains(&(487, "INVITE".into())), "{answers:?}");

    let refused = invitation.accept(answer()).unwrap_err();
    assert!(matches!(refused.error, Error::Over(Cancelled::Cancel(_))));
    assert!(refused.invitation.is_none());
}

#[tokio::test]
async fn a_call_that_is_cancelled_before_it_is_taken_is_left_out() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut early = Caller::new(server).await;
    early.send(early.request("INVITE")).await;
    early.response(100).await;
    early.send(early.request("CANCEL")).await;
    let answers = [early.next_status().await, early.next_status().await];
    assert!(answers.contains(&(487, "INVITE".into())), "{answers:?}");
    let mut next = Caller::new(server).await;
    next.send(next.request("INVITE")).await;
    assert_eq!(incoming(&user_agent).await.call_id(), next.call_id);
}

#[tokio::test]
async fn a_dropped_invitation_answers_480() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    drop(incoming(&user_agent).await);
    caller.response(480).await;
    caller.send(caller.acknowledgement_of_refusal()).await;
}

#[tokio::test]
async fn a_call_that_nobody_answers_ends_by_itself() {
    let mut config = offhook::Config::default();
    config.times.no_answer = std::time::Duration::from_millis(50);
    let builder = UserAgent::builder()
        .listen("udp:127.0.0.1:0")
        .config(config);
    let (user_agent, server) = caller::start_with(builder).await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let mut invitation = incoming(&user_agent).await;
    let over = soon(invitation.cancelled()).await;
    assert!(matches!(over, Cancelled::Ended(InviteEnd::NoAnswer)));
    caller.response(480).await;
}

#[tokio::test]
async fn a_rejected_and_a_redirected_call() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    caller.response(486).await;

    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let target = ContactTarget::from(
        "sip:bob@example.com"
            .parse::<offhook::message::UriBuf>()
            .unwrap(),
    );
    let invitation = incoming(&user_agent).await;
    invitation
        .redirect(&[target], Redirection::MOVED_TEMPORARILY)
        .unwrap();
    let response = caller.response(302).await;
    let contact = response.headers().named("Contact").next().unwrap();
    assert!(
        contact
            .value
            .windows(15)
            .any(|text| text == b"bob@example.com")
    );
}

#[tokio::test]
async fn an_invitation_comes_back_when_the_answer_is_missing() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    let refused = invitation
        .accept(offhook::message::Success::OK)
        .unwrap_err();
    assert!(matches!(refused.error, Error::Verb(VerbError::NoBody)));
    let _session = refused.invitation.unwrap().accept(answer()).unwrap();
    caller.response(200).await;
}
