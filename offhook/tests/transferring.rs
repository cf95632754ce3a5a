//! Calls that are handed on, between three user agents of ours.

mod callee;
mod caller;

use callee::{call, uri};
use caller::{answer, incoming, soon};
use offhook::message::{Body, Method, ReferTo, Rejection};
use offhook::{
    Accepted, Config, Error, Inviter, InviterEvent, OutgoingRequest, ReferEnd, ReferEvent,
    ReferOptions, Referral, Session, SessionEnd, SessionEvent, UserAgent, UserAgentEvent,
};

/// A user agent that takes REFER.
async fn start() -> UserAgent {
    let config = Config {
        methods: vec![Method::Refer],
        ..Config::default()
    };
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0").shards(4);
    builder.config(config).start().await.unwrap()
}

async fn session(inviter: &mut Inviter) -> Session {
    loop {
        match soon(inviter.event()).await.expect("the call is over") {
            InviterEvent::Trying(_) | InviterEvent::Progress(_) => {}
            InviterEvent::Accepted(Accepted { session, .. }) => return session,
            other => panic!("a 2xx was expected: {other:?}"),
        }
    }
}

/// A call that is up, at its caller and its callee.
async fn connect(from: &UserAgent, to: &UserAgent) -> (Session, Session) {
    let at = to.listeners()[0];
    let mut inviter = call(from, &uri("callee", at.transport, at.address)).await;
    let mut theirs = incoming(to).await.accept(answer()).unwrap();
    let ours = session(&mut inviter).await;
    soon(theirs.confirmed()).await.unwrap();
    (ours, theirs)
}

async fn referred(session: &mut Session) -> Referral {
    match soon(session.event()).await {
        SessionEvent::Referred(referral) => referral,
        other => panic!("a REFER was expected: {other:?}"),
    }
}

/// What the referrer is told, by its name.
async fn told(session: &mut Session) -> ReferEvent {
    match soon(session.event()).await {
        SessionEvent::Refer { event, .. } => event,
        other => panic!("news of a REFER were expected: {other:?}"),
    }
}

/// All that the referrer is told of a REFER that was accepted: the statuses up to the end.
async fn statuses(session: &mut Session) -> Vec<u16> {
    let mut statuses = Vec::new();
    loop {
        match told(session).await {
            ReferEvent::Accepted { .. } => {}
            ReferEvent::Progress { status, .. } => statuses.push(status.as_u16()),
            ReferEvent::Terminated { cause, .. } => {
                assert_eq!(cause, ReferEnd::Notified);
                return statuses;
            }
            other @ ReferEvent::Refused { .. } => panic!("{other:?}"),
        }
    }
}

/// Places the call that a REFER asks for.
async fn follow(user_agent: &UserAgent, referral: Referral) -> Result<Inviter, Error> {
    let target = referral.refer_to().target();
    let flows = user_agent.flows(&target).await?;
    let me = "sip:me@example.com".parse().unwrap();
    let request = OutgoingRequest::new(flows, me, target.into());
    referral.make_inviter(request.with_body(Body::sdp("v=0\r\n")))
}

fn refer_to(user_agent: &UserAgent) -> ReferTo {
    let at = user_agent.listeners()[0];
    uri("carol", at.transport, at.address).into()
}

#[tokio::test]
async fn a_blind_transfer() {
    let (alice, bob, carol) = (start().await, start().await, start().await);
    let (mut ours, mut bobs) = connect(&alice, &bob).await;
    ours.refer(refer_to(&carol)).unwrap();
    let referral = referred(&mut bobs).await;
    assert!(referral.replaces().is_none());
    let by = referral.referred_by().map(|by| by.uri.to_string());
    let mut inviter = follow(&bob, referral).await.unwrap();
    let invitation = incoming(&carol).await;
    let copied = invitation.message().headers().referred_by().unwrap();
    assert_eq!(copied.map(|by| by.uri.to_string()), by);
    assert!(by.is_some() && invitation.replaces().is_none());
    let mut carols = invitation.accept(answer()).unwrap();
    let mut transferred = session(&mut inviter).await;
    let statuses = statuses(&mut ours).await;
    assert_eq!(
        (statuses.first(), statuses.last()),
        (Some(&100), Some(&200))
    );
    ours.bye();
    assert_eq!(soon(bobs.ended()).await, SessionEnd::RemoteBye);
    transferred.bye();
    assert_eq!(soon(carols.ended()).await, SessionEnd::RemoteBye);
}

