//! Early dialogs: what happens in a call before it is answered, from both ends.

mod callee;
mod caller;

use std::time::Duration;

use callee::{Callee, call, uri};
use caller::{Caller, SDP, answer, incoming, soon, start_with};
use offhook::message::{Body, Method, Provisional, Request, Response, Success};
use offhook::{
    Cancelled, Config, EarlySession, IncomingRequest, InsideError, Invitation, Inviter,
    InviterEvent, Listener, Offer, Progress, ResponseOptions, SessionEnd, SessionEvent, UserAgent,
};

/// Nothing is sent twice, however slow the machine is, so what comes next is what was sent next.
async fn start() -> (UserAgent, Listener) {
    let mut config = Config {
        methods: vec![Method::Info],
        ..Config::default()
    };
    config.times.t1 = Duration::from_mins(1);
    start_with(
        UserAgent::builder()
            .config(config)
            .listen("udp:127.0.0.1:0"),
    )
    .await
}

/// A call with a reliable 183 that describes the session: our answer, or our offer where the INVITE made none.
async fn progressed(offer: &str) -> (UserAgent, Caller, Invitation, Response) {
    let (user_agent, server) = start().await;
    let mut caller = Caller::new(server).await;
    let invite = caller.request("INVITE").replacen(SDP, "", 1);
    let invite = invite.replace(
        &format!("Content-Length: {}", SDP.len()),
        "Content-Length: 0",
    );
    caller
        .send(described(&invite, offer, "Supported: 100rel\r\n"))
        .await;
    let mut invitation = incoming(&user_agent).await;
    invitation.progress(early_description()).unwrap();
    let progress = caller.response(183).await;
    (user_agent, caller, invitation, progress)
}

/// The same, and the PRACK is through.
async fn early() -> (UserAgent, Caller, Invitation) {
    let (user_agent, mut caller, mut invitation, progress) = progressed(SDP).await;
    caller.send(prack(&caller, &progress, "")).await;
    answered(&mut caller, 200, "PRACK").await;
    acknowledged(&mut invitation).await;
    (user_agent, caller, invitation)
}

fn early_description() -> ResponseOptions<Provisional> {
    let progress = ResponseOptions::new(Provisional::SESSION_PROGRESS);
    progress.reliably().with_body(answer())
}

fn prack(caller: &Caller, progress: &Response, body: &str) -> String {
    let rseq = progress.headers().rseq().unwrap().unwrap();
    let prack = caller.later_request("PRACK", 2, "");
    described(&prack, body, &format!("RAck: {rseq} 1 INVITE\r\n"))
}

fn update(caller: &Caller, number: u32, body: &str) -> String {
    described(&caller.later_request("UPDATE", number, ""), body, "")
}

/// A request without a body gets this one, and these header lines.
fn described(request: &str, body: &str, lines: &str) -> String {
    let length = body.len();
    let rest = format!("{lines}Content-Length: {length}\r\n\r\n{body}");
    let content = match body {
        "" => rest,
        _ => format!("Content-Type: application/sdp\r\n{rest}"),
    };
    let head = request.split("Content-Type").next().unwrap();
    let head = head.split("Content-Length").next().unwrap();
    head.to_owned() + &content
}

/// The final response that comes next, which is this one.
async fn answered(caller: &mut Caller, status: u16, method: &str) -> Response {
    let response = caller.response(status).await;
    assert_eq!(response.headers().cseq().unwrap().method.as_str(), method);
    response
}

async fn event(invitation: &mut Invitation) -> SessionEvent {
    soon(invitation.event()).await.expect("the call goes on")
}

async fn acknowledged(invitation: &mut Invitation) -> Request {
    match event(invitation).await {
        SessionEvent::Prack(prack) => prack,
        other => panic!("a PRACK was expected: {other:?}"),
    }
}

fn offer(event: SessionEvent) -> Offer {
    match event {
        SessionEvent::Offer(offer) => offer,
        other => panic!("an offer was expected: {other:?}"),
    }
}

fn request(event: SessionEvent) -> IncomingRequest {
    match event {
        SessionEvent::Request(request) => request,
        other => panic!("a request was expected: {other:?}"),
    }
}

fn response(event: SessionEvent) -> Response {
    match event {
        SessionEvent::Answered(response) => response,
        other => panic!("a response was expected: {other:?}"),
    }
}

