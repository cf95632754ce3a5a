//! Calls that we place to a callee made of text.

mod callee;
mod caller;

use std::future::pending;
use std::time::Duration;

use callee::{Callee, call, request, uri};
use caller::{SDP, answer, closed_port, soon, start, start_with};
use offhook::locate::Question;
use offhook::message::Body;
use offhook::{
    Accepted, Answer, Config, Error, Inviter, InviterEvent, RequestError, RequestFailure, Resolver,
    Session, SessionEnd, Transport, UserAgent, VerbError,
};

async fn event(inviter: &mut Inviter) -> InviterEvent {
    soon(inviter.event()).await.expect("the call is over")
}

async fn rings(inviter: &mut Inviter) {
    let event = event(inviter).await;
    let InviterEvent::Progress(progress) = event else {
        panic!("180 was expected: {event:?}");
    };
    assert_eq!(progress.message.status().as_u16(), 180);
    assert!(progress.offer.is_none());
}

async fn accepted(inviter: &mut Inviter) -> Accepted {
    match event(inviter).await {
        InviterEvent::Accepted(accepted) => accepted,
        other => panic!("a 2xx was expected: {other:?}"),
    }
}

async fn establish(listener: &str) -> (UserAgent, Callee, offhook::message::Request, Session) {
    let (user_agent, _) = start(listener).await;
    let mut callee = Callee::new(listener).await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.establish().await;
    let session = accepted(&mut inviter).await.session;
    (user_agent, callee, invite, session)
}

async fn is_answered_and_hung_up(listener: &str) {
    let (user_agent, server) = start(listener).await;
    let mut callee = Callee::new(listener).await;
    let mut inviter = call(&user_agent, &callee.uri()).await;

    let invite = callee.expect("INVITE").await;
    assert_eq!(
        invite.headers().call_id().unwrap(),
        inviter.call_id().as_bytes()
    );
    assert_eq!(invite.body(), SDP.as_bytes());
    for name in ["Via", "Contact"] {
        let field = invite.headers().named(name).next().unwrap();
        let line = str::from_utf8(field.value).unwrap();
        assert!(line.contains(&server.address.to_string()), "{line}");
    }
    callee.respond(&invite, "100 Trying", "", "").await;
    let trying = event(&mut inviter).await;
    assert!(matches!(trying, InviterEvent::Trying(_)), "{trying:?}");
    callee.respond(&invite, "180 Ringing", "", "").await;
    rings(&mut inviter).await;

    callee.respond(&invite, "200 OK", "", SDP).await;
    let Accepted {
        mut session,
        is_offer,
        message,
    } = accepted(&mut inviter).await;
    assert!(!is_offer);
    assert_eq!(message.body(), SDP.as_bytes());
    assert_eq!(session.call_id(), inviter.call_id());
    callee.expect("ACK").await;
    assert!(soon(inviter.event()).await.is_none());
    drop(inviter);
    assert_eq!(user_agent.counts().sessions, 1);

    callee.bye(&invite).await;
    assert_eq!(callee.expect_status().await, 200);
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

#[tokio::test]
async fn we_hang_up() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let (_user_agent, mut callee, _, mut session) = establish(listener).await;
        session.bye();
        let bye = callee.expect("BYE").await;
        callee.respond(&bye, "200 OK", "", "").await;
        assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
    }
}

#[tokio::test]
async fn a_dropped_session_hangs_up() {
    let (_user_agent, mut callee, _, session) = establish("udp:127.0.0.1:0").await;
    drop(session);
    callee.expect("BYE").await;
}

#[tokio::test]
async fn a_session_that_nobody_took_hangs_up() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let inviter = call(&user_agent, &callee.uri()).await;
    callee.establish().await;
    drop(inviter);
    let bye = callee.expect("BYE").await;
    callee.respond(&bye, "200 OK", "", "").await;
}

