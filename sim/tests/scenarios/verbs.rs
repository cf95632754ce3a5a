//! A verb that fails has changed nothing, and a call that is over cannot be taken.

use offhook_core::message::{Body, Provisional, Rejection, Success};
use offhook_core::{ResponseOptions, TransactionState, VerbError};
use offhook_sim::{ANSWER, Draft, Policy, SERVER, Simulation, seconds};

/// Refuses the last call and acknowledges that.
fn finish(mut call: Simulation, invite: &Draft) {
    let id = call.invite();
    call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        server.reject(Rejection::BUSY_HERE).map(drop)
    })
    .expect("a rejection has no rule to break");
    let busy = call.receive("486 Busy Here");
    call.send(&invite.ack(&busy));
    call.finish_here();
}

/// RFC 3261 §13.3.1.4: a 2xx needs a session description.
#[test]
fn a_2xx_without_a_session_description() {
    let mut call = Simulation::new(Policy::new());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    let (id, before) = (call.invite(), call.counts());
    for body in [None, Some(Body::new("text/plain", "hello").unwrap())] {
        let options = ResponseOptions::new(Success::OK);
        let options = match body {
            Some(body) => options.with_body(body),
            None => options,
        };
        let error = call.core(|core, now| {
            let server = core.invite_server(now, id).expect("the call is there");
            server.accept(options).map(drop)
        });
        assert_eq!(error, Err(VerbError::NoBody));
    }
    assert_eq!(call.counts(), before);
    assert_eq!(call.trace().packet_count(), 1, "nothing was sent");
    finish(call, &invite);
}

/// §13.2.1: an offer in a provisional response that may get lost.
#[test]
fn an_offer_in_a_183() {
    let mut call = Simulation::new(Policy::new());
    let invite = Draft::new("INVITE");
    call.send(&invite);
    call.run_until(seconds(0));
    let (id, before) = (call.invite(), call.counts());
    let options = ResponseOptions::new(Provisional::SESSION_PROGRESS).with_body(Body::sdp(ANSWER));
    let error = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        server.progress(options).map(drop)
    });
    assert_eq!(error, Err(VerbError::UnreliableOffer));
    assert_eq!(call.counts(), before);
    assert_eq!(call.trace().packet_count(), 1, "nothing was sent");
    finish(call, &invite);
}

/// 100 after a 180 would be repeated in its place.
#[test]
fn a_100_after_a_180() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    let id = call.invite();
    let error = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        server.trying().map(drop)
    });
    assert_eq!(error, Err(VerbError::Progressed));
    call.send(&invite);
    call.receive("180 Ringing");
    finish(call, &invite);
}

#[test]
fn a_call_that_is_over_cannot_be_taken() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    let id = call.invite();
    call.give_up(&invite);
    assert!(call.core(|core, now| core.invite_server(now, id).is_none()));
    let session = call.session();
    assert!(call.core(|core, now| core.session(now, session).is_none()));
    call.finish_here();
}

#[test]
fn what_the_view_shows() {
    let mut call = Simulation::new(Policy::new());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        assert_eq!(server.id(), id);
        assert_eq!(server.message().as_bytes(), invite.bytes());
        assert_eq!(server.flow().local, SERVER);
        let transaction = server.transaction();
        assert_eq!(transaction.state(), TransactionState::Proceeding);
        assert_eq!(transaction.id(), b"z9hG4bK-INVITE");
        assert_eq!(transaction.request().as_bytes(), invite.bytes());
    });
    finish(call, &invite);
}

/// The bytes a verb gives back are those that went out.
#[test]
fn a_verb_gives_back_what_it_sent() {
    let mut call = Simulation::new(Policy::new());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    let message = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        server
            .progress(Provisional::RINGING)
            .expect("it may ring")
            .message
    });
    assert_eq!(call.receive("180 Ringing").bytes, message);
    finish(call, &invite);
}