/// RFC 3262 §5: without it there is nobody to send early media to.
#[tokio::test]
async fn the_prack_brings_the_answer_to_our_offer() {
    let (_user_agent, mut caller, mut invitation, progress) = progressed("").await;
    assert_eq!(progress.body(), SDP.as_bytes());
    caller.send(prack(&caller, &progress, "v=0\r\n")).await;
    answered(&mut caller, 200, "PRACK").await;
    let prack = acknowledged(&mut invitation).await;
    assert_eq!(prack.session_description(), Some(&b"v=0\r\n"[..]));
    let mut session = invitation.accept(Success::OK).unwrap();
    assert_eq!(answered(&mut caller, 200, "INVITE").await.body(), b"");
    caller.send(caller.request("ACK")).await;
    soon(session.confirmed()).await.unwrap();
}

/// Who only waits and then accepts has the answer in the session, whether it came before or after.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_kept() {
    for accepts_first in [false, true] {
        let (_user_agent, mut caller, mut invitation, progress) = progressed("").await;
        let prack = prack(&caller, &progress, "v=0\r\n");
        let mut session = if accepts_first {
            let session = invitation.accept(Success::OK).unwrap();
            caller.send(prack).await;
            answered(&mut caller, 200, "PRACK").await;
            session
        } else {
            caller.send(prack).await;
            answered(&mut caller, 200, "PRACK").await;
            tokio::select! {
                biased;
                cancelled = invitation.cancelled() => panic!("{cancelled}"),
                () = std::future::ready(()) => {}
            }
            invitation.accept(Success::OK).unwrap()
        };
        answered(&mut caller, 200, "INVITE").await;
        let event = soon(session.event()).await;
        let SessionEvent::Prack(prack) = event else {
            panic!("the PRACK was expected: {event:?}");
        };
        assert_eq!(prack.session_description(), Some(&b"v=0\r\n"[..]));
    }
}

/// RFC 3262 §5: the answer to an offer in a PRACK is in the 200 of that.
#[tokio::test]
async fn the_offer_of_a_prack_is_answered() {
    let (_user_agent, mut caller, mut invitation, progress) = progressed(SDP).await;
    caller.send(prack(&caller, &progress, SDP)).await;
    let offer = offer(event(&mut invitation).await);
    assert_eq!(*offer.message().method(), Method::Prack);
    offer.answer(&Body::sdp("v=0\r\n")).unwrap();
    let answered = answered(&mut caller, 200, "PRACK").await;
    assert_eq!(answered.body(), b"v=0\r\n");
}

/// RFC 3311 §5.2, RFC 6086 §4.2
#[tokio::test]
async fn what_the_caller_wants_before_the_answer_is_served() {
    let (_user_agent, mut caller, mut invitation) = early().await;
    caller.send(update(&caller, 3, "")).await;
    answered(&mut caller, 200, "UPDATE").await;

    caller.send(update(&caller, 4, SDP)).await;
    let offer = offer(event(&mut invitation).await);
    assert_eq!(*offer.message().method(), Method::Update);
    offer.answer(&Body::sdp("v=0\r\n")).unwrap();
    let updated = answered(&mut caller, 200, "UPDATE").await;
    assert_eq!(updated.body(), b"v=0\r\n");

    caller.send(caller.later_request("INFO", 5, "")).await;
    let info = request(event(&mut invitation).await);
    assert!(info.accept(Success::OK).is_some());
    answered(&mut caller, 200, "INFO").await;

    caller.send(caller.request("CANCEL")).await;
    let end = soon(invitation.event()).await.unwrap_err();
    assert!(matches!(end, Cancelled::Cancel(_)), "{end}");
}

/// RFC 3311 §5.2: 488, and what was agreed before holds. A 503 would be for the server as a whole, and its Retry-After
/// for new calls.
#[tokio::test]
async fn who_waits_for_the_end_alone_refuses_what_comes_before_it() {
    let (_user_agent, mut caller, mut invitation) = early().await;
    let cancelled = tokio::spawn(async move { invitation.cancelled().await });
    caller.send(update(&caller, 3, SDP)).await;
    answered(&mut caller, 488, "UPDATE").await;
    caller.send(caller.later_request("INFO", 4, "")).await;
    let refused = answered(&mut caller, 488, "INFO").await;
    assert!(refused.headers().named("Retry-After").next().is_none());
    caller.send(caller.request("CANCEL")).await;
    let cancelled = soon(cancelled).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Cancel(_)), "{cancelled}");
}

