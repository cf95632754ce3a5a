//! 3xx ([RFC 3261 §8.1.3.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.4)).

use offhook_core::message::UriBuf;
use offhook_core::{OutgoingInviteEvent, OutgoingInviteId, RequestError};

use crate::support::{Answer, Bench, Sent, UDP_NEXT};

fn follow(bench: &mut Bench, id: OutgoingInviteId, uri: &str) -> Result<(), RequestError> {
    let uri: UriBuf = uri.parse().unwrap();
    bench.act(|core, now| {
        let client = core
            .invite_client(now, id)
            .ok_or(RequestError::NotRedirected)?;
        client.follow(uri, vec![UDP_NEXT])
    })
}

fn redirect(bench: &mut Bench, invite: &Sent) {
    bench.answer(invite, &Answer::new("302 Moved Temporarily"));
    bench.one("ACK");
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Redirect { .. }
    ));
}

#[test]
fn contacts_come_in_the_order_of_preference() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let moved = Answer::bare("302 Moved Temporarily")
        .tag("bob")
        .header("Contact: <sip:a@x>;q=0.1, <sip:b@x;method=INVITE?Subject=y>, <tel:+1>;q=0.7")
        .header("Contact: sip:c@x;q=0.7, <mailto:d@x>;q=0");
    bench.answer(&invite, &moved);
    let OutgoingInviteEvent::Redirect { contacts, .. } = bench.invite_event() else {
        panic!("redirected");
    };
    let uris: Vec<_> = contacts
        .iter()
        .map(|contact| contact.uri.to_string())
        .collect();
    assert_eq!(
        uris,
        ["sip:b@x", "tel:+1", "sip:c@x", "sip:a@x", "mailto:d@x"]
    );
}

#[test]
fn following_is_a_new_transaction_of_the_same_call() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    redirect(&mut bench, &invite);
    follow(&mut bench, id, "sip:carol@192.0.2.3").unwrap();
    let next = bench.one("INVITE");
    assert_eq!(next.request().uri_bytes(), b"sip:carol@192.0.2.3");
    assert_eq!(next.transmit.flow, UDP_NEXT);
    assert_eq!(next.header("CSeq"), "2 INVITE");
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(next.header(name), invite.header(name));
    }
    assert_eq!(next.body(), "offer");
    bench.answer(&next, &Answer::bare("100 Trying"));
    bench.invite_event();
    bench.pass(40_000);
    bench.answer(&next, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    let acks = bench.sent();
    assert_eq!(acks.last().unwrap().header("CSeq"), "2 ACK");
}

#[test]
fn nobody_is_sent_in_circles() {
    let mut bench = Bench::new();
    let (id, mut invite) = bench.call();
    assert_eq!(
        follow(&mut bench, id, "sip:a@x").unwrap_err(),
        RequestError::NotRedirected
    );
    for number in 0..5 {
        redirect(&mut bench, &invite);
        for tried in ["sip:bob@example.org", "sip:0@x"].iter().take(1 + number) {
            assert_eq!(
                follow(&mut bench, id, tried).unwrap_err(),
                RequestError::AlreadyTried
            );
        }
        follow(&mut bench, id, &format!("sip:{number}@x")).unwrap();
        invite = bench.one("INVITE");
    }
    redirect(&mut bench, &invite);
    assert_eq!(
        follow(&mut bench, id, "sip:5@x").unwrap_err(),
        RequestError::TooManyRedirects
    );
}

#[test]
fn a_redirection_that_nobody_follows_is_forgotten() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    redirect(&mut bench, &invite);
    bench.pass(31_999);
    assert!(bench.act(|core, now| core.invite_client(now, id).is_some()));
    bench.pass(32_000);
    assert!(bench.act(|core, now| core.invite_client(now, id).is_none()));
    assert!(bench.is_idle());
    assert_eq!(
        follow(&mut bench, id, "sip:a@x").unwrap_err(),
        RequestError::NotRedirected
    );
}