#[tokio::test]
async fn a_call_is_refused() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "486 Busy Here", "", "").await;
    let InviterEvent::Rejected(response) = event(&mut inviter).await else {
        panic!("it was refused");
    };
    assert_eq!(response.status().as_u16(), 486);
    callee.expect("ACK").await;
    assert!(soon(inviter.event()).await.is_none());
}

#[tokio::test]
async fn a_call_is_cancelled_while_it_rings() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    rings(&mut inviter).await;

    inviter.cancel();
    let cancel = callee.expect("CANCEL").await;
    callee.respond(&cancel, "200 OK", "", "").await;
    callee
        .respond(&invite, "487 Request Terminated", "", "")
        .await;
    let InviterEvent::Cancelled(Some(response)) = event(&mut inviter).await else {
        panic!("it was cancelled");
    };
    assert_eq!(response.status().as_u16(), 487);
    callee.expect("ACK").await;
}

#[tokio::test]
async fn a_dropped_inviter_gives_the_call_up() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    drop(inviter);
    callee.respond(&invite, "180 Ringing", "", "").await;
    callee.expect("CANCEL").await;
}

#[tokio::test]
async fn a_2xx_that_crosses_the_cancel_gets_ack_and_bye() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    rings(&mut inviter).await;

    inviter.cancel();
    callee.respond(&invite, "200 OK", "", SDP).await;
    callee.expect("CANCEL").await;
    callee.expect("ACK").await;
    let bye = callee.expect("BYE").await;
    callee.respond(&bye, "200 OK", "", "").await;
    let InviterEvent::Cancelled(Some(response)) = event(&mut inviter).await else {
        panic!("it was given up");
    };
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test]
async fn a_redirection_is_followed_on_request() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut old = Callee::new("udp:127.0.0.1:0").await;
    let mut new = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &old.uri()).await;
    let invite = old.expect("INVITE").await;
    let contact = format!("Contact: <{}>;q=0.9\r\n", new.uri());
    old.respond(&invite, "302 Moved Temporarily", &contact, "")
        .await;
    let InviterEvent::Redirected { contacts, .. } = event(&mut inviter).await else {
        panic!("it was redirected");
    };
    old.expect("ACK").await;
    assert!(soon(inviter.event()).await.is_none());

    let contact = contacts.iter().find(|contact| contact.uri == new.uri());
    inviter.follow(contact.unwrap()).await.unwrap();
    new.establish().await;
    accepted(&mut inviter).await;
}

#[tokio::test]
async fn no_name_is_looked_up_for_a_redirected_call_that_is_over() {
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, _) = start_with(builder.resolver(Silent)).await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    let contact = "Contact: <sip:bob@elsewhere.example>\r\n";
    callee
        .respond(&invite, "302 Moved Temporarily", contact, "")
        .await;
    let InviterEvent::Redirected { contacts, .. } = event(&mut inviter).await else {
        panic!("it was redirected");
    };
    inviter.cancel();
    let error = inviter.follow(&contacts[0]).await.unwrap_err();
    let is_over = matches!(error, Error::Request(RequestError::NotRedirected));
    assert!(is_over, "{error:?}");
}

/// Knows no name, and does not say so.
#[derive(Debug)]
struct Silent;

impl Resolver for Silent {
    fn look_up<'a>(&'a self, _: &'a Question) -> Answer<'a> {
        Box::pin(pending())
    }
}

#[tokio::test]
async fn a_callee_that_makes_the_offer_gets_our_answer() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut request = request(&user_agent, &callee.uri()).await;
    request.body = None;
    let mut inviter = user_agent.invite(request).unwrap();
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "200 OK", "", SDP).await;
    let Accepted {
        mut session,
        is_offer,
        ..
    } = accepted(&mut inviter).await;
    assert!(is_offer);
    session.acknowledge(&Body::sdp("v=0\r\n")).unwrap();
    let acknowledgement = callee.expect("ACK").await;
    assert_eq!(acknowledgement.body(), b"v=0\r\n");
    assert_eq!(session.acknowledge(&answer()), Err(VerbError::NoOffer));
}

