//! Challenges and credentials ([RFC 3261 §22](https://www.rfc-editor.org/rfc/rfc3261#section-22)).

use offhook_core::message::{Body, Method, Text, UriBuf};
use offhook_core::{Config, Credentials, Event, OutgoingInviteEvent, OutgoingRequest, Reliability};

use crate::support::{Answer, Bench, Sent, UDP, UDP_NEXT, request};

fn alice() -> Credentials {
    Credentials::password(Text::from_static("alice"), "secret")
}

fn with_credentials() -> OutgoingRequest {
    request([UDP])
        .with_credentials(alice())
        .with_body(Body::sdp("offer"))
}

fn unauthorized(params: &str) -> Answer {
    Answer::new("401 Unauthorized")
        .tag("registrar")
        .header(&format!("WWW-Authenticate: Digest {params}"))
}

/// A parameter of Authorization, without quotes.
fn param<'a>(credentials: &'a str, name: &str) -> Option<&'a str> {
    let params = credentials.strip_prefix("Digest ").unwrap().split(", ");
    let mut values = params.filter_map(|param| param.split_once('='));
    values
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"'))
}

fn is_rejected(bench: &mut Bench, status: u16) {
    let OutgoingInviteEvent::Reject { message } = bench.invite_event() else {
        panic!("rejected");
    };
    assert_eq!(message.status().as_u16(), status);
    bench.no_event();
}

/// The ACK of a challenge and the INVITE behind it.
fn retry(bench: &mut Bench) -> Sent {
    let mut sent = bench.sent();
    let methods: Vec<_> = sent.iter().map(Sent::method).collect();
    assert_eq!(methods, ["ACK", "INVITE"]);
    sent.remove(1)
}

#[test]
fn a_challenged_invite_goes_out_again_with_credentials() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    assert!(!invite.has("Authorization"));
    bench.answer(
        &invite,
        &unauthorized("realm=\"r\", nonce=\"n1\", algorithm=MD5, qop=\"auth\", opaque=\"o\""),
    );
    let again = retry(&mut bench);
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(again.header(name), invite.header(name));
    }
    assert_eq!(again.header("CSeq"), "2 INVITE");
    assert_ne!(again.branch(), invite.branch());
    assert_eq!(again.body(), "offer");
    let credentials = again.header("Authorization");
    for (name, value) in [
        ("username", "alice"),
        ("realm", "r"),
        ("nonce", "n1"),
        ("uri", "sip:bob@example.org"),
        ("algorithm", "MD5"),
        ("opaque", "o"),
        ("qop", "auth"),
        ("nc", "00000001"),
    ] {
        assert_eq!(param(credentials, name), Some(value), "{credentials}");
    }
    bench.no_event();
    bench.answer(&again, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    let ack = bench.one("ACK");
    assert_eq!(ack.header("CSeq"), "2 ACK");
    assert_eq!(
        ack.header("Authorization"),
        credentials,
        "the same as in the INVITE"
    );
}

#[test]
fn a_wrong_password_is_not_tried_twice() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &unauthorized("realm=\"r\", nonce=\"n1\""));
    let again = retry(&mut bench);
    bench.answer(&again, &unauthorized("realm=\"r\", nonce=\"n2\""));
    let ack = bench.one("ACK");
    assert_eq!(ack.header("Authorization"), again.header("Authorization"));
    is_rejected(&mut bench, 401);
}

#[test]
fn a_stale_nonce_is_replaced_and_counted_anew_but_not_for_ever() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(
        &invite,
        &unauthorized("realm=\"r\", nonce=\"n1\", qop=\"auth\""),
    );
    let mut again = retry(&mut bench);
    let stale = "realm=\"r\", qop=\"auth\", stale=true, nonce=";
    for nonce in ["n2", "n3"] {
        bench.answer(&again, &unauthorized(&format!("{stale}\"{nonce}\"")));
        again = retry(&mut bench);
        let credentials = again.header("Authorization");
        assert_eq!(param(credentials, "nonce"), Some(nonce));
        assert_eq!(param(credentials, "nc"), Some("00000001"));
    }
    bench.answer(&again, &unauthorized(&format!("{stale}\"n4\"")));
    bench.one("ACK");
    is_rejected(&mut bench, 401);
}