/// RFC 5589 §7: alice talks to bob and to carol, and hands bob to carol. The call between alice
/// and carol ends by itself.
#[tokio::test]
async fn an_attended_transfer() {
    let (alice, bob, carol) = (start().await, start().await, start().await);
    for _ in 0..4 {
        let (mut with_bob, mut bobs) = connect(&alice, &bob).await;
        let (mut with_carol, mut carols) = connect(&alice, &carol).await;
        with_bob.refer(with_carol.refer_to().unwrap()).unwrap();
        let referral = referred(&mut bobs).await;
        let replaces = referral.replaces().expect("an attended transfer");
        assert_eq!(replaces.call_id.as_str(), with_carol.call_id());
        let mut inviter = follow(&bob, referral).await.unwrap();
        let invitation = incoming(&carol).await;
        assert_eq!(invitation.replaces(), Some(&replaces));
        let mut transferred = invitation.accept(answer()).unwrap();
        let mut bobs_next = session(&mut inviter).await;
        assert_eq!(soon(carols.ended()).await, SessionEnd::LocalBye);
        assert_eq!(soon(with_carol.ended()).await, SessionEnd::RemoteBye);
        assert_eq!(statuses(&mut with_bob).await.last(), Some(&200));
        with_bob.bye();
        soon(bobs.ended()).await;
        bobs_next.bye();
        assert_eq!(soon(transferred.ended()).await, SessionEnd::RemoteBye);
    }
}

/// RFC 3891 §3: what would have been replaced is over, or never was.
#[tokio::test]
async fn a_replacement_of_nothing_is_refused() {
    let (alice, bob, carol) = (start().await, start().await, start().await);
    let (mut with_carol, mut carols) = connect(&alice, &carol).await;
    let refer_to = with_carol.refer_to().unwrap();
    with_carol.bye();
    soon(carols.ended()).await;
    let mut gone = refer_to.replaces().unwrap().unwrap();
    for expected in [603, 481] {
        let target = refer_to.target();
        let flows = bob.flows(&target).await.unwrap();
        let request =
            OutgoingRequest::new(flows, "sip:bob@example.com".parse().unwrap(), target.into());
        let mut inviter = bob.invite(request.with_replaces(&gone)).unwrap();
        let outcome = loop {
            match soon(inviter.event()).await.unwrap() {
                InviterEvent::Trying(_) => {}
                outcome => break outcome,
            }
        };
        match outcome {
            InviterEvent::Rejected(response) => assert_eq!(response.status().as_u16(), expected),
            other => panic!("{other:?}"),
        }
        gone.call_id = offhook::message::Text::from_static("never-was");
    }
}

