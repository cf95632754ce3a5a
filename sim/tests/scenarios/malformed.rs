//! Requests that are not well formed: RFC 3261 §7, §8.1.1, §16.3, §18.3.

use offhook_sim::{Draft, PEER, Packet, Policy, Simulation};

/// Sends each request and expects a 400 with this reason.
fn expect_400(cases: &[(Draft, &str)]) {
    let mut call = Simulation::new(Policy::new().answer());
    for (number, (request, reason)) in cases.iter().enumerate() {
        call.send(&request.clone().branch(&format!("z9hG4bK-{number}")));
        call.receive(&format!("400 {reason}"));
    }
    assert_eq!(call.counts().invites, 0);
    call.finish_here();
}

#[test]
fn a_mandatory_header_is_missing() {
    let invite = Draft::invite();
    expect_400(&[
        (invite.clone().without("From"), "the From header is missing"),
        (invite.clone().without("To"), "the To header is missing"),
        (
            invite.clone().without("Call-ID"),
            "the Call-ID header is missing",
        ),
        (invite.clone().without("CSeq"), "the CSeq header is missing"),
        (invite.without("Contact"), "The Contact header is missing"),
    ]);
}

#[test]
fn a_mandatory_header_is_malformed() {
    let invite = Draft::invite();
    for (name, value) in [
        ("From", "Alice sip:alice@example.com>"),
        ("From", ""),
        ("To", "<sip:bob@example.com"),
        ("Call-ID", ""),
        ("CSeq", "one INVITE"),
        ("CSeq", "4294967296 INVITE"),
        ("Contact", "<sip:alice@203.0.113.1"),
        ("Max-Forwards", "-1"),
    ] {
        let mut call = Simulation::new(Policy::new().answer());
        call.send(&invite.clone().set(name, value));
        call.run_until(offhook_sim::milliseconds(100));
        let answer = call.trace().packets().last().map(Packet::label);
        let answer = answer.unwrap_or_default();
        assert!(answer.starts_with("400 "), "{name}: {value} gets {answer}");
        assert!(answer.contains(name), "{answer} does not name {name}");
        call.finish_here();
    }
}

#[test]
fn a_header_that_stands_once_stands_twice() {
    for (name, value) in [
        ("From", "<sip:eve@example.com>;tag=eve"),
        ("To", "<sip:eve@example.com>"),
        ("Call-ID", "another"),
        ("CSeq", "2 INVITE"),
    ] {
        let reason = format!("there is more than one {name} header");
        expect_400(&[(Draft::invite().add(name, value), &reason)]);
    }
}

/// §8.1.1.5.
#[test]
fn the_method_of_cseq_is_another() {
    let request = Draft::invite().set("CSeq", "1 OPTIONS");
    expect_400(&[(request, "The method of CSeq differs")]);
}

/// §18.3: in a datagram the body is as long as it says, or the message is no good.
#[test]
fn content_length_does_not_fit() {
    let invite = Draft::invite();
    expect_400(&[
        (
            invite.clone().set("Content-Length", "9999"),
            "The body is shorter than Content-Length",
        ),
        (
            invite.clone().set("Content-Length", "18446744073709551615"),
            "The body is shorter than Content-Length",
        ),
        (
            invite.clone().set("Content-Length", "18446744073709551616"),
            "Content-Length is not a number",
        ),
        (
            invite.clone().set("Content-Length", "-1"),
            "Content-Length is not a number",
        ),
        (
            invite.set("Content-Length", "0").add("Content-Length", "1"),
            "There is more than one Content-Length",
        ),
    ]);
}

#[test]
fn the_request_uri_is_malformed() {
    let mut call = Simulation::new(Policy::new().answer());
    for (number, uri) in [
        "<sip:bob@example.com>",
        "sip:bob@",
        "sip:bob@example.com:99999",
        "sip:bob@example.com?Route=%3Csip:example.com%3E",
    ]
    .into_iter()
    .enumerate()
    {
        let invite = Draft::invite().uri(uri);
        call.send(&invite.branch(&format!("z9hG4bK-{number}")));
        call.run_until(offhook_sim::milliseconds(number as u64));
        let status = call.trace().packets().last().and_then(Packet::status);
        assert_eq!(status, Some(400), "{uri}");
    }
    call.finish_here();
}

/// The sender is known, whatever stands behind it.
#[test]
fn the_parameters_of_via_are_malformed() {
    let mut call = Simulation::new(Policy::new().answer());
    let via = format!("SIP/2.0/UDP {PEER};;,;,,");
    call.send(&Draft::invite().set("Via", &via));
    let refused = call.receive("400 the Via header is malformed: a parameter has no name");
    assert_eq!(refused.header("Via"), Some(via.as_str()));
    call.send(&Draft::new("ACK").set("Via", &via));
    assert_eq!(call.counts().totals.dropped, 0);
    call.expect("...");
    assert_eq!(call.counts().totals.dropped, 1, "an ACK is never answered");
    call.finish();
}

/// Without a Via nobody knows where an answer goes.
#[test]
fn what_cannot_be_answered_is_counted_and_dropped() {
    let mut call = Simulation::new(Policy::new().answer());
    call.send(&Draft::invite().without("Via"));
    call.send(&Draft::invite().set("Via", "SIP/2.0/UDP"));
    call.send(&Draft::invite().set("Via", ""));
    assert_eq!(call.counts().totals.dropped, 0);
    for garbage in [
        &b""[..],
        b"\r\n\r\n",
        b"\0\xff\xfe\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"INVITE",
        b"SIP/2.0 99 Low\r\n\r\n",
    ] {
        call.send_from(PEER, garbage);
    }
    call.expect("...");
    assert!(
        call.trace()
            .packets()
            .all(|packet| packet.status().is_none())
    );
    assert_eq!(call.counts().totals.dropped, 3);
    assert_eq!(call.counts().totals.malformed, 6);
    call.send(&Draft::new("OPTIONS"));
    call.receive("200 OK");
    call.finish_here();
}

/// A header that nobody asked for may be anything, octets that are no UTF-8 included.
#[test]
fn octets_beyond_utf8_do_no_harm() {
    let mut call = Simulation::new(Policy::new());
    let text = Draft::new("OPTIONS").add("Subject", "?").bytes();
    let text: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'?' { 0xe9 } else { *byte })
        .collect();
    call.send_from(PEER, text);
    call.receive("200 OK");
    call.finish_here();
}
