//! Requests and responses that belong to nothing: RFC 3261 §12.2.2, §15.1.2, §8.1.3.3.

use offhook_sim::{Draft, PEER, Policy, Simulation, seconds};

#[test]
fn a_request_of_an_unknown_dialog_gets_481() {
    let mut call = Simulation::new(Policy::new().answer());
    for (method, tag) in [
        ("BYE", Some("gone")),
        ("INVITE", Some("gone")),
        ("BYE", None),
    ] {
        let branch = format!("z9hG4bK-{method}-{}", tag.is_some());
        let mut request = Draft::new(method).branch(&branch);
        if let Some(tag) = tag {
            request = request.to_tag(tag);
        }
        call.send(&request);
        let answer = call.receive("481 Call/Transaction Does Not Exist");
        if tag.is_some() {
            assert_eq!(
                answer.to_tag(),
                tag,
                "§8.2.6.2: the tag that the request had"
            );
        }
    }
    call.finish_here();
}

/// §15.1.2: each part of the dialog's name must fit.
#[test]
fn a_bye_must_fit_the_dialog_in_all_its_parts() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    let bye = invite.in_dialog("BYE", &ok);
    for (number, wrong) in [
        bye.clone().set("Call-ID", "another"),
        bye.clone()
            .set("From", "Alice <sip:alice@example.com>;tag=another"),
        bye.clone().set("From", "Alice <sip:alice@example.com>"),
        bye.clone().to_tag("another"),
    ]
    .into_iter()
    .enumerate()
    {
        call.send(&wrong.branch(&format!("z9hG4bK-wrong{number}")));
        call.receive("481 Call/Transaction Does Not Exist");
    }
    call.send(&bye);
    call.receive("200 OK");
    call.finish_here();
}

#[test]
fn an_ack_is_never_answered() {
    let mut call = Simulation::new(Policy::new());
    let ack = Draft::new("ACK");
    call.send(&ack);
    call.send(&ack.clone().to_tag("gone"));
    call.send(&ack.clone().without("CSeq"));
    call.send(&ack.clone().set("Require", "nonsense"));
    call.send(&ack.clone().uri("http://example.com"));
    call.send(&ack.set("Content-Length", "999"));
    call.expect(
        "
        0.0   ACK   -->
        0.0   ACK   -->
        0.0   ACK   -->
        0.0   ACK   -->
        0.0   ACK   -->
        0.0   ACK   -->
        ",
    );
    assert_eq!(call.counts().totals.dropped, 5);
    assert_eq!(call.counts().totals.malformed, 1);
    call.finish();
}

/// §13.3.1.4: an ACK with another number than the INVITE's acknowledges nothing.
#[test]
fn an_ack_of_another_number_does_not_confirm() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok).cseq(2));
    call.run_until(seconds(1));
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.5   <------------ 200 OK
        1.0   ACK           ------->
        1.0   BYE           ------->
        1.0                 * Confirmed
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// A stray ACK on an early dialog must not stop a 2xx that comes later.
#[test]
fn an_ack_before_the_2xx_says_nothing() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.send(&invite.in_dialog("ACK", &ringing));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   ACK           ------->
        1.0   <------------ 200 OK
        1.5   <------------ 200 OK
        ",
    );
    call.send(&invite.in_dialog("ACK", &ringing));
    call.send(&invite.in_dialog("BYE", &ringing));
    call.finish_here();
}

#[test]
fn a_response_to_nothing_is_dropped() {
    let mut call = Simulation::new(Policy::new());
    for via in [
        "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK0123456789abcdef",
        "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKother",
        "SIP/2.0/UDP 198.51.100.1:5060",
    ] {
        let response = format!(
            "SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        );
        call.send_from(PEER, response);
    }
    call.expect(
        "
        0.0   200 OK   -->
        0.0   200 OK   -->
        0.0   200 OK   -->
        ",
    );
    assert_eq!(call.counts().totals.dropped, 3);
    call.finish();
}
