//! Schemes of the Request-URI: RFC 3261 §8.2.2.1.

use offhook_sim::{Draft, Policy, Simulation};

#[test]
fn sip_sips_and_tel_are_understood() {
    for uri in [
        "sip:bob@example.com",
        "sips:bob@example.com",
        "tel:+1-201-555-0123",
    ] {
        let mut call = Simulation::new(Policy::new().ring());
        let invite = Draft::invite().uri(uri);
        call.send(&invite);
        call.receive("180 Ringing");
        call.give_up(&invite);
        call.finish_here();
    }
}

#[test]
fn another_scheme_gets_416() {
    let mut call = Simulation::new(Policy::new().ring());
    for (number, uri) in [
        "http://example.com",
        "mailto:bob@example.com",
        "urn:service:sos",
    ]
    .into_iter()
    .enumerate()
    {
        let invite = Draft::invite().uri(uri);
        call.send(&invite.branch(&format!("z9hG4bK-{number}")));
        call.receive("416 Unsupported URI Scheme");
    }
    call.finish_here();
}
