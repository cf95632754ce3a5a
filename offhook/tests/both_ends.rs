//! Calls between two user agents of ours.

mod callee;
mod caller;

use callee::{call, uri};
use caller::{answer, incoming, soon, start};
use offhook::message::{Provisional, Redirection, Rejection};
use offhook::{Accepted, Cancelled, Inviter, InviterEvent, Session, SessionEnd, UserAgent};

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