#[tokio::test]
async fn an_offer_in_a_reliable_183_is_answered_in_the_prack() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut request = request(&user_agent, &callee.uri()).await;
    request.body = None;
    let mut inviter = user_agent.invite(request).unwrap();
    let invite = callee.expect("INVITE").await;
    let reliable = "Require: 100rel\r\nRSeq: 7\r\n";
    callee
        .respond(&invite, "183 Session Progress", reliable, SDP)
        .await;
    let InviterEvent::Progress(progress) = event(&mut inviter).await else {
        panic!("183 was expected");
    };
    let offer = progress.offer.unwrap();
    offer.answer(&Body::sdp("v=0\r\n")).unwrap();
    let prack = callee.expect("PRACK").await;
    assert_eq!(prack.body(), b"v=0\r\n");
    callee.respond(&prack, "200 OK", "", "").await;
    callee.respond(&invite, "200 OK", "", "").await;
    assert!(!accepted(&mut inviter).await.is_offer);
}

#[tokio::test]
async fn a_silent_peer_is_given_up() {
    let mut config = Config::default();
    config.times.t1 = Duration::from_millis(2);
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, _) = start_with(builder.config(config)).await;
    let callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let event = event(&mut inviter).await;
    assert!(
        matches!(event, InviterEvent::Failed(RequestFailure::Timeout)),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_closed_port_of_tcp_is_no_way() {
    let (user_agent, _) = start("tcp:127.0.0.1:0").await;
    let (_held, address) = closed_port([127, 0, 0, 1].into());
    let to = uri("bob", Transport::Tcp, address);
    let mut inviter = call(&user_agent, &to).await;
    let event = event(&mut inviter).await;
    assert!(
        matches!(event, InviterEvent::Failed(RequestFailure::Undelivered)),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_call_that_rings_for_too_long_is_given_up() {
    let mut config = Config::default();
    config.times.ringing = Duration::from_millis(20);
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, _) = start_with(builder.config(config)).await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    rings(&mut inviter).await;
    let given_up = event(&mut inviter).await;
    assert!(matches!(given_up, InviterEvent::NoAnswer), "{given_up:?}");
    callee.expect("CANCEL").await;
}

#[tokio::test]
async fn an_address_that_no_listener_reaches_is_no_way() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    for (uri, expected) in [
        ("tel:+4930", "names no host"),
        (
            "sip:a@127.0.0.1;transport=sctp",
            "a transport that is not spoken",
        ),
        ("sips:a@127.0.0.1", "listen on tls"),
        ("sip:a@127.0.0.1;transport=tcp", "listen on tcp"),
        ("sip:a@[::1]", "listen on udp"),
    ] {
        let error = user_agent.flows(&uri.parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let flows = user_agent.flows(&"sip:a@localhost".parse().unwrap()).await;
    assert_eq!(flows.unwrap()[0].remote.port(), 5060);
}

#[tokio::test]
async fn leaving_ends_the_calls_we_placed() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    rings(&mut inviter).await;
    let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::ZERO).await });
    callee.expect("CANCEL").await;
    callee
        .respond(&invite, "487 Request Terminated", "", "")
        .await;
    let event = event(&mut inviter).await;
    assert!(
        matches!(event, InviterEvent::Cancelled(Some(_))),
        "{event:?}"
    );
    soon(leaving).await.unwrap();
}

/// RFC 3261 §15: the callee that a WebSocket of ours led to is told by the next.
#[cfg(feature = "ws")]
#[tokio::test]
async fn a_websocket_of_ours_that_is_cut_is_opened_again_for_the_bye() {
    let (_user_agent, mut callee, _, mut session) = establish("ws:127.0.0.1:0").await;
    callee.cut();
    let bye = callee.expect("BYE").await;
    callee.respond(&bye, "200 OK", "", "").await;
    assert_eq!(soon(session.ended()).await, SessionEnd::Disconnected);
}
