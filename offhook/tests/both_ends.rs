//! Calls between two user agents of ours.

mod callee;
mod caller;

use callee::{call, uri};
use caller::{answer, incoming, soon, start};
use offhook::message::{Body, Header, Provisional, Redirection, Rejection, Request};
use offhook::{
    Accepted, Cancelled, Inviter, InviterEvent, RestoreError, Session, SessionEnd, SessionEvent,
    UserAgent,
};

/// Alice, who calls, and Bob with the call that rings.
async fn ring(listener: &str) -> (UserAgent, UserAgent, Inviter, offhook::Invitation) {
    let (alice, _) = start(listener).await;
    let (bob, at) = start(listener).await;
    let inviter = call(&alice, &uri("bob", at.transport, at.address)).await;
    let mut invitation = incoming(&bob).await;
    invitation.progress(Provisional::RINGING).unwrap();
    (alice, bob, inviter, invitation)
}

/// What comes after the provisional responses.
async fn outcome(inviter: &mut Inviter) -> InviterEvent {
    loop {
        match soon(inviter.event()).await.expect("the call is over") {
            InviterEvent::Trying(_) | InviterEvent::Progress(_) => {}
            outcome => return outcome,
        }
    }
}

async fn session(inviter: &mut Inviter) -> Session {
    match outcome(inviter).await {
        InviterEvent::Accepted(Accepted { session, .. }) => session,
        other => panic!("a 2xx was expected: {other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_answered_and_ended_from_either_side() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "udp:[::1]:0"] {
        let (_alice, _bob, mut inviter, invitation) = ring(listener).await;
        let mut theirs = invitation.accept(answer()).unwrap();
        let mut ours = session(&mut inviter).await;
        soon(theirs.confirmed()).await.unwrap();
        ours.bye();
        assert_eq!(soon(theirs.ended()).await, SessionEnd::RemoteBye);
        assert_eq!(soon(ours.ended()).await, SessionEnd::LocalBye);

        let (_alice, _bob, mut inviter, invitation) = ring(listener).await;
        let mut theirs = invitation.accept(answer()).unwrap();
        let mut ours = session(&mut inviter).await;
        theirs.bye();
        assert_eq!(soon(ours.ended()).await, SessionEnd::RemoteBye);
        assert_eq!(soon(theirs.ended()).await, SessionEnd::LocalBye);
    }
}

#[tokio::test]
async fn a_user_agent_calls_itself() {
    let (user_agent, at) = start("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &uri("me", at.transport, at.address)).await;
    let mut theirs = incoming(&user_agent).await.accept(answer()).unwrap();
    let mut ours = session(&mut inviter).await;
    soon(theirs.confirmed()).await.unwrap();
    ours.bye();
    assert_eq!(soon(theirs.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(soon(ours.ended()).await, SessionEnd::LocalBye);
}

#[tokio::test]
async fn a_call_is_refused_or_sent_elsewhere() {
    let (_alice, _bob, mut inviter, invitation) = ring("udp:127.0.0.1:0").await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    let refused = outcome(&mut inviter).await;
    assert!(
        matches!(&refused, InviterEvent::Rejected(response) if response.status().as_u16() == 486),
        "{refused:?}"
    );

    let (_alice, bob, mut inviter, invitation) = ring("udp:127.0.0.1:0").await;
    let at = bob.listeners()[0];
    let elsewhere = uri("carol", at.transport, at.address);
    let status = Redirection::MOVED_TEMPORARILY;
    invitation.redirect(&[elsewhere.into()], status).unwrap();
    let InviterEvent::Redirected { contacts, .. } = outcome(&mut inviter).await else {
        panic!("it was sent elsewhere");
    };
    inviter.follow(&contacts[0]).await.unwrap();
    let theirs = incoming(&bob).await;
    assert!(
        theirs
            .message()
            .as_bytes()
            .starts_with(b"INVITE sip:carol@")
    );
    let _theirs = theirs.accept(answer()).unwrap();
    let _ours = session(&mut inviter).await;
}

#[tokio::test]
async fn a_caller_gives_up() {
    let (_alice, _bob, mut inviter, mut invitation) = ring("udp:127.0.0.1:0").await;
    inviter.cancel();
    let cancelled = soon(invitation.cancelled()).await;
    assert!(matches!(cancelled, Cancelled::Cancel(_)), "{cancelled:?}");
    let over = outcome(&mut inviter).await;
    assert!(matches!(over, InviterEvent::Cancelled(Some(_))), "{over:?}");
}

fn reason(text: &str) -> Vec<Header> {
    vec![Header::new("Reason", text).unwrap()]
}

/// The first cause that a request says.
fn cause(message: &Request) -> Option<u16> {
    message.headers().reasons().next()?.ok()?.cause
}

/// RFC 3326
#[tokio::test]
async fn the_one_who_ends_a_call_says_why() {
    let (_alice, _bob, mut inviter, mut invitation) = ring("udp:127.0.0.1:0").await;
    inviter.cancel_with(reason("SIP;cause=200;text=\"Call completed elsewhere\""));
    let Cancelled::Cancel(cancel) = soon(invitation.cancelled()).await else {
        panic!("it is cancelled");
    };
    assert_eq!(cause(&cancel), Some(200));

    let (_alice, _bob, mut inviter, invitation) = ring("udp:127.0.0.1:0").await;
    let mut theirs = invitation.accept(answer()).unwrap();
    let mut ours = session(&mut inviter).await;
    assert!(theirs.remote_bye().is_none());
    ours.bye_with(reason("Q.850;cause=16"));
    assert_eq!(soon(theirs.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(cause(&theirs.remote_bye().unwrap()), Some(16));
    assert_eq!(soon(ours.ended()).await, SessionEnd::LocalBye);
    assert!(ours.remote_bye().is_none());
}

/// RFC 3261 §14.1: the 2xx makes the offer, our ACK the answer.
#[tokio::test]
async fn one_asks_the_other_for_an_offer() {
    let (_alice, _bob, mut inviter, invitation) = ring("udp:127.0.0.1:0").await;
    let mut theirs = invitation.accept(answer()).unwrap();
    let mut ours = session(&mut inviter).await;
    soon(theirs.confirmed()).await.unwrap();
    ours.invite_without_offer().unwrap();
    match soon(theirs.event()).await {
        SessionEvent::Offer(asked) => {
            assert_eq!(asked.message().session_description(), None);
            asked.answer(&Body::sdp("their offer")).unwrap();
        }
        other => panic!("a re-INVITE was expected: {other:?}"),
    }
    match soon(ours.event()).await {
        SessionEvent::AnsweredWithOffer(response) => {
            assert_eq!(response.session_description(), Some(&b"their offer"[..]));
            ours.acknowledge(&Body::sdp("our answer")).unwrap();
        }
        other => panic!("an offer was expected: {other:?}"),
    }
    match soon(theirs.event()).await {
        SessionEvent::Reconfirmed(ack) => assert_eq!(ack.body(), b"our answer"),
        other => panic!("an ACK was expected: {other:?}"),
    }
}

/// A call that was answered by one user agent goes on in another.
#[tokio::test]
async fn a_call_goes_on_elsewhere() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let (_alice, _bob, mut inviter, invitation) = ring(listener).await;
        let mut theirs = invitation.accept(answer()).unwrap();
        let mut ours = session(&mut inviter).await;
        soon(theirs.confirmed()).await.unwrap();
        let snapshot = theirs.snapshot().unwrap();
        theirs.forget();

        let (carol, _) = start(listener).await;
        let mut theirs = carol.restore(&snapshot).unwrap();
        assert_eq!(theirs.call_id(), ours.call_id());
        assert!(carol.restore(&snapshot).is_err(), "it is there already");
        assert!(carol.restore(&snapshot[..100]).is_err());
        theirs.update(None).unwrap();
        let SessionEvent::Answered(response) = soon(theirs.event()).await else {
            panic!("the UPDATE is answered");
        };
        assert!(response.status().is_success());
        // Alice knows where the call is now.
        ours.bye();
        assert_eq!(soon(theirs.ended()).await, SessionEnd::RemoteBye);
        assert_eq!(soon(ours.ended()).await, SessionEnd::LocalBye);
    }
    let (tcp_only, _) = start("tcp:127.0.0.1:0").await;
    let (_alice, _bob, mut inviter, invitation) = ring("udp:127.0.0.1:0").await;
    let _theirs = invitation.accept(answer()).unwrap();
    let ours = session(&mut inviter).await;
    let error = tcp_only.restore(&ours.snapshot().unwrap()).unwrap_err();
    assert!(matches!(error, RestoreError::NoListener(_)), "{error}");
}