/// A callee that rings elsewhere, too, is picked up: the INVITE of ours is cancelled.
#[tokio::test]
async fn an_early_call_of_ours_is_replaced() {
    let (alice, bob) = (start().await, start().await);
    let at = bob.listeners()[0];
    let mut inviter = call(&alice, &uri("desk", at.transport, at.address)).await;
    let mut desk = incoming(&bob).await;
    desk.progress(offhook::message::Provisional::RINGING)
        .unwrap();
    let ringing = loop {
        if let Some(InviterEvent::Progress(progress)) = soon(inviter.event()).await {
            break progress.message;
        }
    };
    let headers = ringing.headers();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().parse().unwrap();
    let replaces = offhook::message::Replaces {
        call_id: text(headers.call_id().unwrap()),
        to_tag: text(headers.from().unwrap().tag().unwrap()),
        from_tag: text(headers.to().unwrap().tag().unwrap()),
        early_only: true,
    };
    let at = alice.listeners()[0];
    let target = uri("alice", at.transport, at.address);
    let flows = bob.flows(&target).await.unwrap();
    let request =
        OutgoingRequest::new(flows, "sip:bob@example.com".parse().unwrap(), target.into());
    let request = request
        .with_replaces(&replaces)
        .with_body(Body::sdp("v=0\r\n"));
    let mut lab = bob.invite(request).unwrap();
    let _theirs = incoming(&alice).await.accept(answer()).unwrap();
    let _ours = session(&mut lab).await;
    assert!(matches!(
        soon(desk.cancelled()).await,
        offhook::Cancelled::Cancel(_)
    ));
    let outcome = soon(inviter.event()).await;
    assert!(
        matches!(outcome, Some(InviterEvent::Cancelled(Some(_)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_referral_is_declined_or_dropped() {
    let (alice, bob) = (start().await, start().await);
    let (mut ours, mut bobs) = connect(&alice, &bob).await;
    for expected in [403, 603] {
        ours.refer(refer_to(&bob)).unwrap();
        let referral = referred(&mut bobs).await;
        if expected == 403 {
            referral.reject(Rejection::FORBIDDEN).unwrap();
        } else {
            drop(referral);
        }
        match told(&mut ours).await {
            ReferEvent::Refused { message } => assert_eq!(message.status().as_u16(), expected),
            other => panic!("{other:?}"),
        }
    }
}

/// A referrer is never left without an end.
#[tokio::test]
async fn a_dropped_handle_tells_the_referrer_that_it_failed() {
    let (alice, bob, carol) = (start().await, start().await, start().await);
    let (mut ours, mut bobs) = connect(&alice, &bob).await;
    ours.refer(refer_to(&carol)).unwrap();
    drop(referred(&mut bobs).await.accept().unwrap());
    assert_eq!(statuses(&mut ours).await.last(), Some(&503));
    ours.refer(refer_to(&carol)).unwrap();
    let referral = referred(&mut bobs).await;
    drop(follow(&bob, referral).await.unwrap());
    assert_eq!(statuses(&mut ours).await.last(), Some(&503));
    ours.refer(refer_to(&carol)).unwrap();
    let referral = referred(&mut bobs).await;
    let mut inviter = follow(&bob, referral).await.unwrap();
    let invitation = loop {
        let invitation = incoming(&carol).await;
        if invitation.call_id() == inviter.call_id() {
            break invitation;
        }
    };
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    while soon(inviter.event()).await.is_some() {}
    assert_eq!(statuses(&mut ours).await.last(), Some(&486));
}

#[tokio::test]
async fn a_referral_that_is_no_call_is_declined() {
    let (alice, bob) = (start().await, start().await);
    let (mut ours, mut bobs) = connect(&alice, &bob).await;
    let subscribe: ReferTo = "sip:carol@127.0.0.1;method=SUBSCRIBE".parse().unwrap();
    ours.refer(ReferOptions::from(subscribe).without_subscription())
        .unwrap();
    let referral = referred(&mut bobs).await;
    assert!(matches!(follow(&bob, referral).await, Err(Error::NoCall)));
    assert!(matches!(told(&mut ours).await, ReferEvent::Refused { .. }));
}

/// RFC 3515 §2: outside of a call.
#[tokio::test]
async fn a_referral_outside_of_a_call() {
    let (alice, bob) = (start().await, start().await);
    let at = bob.listeners()[0];
    let target = uri("bob", at.transport, at.address);
    let flows = alice.flows(&target).await.unwrap();
    let refer_to = offhook::message::Header::new("Refer-To", "<sip:carol@127.0.0.1>").unwrap();
    let contact = offhook::message::Header::new("Contact", "<sip:alice@127.0.0.1:9>").unwrap();
    let me = "sip:alice@example.com".parse().unwrap();
    let request = OutgoingRequest::new(flows, me, target.into());
    let request = request.with_header(refer_to).with_header(contact);
    let mut sent = alice.request(Method::Refer, request).unwrap();
    match soon(bob.event()).await {
        Some(UserAgentEvent::Referred(referral)) => drop(referral),
        other => panic!("{other:?}"),
    }
    assert_eq!(soon(sent.response()).await.unwrap().status().as_u16(), 603);
}
