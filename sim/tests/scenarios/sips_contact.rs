//! Where our Contact must be a SIPS URI: RFC 3261 §12.1.1.

use offhook_core::Transport;
use offhook_sim::{Draft, Policy, Simulation};

/// Our Contact in the 180 to this INVITE.
fn contact(invite: &Draft) -> String {
    let mut call = Simulation::new(Policy::new().ring()).over(Transport::Tls);
    call.send(invite);
    let ringing = call.receive("180 Ringing");
    let contact = ringing.header("Contact").unwrap_or_default().to_owned();
    call.give_up(invite);
    call.finish_here();
    contact
}

fn is_sips(invite: &Draft) -> bool {
    let contact = contact(invite);
    assert!(contact.contains("bob@198.51.100.1:5060"), "{contact}");
    contact.starts_with("<sips:")
}

#[test]
fn the_request_uri_is_sips() {
    assert!(is_sips(&Draft::invite().uri("sips:bob@example.com")));
    assert!(!is_sips(&Draft::invite()));
}

#[test]
fn the_contact_is_sips_and_there_is_no_record_route() {
    let invite = Draft::invite().set("Contact", "<sips:alice@203.0.113.1>");
    assert!(is_sips(&invite));
    assert!(!is_sips(
        &invite.add("Record-Route", "<sip:203.0.113.5;lr>")
    ));
}

#[test]
fn the_topmost_record_route_is_sips() {
    let invite = Draft::invite().add("Record-Route", "<sips:203.0.113.5;lr>");
    assert!(is_sips(&invite));
    let lower = Draft::invite().add(
        "Record-Route",
        "<sip:203.0.113.5;lr>, <sips:203.0.113.6;lr>",
    );
    assert!(!is_sips(&lower));
}

#[test]
fn the_transport_is_named() {
    assert_eq!(
        contact(&Draft::invite()),
        "<sip:bob@198.51.100.1:5060;transport=tls>"
    );
}
