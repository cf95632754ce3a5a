//! Session descriptions, as offers and as answers.

use std::net::{IpAddr, Ipv4Addr};

use offhook_media::{BareHandler, SessionDescriptionHandler};

pub(crate) fn run(octets: &[u8]) {
    let mut answerer = handler();
    if answerer.set_description(octets).is_ok() {
        let offer_again = answerer.set_description(octets);
        assert!(offer_again.is_err(), "one offer at a time");
        if let Ok(answer) = answerer.description() {
            check(answer.content());
            check_follows(&mut answerer, octets);
        } else {
            answerer.rollback_description();
        }
    }
    let mut offerer = handler();
    let offer = offerer.description().expect("an offer");
    check(offer.content());
    if offerer.set_description(octets).is_ok() {
        check_follows(&mut offerer, octets);
    }
}

/// After one round the next begins, with the same peer.
fn check_follows(handler: &mut BareHandler, octets: &[u8]) {
    if handler.set_description(octets).is_ok() {
        match handler.description() {
            Ok(answer) => check(answer.content()),
            Err(_) => handler.rollback_description(),
        }
    }
    let offer = handler.description().expect("an offer of ours");
    check(offer.content());
    handler.rollback_description();
    handler.close();
    assert!(handler.description().is_err());
}

/// What we say can be read.
fn check(content: &[u8]) {
    let text = std::str::from_utf8(content).expect("UTF-8");
    assert!(text.starts_with("v=0\r\no="), "{text}");
    assert!(text.ends_with("\r\n"), "{text}");
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        let is_line = line.as_bytes().get(1) == Some(&b'=');
        let is_clean = !line.bytes().any(|octet| octet.is_ascii_control());
        assert!(is_line && is_clean, "{line:?} in {text}");
    }
    let mut reader = handler();
    reader
        .set_description(content)
        .expect("a description that we would take");
}

fn handler() -> BareHandler {
    BareHandler::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
}
