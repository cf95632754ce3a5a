//! A peer of RFC 2543, without branch and tags: RFC 3261 §12.1.1, §17.2.3.

use offhook_core::message::Rejection;
use offhook_sim::{Draft, PEER, Policy, Simulation, seconds};

fn old_invite() -> Draft {
    Draft::invite()
        .set("Via", &format!("SIP/2.0/UDP {PEER}"))
        .set("From", "<sip:alice@example.com>")
        .without("Contact")
}

/// Its requests are matched by what they say, and its dialog has no remote tag.
#[test]
fn a_call_from_the_old_days() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).answer());
    let invite = old_invite();
    call.send(&invite);
    call.send(&invite);
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    let ack = invite
        .in_dialog("ACK", &ok)
        .set("Via", &format!("SIP/2.0/UDP {PEER}"));
    call.send(&ack);
    let bye = invite
        .in_dialog("BYE", &ok)
        .set("Via", &format!("SIP/2.0/UDP {PEER}"));
    call.send(&bye);
    call.send(&bye);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <------- 180 Ringing
        1.0   <------------ 200 OK
        1.0   ACK           ------->
        1.0   BYE           ------->
        1.0   BYE           ------->
        1.0                 * Confirmed
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        1.0   <------------ 200 OK
        ",
    );
    call.finish();
}

/// The ACK of a refusal bears a To tag that the INVITE had not.
#[test]
fn its_ack_and_its_cancel_are_matched() {
    let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
    let invite = old_invite();
    call.send(&invite);
    let busy = call.receive("486 Busy Here");
    call.send(&invite.ack(&busy));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <----- 486 Busy Here
        0.0   ACK           ------->
        ",
    );
    call.finish();
    let mut call = Simulation::new(Policy::new().ring());
    call.send(&invite);
    call.give_up(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   CANCEL        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <------------ 200 OK
        0.0   <-- 487 Request Terminated
        0.0                 * Cancelled
        0.0   ACK           ------->
        ",
    );
    call.finish();
}

/// §12.2.1.1: a tag that is null is left out, and without a Contact the From says where to go.
#[test]
fn our_bye_has_no_tag_in_to() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let invite = old_invite().set("From", "<sip:alice@203.0.113.1>");
    call.establish(&invite);
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    assert_eq!(bye.header("To"), Some("<sip:alice@203.0.113.1>"));
    assert!(
        bye.text()
            .starts_with("BYE sip:alice@203.0.113.1 SIP/2.0\r\n")
    );
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
}

/// Two of its requests with one number are two requests where anything else differs.
#[test]
fn another_request_uri_is_another_request() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = old_invite();
    let other = old_invite().uri("sip:carol@198.51.100.1");
    call.send(&invite);
    call.send(&other);
    call.receive("180 Ringing");
    assert_eq!(call.counts().invites, 2);
    for invite in [&invite, &other] {
        call.give_up(invite);
    }
    call.finish_here();
}