/// The 2xx would wait for the answer to an offer that nobody has seen.
#[tokio::test]
async fn an_offer_that_nobody_has_seen_is_refused_with_the_answer_to_the_call() {
    let (_user_agent, mut caller, invitation) = early().await;
    caller.send(update(&caller, 3, SDP)).await;
    // What comes behind it is answered, so it is here.
    caller.send(caller.later_request("OPTIONS", 4, "")).await;
    answered(&mut caller, 200, "OPTIONS").await;
    let _session = invitation.accept(Success::OK).unwrap();
    answered(&mut caller, 488, "UPDATE").await;
    answered(&mut caller, 200, "INVITE").await;
}

#[tokio::test]
async fn what_a_dropped_invitation_has_not_seen_is_refused_at_once() {
    let (user_agent, mut caller, invitation) = early().await;
    caller.send(caller.later_request("INFO", 3, "")).await;
    caller.send(caller.later_request("OPTIONS", 4, "")).await;
    answered(&mut caller, 200, "OPTIONS").await;
    drop(invitation);
    answered(&mut caller, 488, "INFO").await;
    answered(&mut caller, 480, "INVITE").await;
    assert_eq!(user_agent.counts().requests, 0);
}

/// RFC 3262 §3: the 2xx waits for the PRACK. Nothing else is answered when the invitation goes, which names its call.
#[tokio::test]
async fn a_call_that_is_accepted_before_its_prack_stays_accepted() {
    let (user_agent, mut caller, invitation, progress) = progressed(SDP).await;
    let printed = format!("{invitation:?}");
    assert!(printed.contains(&caller.call_id), "{printed}");
    let mut session = invitation.accept(Success::OK).unwrap();
    caller.send(prack(&caller, &progress, "")).await;
    answered(&mut caller, 200, "PRACK").await;
    answered(&mut caller, 200, "INVITE").await;
    caller.send(caller.request("ACK")).await;
    soon(session.confirmed()).await.unwrap();
    assert_eq!(user_agent.counts().sessions, 1);
}

/// RFC 3891 §3: a call whose 2xx waits takes nobody's place, and may never.
#[tokio::test]
async fn a_call_takes_the_place_of_another_with_its_2xx() {
    let (user_agent, server) = start().await;
    let mut first = Caller::new(server).await;
    let mut other = first.establish(&user_agent).await;
    let ours = other.refer_to().unwrap().replaces().unwrap().unwrap();
    let replaces = format!(
        "Replaces: {};to-tag={};from-tag={}\r\nSupported: 100rel\r\n",
        first.call_id,
        ours.from_tag.as_str(),
        ours.to_tag.as_str(),
    );
    let ring = async |user_agent: &UserAgent| {
        let mut caller = Caller::new(server).await;
        let invite = described(&caller.request("INVITE"), SDP, &replaces);
        caller.send(invite).await;
        let mut invitation = incoming(user_agent).await;
        assert!(invitation.replaces().is_some());
        invitation.progress(early_description()).unwrap();
        let progress = caller.response(183).await;
        (caller, invitation.accept(Success::OK).unwrap(), progress)
    };

    let (mut caller, mut session, _) = ring(&user_agent).await;
    caller
        .send(Caller::without_to_tag(&caller.request("CANCEL")))
        .await;
    answered(&mut caller, 200, "CANCEL").await;
    answered(&mut caller, 487, "INVITE").await;
    assert_eq!(soon(session.ended()).await, SessionEnd::Cancelled);

    let (mut caller, _session, progress) = ring(&user_agent).await;
    first.send(first.later_request("OPTIONS", 2, "")).await;
    answered(&mut first, 200, "OPTIONS").await;
    caller.send(prack(&caller, &progress, "")).await;
    answered(&mut caller, 200, "PRACK").await;
    answered(&mut caller, 200, "INVITE").await;
    let bye = first.expect_request("BYE").await;
    first.answer(&bye).await;
    assert_eq!(soon(other.ended()).await, SessionEnd::LocalBye);
}

