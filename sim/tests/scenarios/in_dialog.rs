//! Requests inside a dialog: none is left unanswered, whenever it comes and whoever serves it
//! (RFC 3261 §12.2.2, RFC 6086).

use offhook_core::message::{Method, Success, Text};
use offhook_core::{Config, RequestId};
use offhook_sim::{Draft, OFFER, PEER, Packet, Policy, Simulation, seconds};

use crate::begin;

/// An application that serves INFO, of one package, and MESSAGE.
fn serving(policy: Policy) -> Simulation {
    let config = Config {
        methods: vec![Method::Info, Method::Message],
        info_packages: vec![Text::from_static("conference")],
        ..Config::default()
    };
    Simulation::with_config(policy, config)
}

fn inside(invite: &Draft, ok: &Packet, method: &'static str, cseq: u32) -> Draft {
    let request = invite.in_dialog(method, ok).cseq(cseq);
    request.branch(&format!("z9hG4bK-{method}-{cseq}"))
}

fn end(mut call: Simulation, invite: &Draft, ok: &Packet) {
    call.send(&inside(invite, ok, "BYE", 99));
    call.receive("200 OK");
    call.finish_here();
}

/// The application answers with 200 what waits for it.
fn accept(call: &mut Simulation, request: RequestId) {
    call.core(|core, now| {
        let server = core.request_server(now, request);
        server.map(|server| server.accept(Success::OK))
    });
}

/// §8.2.1: what nobody serves is refused in a dialog as outside.
#[test]
fn methods_that_are_not_served_are_refused() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    let methods = [
        ("INFO", "405 Method Not Allowed"),
        ("MESSAGE", "405 Method Not Allowed"),
        ("DANCE", "501 Not Implemented"),
    ];
    for (number, (method, label)) in (2..).zip(methods) {
        call.send(&inside(&invite, &ok, method, number));
        assert!(call.receive(label).header("Allow").is_some());
    }
    end(call, &invite, &ok);
}

/// RFC 6086 §2, §4.2.2: an INFO without a package goes to the application, one of a package that
/// nobody receives gets 469.
#[test]
fn an_info_is_served_with_a_known_package_or_none() {
    let mut call = serving(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    let relay = inside(&invite, &ok, "INFO", 2);
    let relay = relay.body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    let package = inside(&invite, &ok, "INFO", 3).set("Info-Package", "Conference;a=b");
    for info in [relay, package] {
        call.send(&info);
        let request = call.request();
        accept(&mut call, request);
        call.receive("200 OK");
    }
    call.send(&inside(&invite, &ok, "INFO", 4).set("Info-Package", "unheard-of"));
    let refused = call.receive("469 Bad Info Package");
    assert_eq!(refused.header("Recv-Info"), Some("conference"));
    end(call, &invite, &ok);
}

/// RFC 5057 §5.1: one that the application leaves alone gets a response that ends nothing.
#[test]
fn what_the_application_leaves_alone_gets_488() {
    let mut call = serving(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&inside(&invite, &ok, "MESSAGE", 2));
    call.run_until(seconds(16));
    call.receive("488 Not Acceptable Here");
    end(call, &invite, &ok);
}

/// The ACK is late: everything else is served as if it were here.
#[test]
fn requests_may_overtake_the_ack() {
    let mut call = serving(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.send(&inside(&invite, &ok, "OPTIONS", 2));
    call.receive("200 OK");
    call.send(&inside(&invite, &ok, "UPDATE", 3).without_body());
    call.receive("200 OK");
    call.send(&inside(&invite, &ok, "INFO", 4));
    let request = call.request();
    accept(&mut call, request);
    call.receive("200 OK");
    let update = inside(&invite, &ok, "UPDATE", 5);
    call.send(&update.body("application/sdp", OFFER));
    call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    end(call, &invite, &ok);
}

/// §15.1.1: once our BYE is out there is no session left to change or to tell something.
#[test]
fn after_our_bye_requests_get_481() {
    let mut call = serving(Policy::new().answer().wait(seconds(1)).hang_up());
    let (invite, ok) = begin(&mut call);
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    for (method, number) in [("INFO", 2), ("MESSAGE", 3), ("UPDATE", 4), ("INVITE", 5)] {
        let request = inside(&invite, &ok, method, number);
        call.send(&request);
        let gone = call.receive("481 Call/Transaction Does Not Exist");
        if method == "INVITE" {
            call.send(&request.ack(&gone));
        }
    }
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
}

/// §15.1.2: the BYE of the peer's is no reason to leave another request unanswered.
#[test]
fn a_request_that_waits_outlives_the_session() {
    let mut call = serving(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&inside(&invite, &ok, "INFO", 2));
    let request = call.request();
    call.send(&inside(&invite, &ok, "BYE", 3));
    call.receive("200 OK");
    accept(&mut call, request);
    assert_eq!(call.receive("200 OK").header("CSeq"), Some("2 INFO"));
    call.finish_here();
}

/// §12.2.2: whatever the method, a number that is not above the last is refused. What a BYE does
/// besides has a file of its own.
#[test]
fn every_method_is_bound_to_the_order() {
    let mut call = serving(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&inside(&invite, &ok, "OPTIONS", 50));
    call.receive("200 OK");
    for method in ["INFO", "MESSAGE", "UPDATE", "INVITE"] {
        let late = inside(&invite, &ok, method, 49);
        call.send(&late);
        let refused = call.receive("500 Server Internal Error");
        assert!(refused.header("Retry-After").is_some());
        if method == "INVITE" {
            call.send(&late.ack(&refused));
        }
    }
    end(call, &invite, &ok);
}

/// RFC 3261 §12.2.1.1, RFC 3311 §5.1: a peer that reads our Contact anew finds us where it has called us,
/// whatever To says and whatever URI it asks for.
#[test]
fn our_contact_stays_what_the_answer_said() {
    let mut call = serving(Policy::new().answer());
    let invite = Draft::invite().uri("sip:line%201@198.51.100.1");
    let ok = call.establish(&invite);
    let contact = ok.header("Contact").map(str::to_owned);
    assert_eq!(contact.as_deref(), Some("<sip:line%201@198.51.100.1:5060>"));
    call.run_until(seconds(1));
    let session = call.session();
    let updated = call.core(|core, now| core.session(now, session).unwrap().update(None));
    assert_eq!(updated, Ok(()));
    let update = call.receive("UPDATE");
    assert_eq!(update.header("Contact"), contact.as_deref());
    call.send_from(PEER, update.response("200 OK"));
    let theirs = inside(&invite, &ok, "UPDATE", 2).uri("sip:bob@198.51.100.1");
    call.send(&theirs);
    let answered = call.receive("200 OK");
    assert_eq!(answered.header("CSeq"), Some("2 UPDATE"));
    assert_eq!(answered.header("Contact"), contact.as_deref());
    end(call, &invite, &ok);
}