#[test]
fn the_same_nonce_is_not_stale() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &unauthorized("realm=\"r\", nonce=\"n1\""));
    let again = retry(&mut bench);
    bench.answer(
        &again,
        &unauthorized("realm=\"r\", nonce=\"n1\", stale=true"),
    );
    is_rejected(&mut bench, 401);
}

#[test]
fn the_strongest_of_several_challenges_is_answered() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    let challenges = unauthorized("realm=\"r\", nonce=\"a\", algorithm=MD5")
        .header("WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", algorithm=SHA-512")
        .header("WWW-Authenticate: Digest realm=\"r\", nonce=\"c\", algorithm=SHA-512-256")
        .header("WWW-Authenticate: Digest realm=\"r\", nonce=\"d\", algorithm=SHA-512-256-sess")
        .header("WWW-Authenticate: Digest realm=\"r\", nonce=\"e\", algorithm=SHA-256")
        .header("WWW-Authenticate: Basic realm=\"r\"");
    bench.answer(&invite, &challenges);
    let again = retry(&mut bench);
    let credentials = again.header("Authorization");
    assert_eq!(param(credentials, "nonce"), Some("c"));
    assert_eq!(param(credentials, "response").map(str::len), Some(64));
}

#[test]
fn a_proxy_and_a_server_are_both_answered() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    let proxy = "407 Proxy Authentication Required";
    let challenge = Answer::new(proxy)
        .header("Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"");
    bench.answer(&invite, &challenge);
    let second = retry(&mut bench);
    assert!(!second.has("Authorization"));
    assert_eq!(
        param(second.header("Proxy-Authorization"), "nc"),
        Some("00000001")
    );
    bench.answer(
        &second,
        &unauthorized("realm=\"r\", nonce=\"m\", qop=\"auth\""),
    );
    let third = retry(&mut bench);
    assert_eq!(third.header("CSeq"), "3 INVITE");
    assert_eq!(
        param(third.header("Proxy-Authorization"), "nc"),
        Some("00000002")
    );
    assert_eq!(param(third.header("Authorization"), "nc"), Some("00000001"));
}

#[test]
fn who_has_no_fitting_credentials_is_told() {
    for request in [
        request([UDP]),
        request([UDP]).with_credentials(alice().for_realm(Text::from_static("other"))),
    ] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call_with(request);
        bench.answer(&invite, &unauthorized("realm=\"r\", nonce=\"n1\""));
        bench.one("ACK");
        is_rejected(&mut bench, 401);
    }
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &Answer::new("401 Unauthorized"));
    bench.one("ACK");
    is_rejected(&mut bench, 401);
}

#[test]
fn requests_in_the_dialog_have_credentials_before_they_are_asked() {
    let mut bench = Bench::with(Config {
        reliability: Reliability::Required,
        ..Config::default()
    });
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(
        &invite,
        &unauthorized("realm=\"r\", nonce=\"n1\", qop=\"auth\""),
    );
    let invite = retry(&mut bench);
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(1));
    bench.progressed();
    let prack = bench.one("PRACK");
    assert_eq!(param(prack.header("Authorization"), "nc"), Some("00000002"));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let session = bench.accepted();
    assert_eq!(
        param(bench.one("ACK").header("Authorization"), "nc"),
        Some("00000001")
    );
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    let credentials = bye.header("Authorization");
    assert_eq!(param(credentials, "nc"), Some("00000003"));
    assert_eq!(param(credentials, "uri"), Some("sip:bob@192.0.2.2:5062"));
}

#[test]
fn a_challenged_bye_goes_out_again_once() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let session = bench.accepted();
    bench.one("ACK");
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(
        &bye,
        &unauthorized("realm=\"r\", nonce=\"n1\", qop=\"auth\""),
    );
    bench.no_event();
    let again = bench.one("BYE");
    assert_eq!(again.header("CSeq"), "3 BYE");
    assert_eq!(param(again.header("Authorization"), "nc"), Some("00000001"));
    bench.answer(
        &again,
        &unauthorized("realm=\"r\", nonce=\"n2\", qop=\"auth\""),
    );
    assert!(bench.sent().is_empty());
    assert!(matches!(bench.event(), Event::Ended { .. }));
}