/// RFC 3311 §5.1
#[tokio::test]
async fn we_change_the_session_before_the_answer() {
    let (_user_agent, mut caller, mut invitation, progress) = progressed(SDP).await;
    let offered = invitation.update(Some(&answer()));
    assert_eq!(
        offered,
        Err(InsideError::OfferPending),
        "the PRACK is missing"
    );
    caller.send(prack(&caller, &progress, "")).await;
    answered(&mut caller, 200, "PRACK").await;
    acknowledged(&mut invitation).await;
    invitation.update(Some(&answer())).unwrap();
    let update = caller.expect_request("UPDATE").await;
    assert_eq!(update.body(), SDP.as_bytes());
    caller.answer(&update).await;
    assert_eq!(
        response(event(&mut invitation).await).status().as_u16(),
        200
    );
}

/// The PRACKs that nobody looks at are as many as a session may have requests, and the one with the answer.
#[tokio::test]
async fn pracks_that_nobody_looks_at_have_a_bound() {
    let (_user_agent, mut caller, mut invitation, mut progress) = progressed("").await;
    for number in 2..40 {
        let answer = if number == 2 { "v=0\r\n" } else { "" };
        let rseq = progress.headers().rseq().unwrap().unwrap();
        let prack = caller.later_request("PRACK", number, "");
        let prack = described(&prack, answer, &format!("RAck: {rseq} 1 INVITE\r\n"));
        caller.send(prack).await;
        answered(&mut caller, 200, "PRACK").await;
        let ringing = ResponseOptions::new(Provisional::RINGING);
        invitation.progress(ringing.reliably()).unwrap();
        progress = caller.response(180).await;
    }
    let mut kept = Vec::new();
    tokio::select! {
        biased;
        () = async {
            while let Ok(SessionEvent::Prack(prack)) = invitation.event().await {
                kept.push(prack);
            }
        } => panic!("the call goes on"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(kept.len(), 16);
    assert!(kept[0].session_description().is_some());
}

/// Takes the INVITE, and says more than waits for who does not listen, before a reliable 183.
async fn describe_behind_much(callee: &mut Callee) -> Request {
    let invite = callee.expect("INVITE").await;
    for _ in 0..20 {
        callee.respond(&invite, "180 Ringing", "", "").await;
    }
    // What is refused came behind all that.
    callee.request(&invite, 1, "INFO", "").await;
    assert_eq!(callee.expect_status().await, 488);
    let reliable = "Require: 100rel\r\nRSeq: 7\r\n";
    callee
        .respond(&invite, "183 Session Progress", reliable, SDP)
        .await;
    invite
}

/// A reliable response that waits for our PRACK is told however much waits before it.
#[tokio::test]
async fn an_offer_is_told_behind_all_that_waits() {
    let (user_agent, _) = start().await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut call = callee::request(&user_agent, &callee.uri()).await;
    call.body = None;
    let mut inviter = user_agent.invite(call).unwrap();
    let invite = describe_behind_much(&mut callee).await;
    callee.request(&invite, 2, "INFO", "").await;
    assert_eq!(callee.expect_status().await, 488);
    for _ in 0..16 {
        assert!(progress(&mut inviter).await.offer.is_none());
    }
    assert!(progress(&mut inviter).await.offer.is_some());
}

/// The 2xx need not say again what a reliable response has answered.
#[tokio::test]
async fn an_answer_is_told_behind_all_that_waits() {
    let (user_agent, _) = start().await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    describe_behind_much(&mut callee).await;
    callee.expect("PRACK").await;
    for _ in 0..16 {
        let ringing = progress(&mut inviter).await.message;
        assert!(ringing.session_description().is_none());
    }
    let answer = progress(&mut inviter).await.message;
    assert!(answer.session_description().is_some());
}

/// The first response of a session has the session.
#[tokio::test]
async fn a_session_is_told_behind_all_that_waits() {
    let (user_agent, _) = start().await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&user_agent, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    for _ in 0..20 {
        callee.respond(&invite, "100 Trying", "", "").await;
    }
    callee.respond(&invite, "180 Ringing", "", "").await;
    callee.request(&invite, 1, "INFO", "").await;
    assert_eq!(callee.expect_status().await, 488);
    assert!(progress(&mut inviter).await.session.is_some());
}

/// Alice, who calls, and her call that rings at Bob, who has answered in a reliable 183.
async fn both() -> (UserAgent, UserAgent, Inviter, Invitation) {
    let (alice, _) = start().await;
    let (bob, at) = start().await;
    let inviter = call(&alice, &uri("bob", at.transport, at.address)).await;
    let mut invitation = incoming(&bob).await;
    invitation.progress(early_description()).unwrap();
    (alice, bob, inviter, invitation)
}

async fn next(inviter: &mut Inviter) -> InviterEvent {
    loop {
        match soon(inviter.event()).await.expect("the call is over") {
            InviterEvent::Trying(_) => {}
            event => return event,
        }
    }
}

async fn progress(inviter: &mut Inviter) -> Progress {
    match next(inviter).await {
        InviterEvent::Progress(progress) => progress,
        other => panic!("a provisional response was expected: {other:?}"),
    }
}

async fn happened(inviter: &mut Inviter) -> (EarlySession, SessionEvent) {
    match next(inviter).await {
        InviterEvent::Early { session, event } => (session, event),
        other => panic!("something in an early session was expected: {other:?}"),
    }
}

/// RFC 3311 §5.1, §5.2
#[tokio::test]
async fn both_sides_change_the_session_before_the_answer() {
    let (_alice, _bob, mut inviter, mut invitation) = both().await;
    let early = progress(&mut inviter).await.session.unwrap();
    acknowledged(&mut invitation).await;

    invitation.update(Some(&answer())).unwrap();
    let (session, event_at_alice) = happened(&mut inviter).await;
    assert_eq!(session, early);
    offer(event_at_alice).answer(&Body::sdp("v=0\r\n")).unwrap();
    let updated = response(event(&mut invitation).await);
    assert_eq!(updated.body(), b"v=0\r\n");

    // The UPDATE came behind the answer to her PRACK.
    early.update(Some(&Body::sdp("v=0\r\ns=2\r\n"))).unwrap();
    let offer = offer(event(&mut invitation).await);
    assert_eq!(offer.message().body(), b"v=0\r\ns=2\r\n");
    offer.answer(&answer()).unwrap();
    let (_, event) = happened(&mut inviter).await;
    assert_eq!(response(event).body(), SDP.as_bytes());

    let mut theirs = invitation.accept(Success::OK).unwrap();
    let accepted = next(&mut inviter).await;
    assert!(
        matches!(accepted, InviterEvent::Accepted(_)),
        "{accepted:?}"
    );
    soon(theirs.confirmed()).await.unwrap();
    assert_eq!(
        early.update(None),
        Ok(()),
        "the session is that of the call"
    );
}

#[tokio::test]
async fn an_early_offer_that_the_caller_drops_is_refused() {
    let (_alice, _bob, mut inviter, mut invitation) = both().await;
    acknowledged(&mut invitation).await;
    invitation.update(Some(&answer())).unwrap();
    progress(&mut inviter).await;
    drop(happened(&mut inviter).await);
    let refused = response(event(&mut invitation).await);
    assert_eq!(refused.status().as_u16(), 488);
}

/// RFC 6086 §4.2: INFO is sent in early dialogs too.
#[tokio::test]
async fn a_request_of_the_callee_before_its_answer_is_served() {
    let (alice, _) = start().await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let mut inviter = call(&alice, &callee.uri()).await;
    let invite = callee.expect("INVITE").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    callee.request(&invite, 1, "INFO", "").await;
    progress(&mut inviter).await;
    let (_, event) = happened(&mut inviter).await;
    assert!(request(event).accept(Success::OK).is_some());
    assert_eq!(callee.expect_status().await, 200);
    // What nobody has seen is refused when the call is given up.
    callee.request(&invite, 2, "INFO", "").await;
    callee.respond(&invite, "180 Ringing", "", "").await;
    callee.respond(&invite, "182 Queued", "", "").await;
    drop(request(happened(&mut inviter).await.1));
    assert_eq!(callee.expect_status().await, 488);
    callee.request(&invite, 3, "INFO", "").await;
    callee.request(&invite, 4, "OPTIONS", "").await;
    assert_eq!(callee.expect_status().await, 200);
    drop(inviter);
    assert_eq!(callee.expect_status().await, 488);
    callee.expect("CANCEL").await;
    // So is what comes later.
    callee.request(&invite, 5, "INFO", "").await;
    assert_eq!(callee.expect_status().await, 488);
}
