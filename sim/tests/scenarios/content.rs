//! Bodies that are not understood: RFC 3261 §8.2.3, §20.1, §20.11.

use offhook_core::message::{Body, Rejection};
use offhook_sim::{ANSWER, Draft, OFFER, Policy, Simulation, seconds};

#[test]
fn another_type_gets_415_with_the_types_that_are_understood() {
    let mut call = Simulation::new(Policy::new().answer());
    call.send(&Draft::invite().body("text/plain", "hello"));
    let answer = call.receive("415 Unsupported Media Type");
    assert_eq!(answer.header("Accept"), Some("application/sdp"));
    call.finish_here();
}

#[test]
fn another_encoding_gets_415_with_the_encodings_that_are_understood() {
    let mut call = Simulation::new(Policy::new().answer());
    call.send(&Draft::invite().set("Content-Encoding", "gzip"));
    let answer = call.receive("415 Unsupported Media Type");
    assert_eq!(answer.header("Accept-Encoding"), Some("identity"));
    call.finish_here();
}

/// §20.11: a body that may be left aside is left aside, and the INVITE makes no offer then.
#[test]
fn an_optional_body_does_no_harm() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite()
        .body("text/plain", "hello")
        .set("Content-Disposition", "render;handling=optional");
    call.send(&invite);
    call.receive("180 Ringing");
    call.give_up(&invite);
    call.finish_here();
}

/// §20.15: a body needs a Content-Type.
#[test]
fn a_body_without_a_type_gets_400() {
    let mut call = Simulation::new(Policy::new().answer());
    call.send(&Draft::invite().without("Content-Type"));
    call.receive("400 The Content-Type of the body is missing");
    call.finish_here();
}

/// A media type has no case and may have parameters; SDP may be a part of a body.
#[test]
fn sdp_is_found_in_all_its_forms() {
    let multipart = format!("--x\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--x--\r\n");
    for (content_type, body) in [
        ("Application/SDP", OFFER),
        ("application/sdp;charset=utf-8", OFFER),
        ("multipart/mixed;boundary=x", &multipart),
    ] {
        let mut call = Simulation::new(Policy::new().early_answer());
        let invite = Draft::invite().body(content_type, body);
        call.send(&invite);
        call.receive("183 Session Progress");
        call.give_up(&invite);
        call.finish_here();
    }
}

/// §20.1: a caller that takes no SDP cannot be called.
#[test]
fn a_caller_that_takes_no_sdp_gets_406() {
    for (accept, answer) in [
        ("text/plain", "406 Not Acceptable"),
        ("application/sdp;q=0", "406 Not Acceptable"),
        ("*/*;q=0.5, application/sdp;q=0.0", "406 Not Acceptable"),
        ("application/*;q=0.1, */*;q=0", "486 Busy Here"),
    ] {
        let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
        let invite = Draft::invite().set("Accept", accept);
        call.send(&invite);
        let received = call.receive(answer);
        call.send(&invite.ack(&received));
        call.finish_here();
    }
}

/// RFC 3204: the answer may have ISUP beside it. It is the answer all the same, and what follows is
/// another exchange.
#[test]
fn an_answer_may_be_a_part() {
    let mut call = Simulation::new(Policy::new());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    let isup = "--x\r\nContent-Type: application/ISUP;version=itu-t92+\r\n\r\nISUP\r\n--x--\r\n";
    let sdp = format!("--x\r\nContent-Type: application/sdp\r\n\r\n{ANSWER}\r\n");
    let body = Body::new("multipart/mixed;boundary=x", sdp + isup).unwrap();
    let session = call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        let accepted = server.accept(body).expect("it has the answer");
        accepted.session
    });
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(1));
    let snapshot = call.core(|core, now| core.session(now, session).unwrap().snapshot());
    assert!(snapshot.is_ok(), "{snapshot:?}");
    let again = invite.in_dialog("INVITE", &ok);
    call.send(&again.body("application/sdp", OFFER));
    call.run_until(seconds(1));
    let answer = Body::sdp(ANSWER);
    let answered = call.core(|core, now| core.session(now, session).unwrap().answer(&answer));
    assert_eq!(answered, Ok(()));
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok).cseq(2));
    call.hang_up(&invite, &ok);
    call.finish_here();
}