#[test]
fn a_challenged_change_of_the_session_goes_out_again() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let session = bench.accepted();
    bench.one("ACK");
    bench
        .act(|core, now| {
            core.session(now, session)
                .unwrap()
                .invite(&Body::sdp("hold"))
        })
        .unwrap();
    let invite = bench.one("INVITE");
    bench.answer(
        &invite,
        &unauthorized("realm=\"r\", nonce=\"n1\", qop=\"auth\""),
    );
    let again = retry(&mut bench);
    assert_eq!(again.body(), "hold");
    assert!(again.has("Authorization"));
    bench.answer(&again, &Answer::new("200 OK").sdp("held"));
    let ack = bench.one("ACK");
    assert_eq!(
        ack.header("CSeq"),
        again.header("CSeq").replace("INVITE", "ACK")
    );
    assert_eq!(ack.header("Authorization"), again.header("Authorization"));
    assert!(matches!(bench.event(), Event::Answered { .. }));
    bench.no_event();
}

#[test]
fn the_body_is_protected_where_it_must_be() {
    let mut responses = Vec::new();
    for text in ["hello", "hallo"] {
        let mut bench = Bench::new();
        let body = Body::new("text/plain", text).unwrap();
        let message = request([UDP]).with_credentials(alice()).with_body(body);
        bench
            .act(|core, now| core.request(now, Method::Message, message))
            .unwrap();
        let message = bench.one("MESSAGE");
        bench.answer(
            &message,
            &unauthorized("realm=\"r\", nonce=\"n\", qop=\"auth-int\""),
        );
        let again = bench.one("MESSAGE");
        assert_eq!(again.header("CSeq"), "2 MESSAGE");
        let credentials = again.header("Authorization");
        assert_eq!(param(credentials, "qop"), Some("auth-int"));
        responses.push(param(credentials, "response").unwrap().to_owned());
        bench.no_event();
    }
    assert_ne!(responses[0], responses[1]);
}

/// §22.1: what answers one server is nothing for another. A proxy that the call goes through all the same
/// need not ask again.
#[test]
fn a_followed_redirection_takes_only_the_answer_to_its_proxy_along() {
    let proxy: UriBuf = "sip:proxy.example.com;lr".parse().unwrap();
    for routes in [vec![], vec![proxy]] {
        let is_kept = !routes.is_empty();
        let mut bench = Bench::new();
        let mut request = with_credentials();
        request.routes = routes;
        let (id, invite) = bench.call_with(request);
        let challenge = Answer::new("407 Proxy Authentication Required")
            .header("Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"");
        bench.answer(&invite, &challenge);
        let invite = retry(&mut bench);
        let challenge = unauthorized("realm=\"r\", nonce=\"n1\", qop=\"auth\"");
        bench.answer(&invite, &challenge);
        let invite = retry(&mut bench);
        bench.answer(&invite, &Answer::new("302 Moved Temporarily"));
        bench.one("ACK");
        bench.invite_event();
        let carol = "sip:carol@192.0.2.3".parse().unwrap();
        let flows = vec![UDP_NEXT];
        bench
            .act(|core, now| core.invite_client(now, id).unwrap().follow(carol, flows))
            .unwrap();
        let invite = bench.one("INVITE");
        assert_eq!(invite.header("CSeq"), "4 INVITE");
        assert!(!invite.has("Authorization"));
        assert_eq!(invite.has("Proxy-Authorization"), is_kept);

        bench.answer(&invite, &challenge);
        let credentials = retry(&mut bench);
        let credentials = credentials.header("Authorization");
        assert_eq!(param(credentials, "nc"), Some("00000001"));
        assert_eq!(param(credentials, "uri"), Some("sip:carol@192.0.2.3"));
    }
}

#[test]
fn a_cancel_after_a_challenge_names_the_invite_that_rings() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call_with(with_credentials());
    bench.answer(&invite, &unauthorized("realm=\"r\", nonce=\"n1\""));
    let again = retry(&mut bench);
    bench.cancel(id);
    assert!(
        bench.sent().is_empty(),
        "no response to this INVITE is here"
    );
    bench.answer(&again, &Answer::bare("100 Trying"));
    let cancel = bench.one("CANCEL");
    assert_eq!(cancel.branch(), again.branch());
    assert_eq!(cancel.header("CSeq"), "2 CANCEL");
}
