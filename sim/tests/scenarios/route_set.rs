//! Record-Route and the way of our requests: RFC 3261 §12.1.1, §12.2.1.1.

use offhook_sim::{Draft, PEER, Packet, Policy, Simulation, seconds};

/// A call with these Record-Route lines: the 200, and the BYE with which we end it.
fn call_with(record_routes: &[&str]) -> (Packet, Packet) {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let mut invite = Draft::invite();
    for line in record_routes {
        invite = invite.add("Record-Route", line);
    }
    let ok = call.establish(&invite);
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
    (ok, bye)
}

fn request_line(packet: &Packet) -> String {
    packet.text().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn record_route_is_copied_byte_for_byte() {
    let lines = [
        "<sip:203.0.113.5;lr;transport=udp> ; x=\"a, b\",<sip:p2.example.com;lr>",
        "\"Third\"  <sip:p3.example.com;lr;ftag=1>;unknown",
    ];
    let (ok, _) = call_with(&lines);
    let expected: Vec<_> = lines
        .iter()
        .map(|line| format!("Record-Route: {line}"))
        .collect();
    assert_eq!(ok.header_lines("Record-Route"), expected);
}

#[test]
fn a_provisional_response_copies_it_too() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite().add("Record-Route", "<sip:203.0.113.5;lr>");
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    assert_eq!(ringing.header("Record-Route"), Some("<sip:203.0.113.5;lr>"));
    assert_eq!(
        ringing.header("Contact"),
        Some("<sip:bob@198.51.100.1:5060>")
    );
    call.send(&invite.cancel());
    let terminated = call.receive("487 Request Terminated");
    assert_eq!(terminated.header("Record-Route"), None);
    call.send(&invite.ack(&terminated));
    call.finish_here();
}

/// A loose router is visited first, and the Request-URI stays the peer's.
#[test]
fn a_loose_router_is_the_next_hop() {
    let (_, bye) = call_with(&[
        "<sip:203.0.113.5:5070;lr>;x=1, <sip:203.0.113.6;lr>",
        "<sip:203.0.113.7;lr>",
    ]);
    assert_eq!(request_line(&bye), "BYE sip:alice@203.0.113.1:5060 SIP/2.0");
    let routes = bye.header_lines("Route").join("\n");
    assert_eq!(
        routes,
        "Route: <sip:203.0.113.5:5070;lr>;x=1, <sip:203.0.113.6;lr>, <sip:203.0.113.7;lr>"
    );
    assert_eq!(bye.peer.to_string(), "203.0.113.5:5070");
}

/// A strict router finds itself in the Request-URI and the peer at the end of the route.
#[test]
fn a_strict_router_is_the_request_uri() {
    let (_, bye) = call_with(&[
        "<sip:203.0.113.5>, <sip:203.0.113.6;lr>;x=1",
        "<sip:203.0.113.7>",
    ]);
    assert_eq!(request_line(&bye), "BYE sip:203.0.113.5 SIP/2.0");
    let routes = bye.header_lines("Route").join("\n");
    assert!(
        routes.starts_with("Route: <sip:203.0.113.6;lr>"),
        "{routes}"
    );
    assert!(
        routes.ends_with(", <sip:203.0.113.7>, <sip:alice@203.0.113.1:5060>"),
        "{routes}"
    );
    assert_eq!(bye.peer.to_string(), "203.0.113.5:5060");
}

/// §12.2.1.1: what a Request-URI may not have is left out of it.
#[test]
fn a_request_uri_from_a_route_has_no_method_and_no_headers() {
    let (_, bye) = call_with(&["<sip:203.0.113.5;method=INVITE;transport=udp?Subject=x>"]);
    assert_eq!(
        request_line(&bye),
        "BYE sip:203.0.113.5;transport=udp SIP/2.0"
    );
}

#[test]
fn without_a_route_the_contact_is_the_next_hop() {
    let (_, bye) = call_with(&[]);
    assert_eq!(bye.peer.to_string(), PEER);
    assert_eq!(bye.header("Route"), None);
}

/// §21.5.7: what a dialog would keep for hours has a bound, in the INVITE and where the peer moves.
#[test]
fn what_a_dialog_would_keep_has_a_bound() {
    let long = |length: usize| "x".repeat(length);
    let route = |length| format!("<sip:203.0.113.5;lr;x={}>", long(length));
    let contact = format!("<sip:alice@{PEER};x={}>", long(17_000));
    let named = |name: &str| format!("{name} <sip:bob@example.com>;x={}", long(17_000));
    for invite in [
        Draft::invite().add("Record-Route", &route(17_000)),
        Draft::invite()
            .add("Record-Route", &route(9_000))
            .add("Record-Route", &route(9_000)),
        Draft::invite().set("Contact", &contact),
        Draft::invite().set("Call-ID", &long(17_000)),
        Draft::invite().set("To", &named("Bob")),
        Draft::invite().set("From", &format!("{};tag=1", named("Alice"))),
        Draft::invite().uri(&format!("sip:{}@198.51.100.1", long(17_000))),
    ] {
        let mut call = Simulation::new(Policy::new().answer());
        call.send(&invite);
        call.receive("513 Message Too Large");
        assert_eq!(call.counts().sessions, 0);
        call.finish_here();
    }
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    // What it does not keep is not counted.
    let invite = Draft::invite()
        .add("Record-Route", &route(12_000))
        .add("Subject", &long(20_000));
    let ok = call.establish(&invite);
    for method in ["UPDATE", "INVITE"] {
        let moved = invite.in_dialog(method, &ok).set("Contact", &contact);
        call.send(&moved);
        let refused = call.receive("513 Message Too Large");
        if method == "INVITE" {
            call.send(&moved.ack(&refused));
        }
    }
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    assert_eq!(request_line(&bye), "BYE sip:alice@203.0.113.1:5060 SIP/2.0");
    call.send_from("203.0.113.5:5060", bye.response("200 OK"));
    call.finish_here();
}
