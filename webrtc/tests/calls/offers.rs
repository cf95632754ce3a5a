use offhook_media::{DescriptionError, Incompatibility, PortRange, SessionDescriptionHandler};
use offhook_webrtc::{Profile, WebRtcHandler};

use crate::support::{answer, handler, has, value};

/// What Chromium offers to a SIP.js page.
const CHROMIUM: &str = include_str!("chromium.sdp");

fn refused(offer: &str) -> Incompatibility {
    match handler().set_description(offer.as_bytes()) {
        Err(DescriptionError::NotAcceptable(reason)) => reason,
        other => panic!("{other:?} to {offer}"),
    }
}

#[tokio::test]
async fn chromium_is_answered() {
    assert_eq!(Profile::of(CHROMIUM.as_bytes()), Profile::WebRtc);
    let answer = answer(&mut handler(), CHROMIUM);
    let port = value(&answer, "m=audio ").split(' ').next().unwrap();
    assert_ne!(port, "9", "the default candidate's: {answer}");
    for line in [
        &format!("m=audio {port} UDP/TLS/RTP/SAVPF 111 9 0 8 110 126"),
        "c=IN IP4 127.0.0.1",
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "a=mid:0",
        "a=setup:passive",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
    ] {
        assert!(has(&answer, line), "no {line} in {answer}");
    }
    let candidate = value(&answer, "a=candidate:");
    assert!(candidate.contains(&format!(" 127.0.0.1 {port} typ host")));
    assert_eq!(answer.matches("m=").count(), 1);
}

#[tokio::test]
async fn no_password_is_shown() {
    let mut handler = handler();
    let answer = answer(&mut handler, CHROMIUM);
    let shown = format!("{handler:?}");
    assert!(shown.contains("127.0.0.1"), "{shown}");
    for description in [&answer, CHROMIUM] {
        assert!(!shown.contains(value(description, "a=ice-pwd:")), "{shown}");
    }
}

#[tokio::test]
async fn the_address_of_a_nat_is_described() {
    let mut handler = WebRtcHandler::echo([192, 0, 2, 7].into(), &PortRange::any());
    let answer = answer(&mut handler, CHROMIUM);
    assert!(has(&answer, "c=IN IP4 192.0.2.7"), "{answer}");
    assert!(value(&answer, "a=candidate:").contains(" 192.0.2.7 "));
}

#[tokio::test]
async fn the_order_of_the_offer_counts() {
    let offer = CHROMIUM.replace("111 63 9 0 8", "8 63 9 0 111");
    let answer = answer(&mut handler(), &offer);
    assert!(value(&answer, "m=audio ").ends_with("SAVPF 8 9 0 111 110 126"));
}

#[tokio::test]
async fn other_streams_are_refused_in_their_places() {
    let (head, audio) = CHROMIUM.split_at(CHROMIUM.find("m=audio").unwrap());
    let head = head.replace("BUNDLE 0", "BUNDLE v 0 d");
    let offer = format!(
        "{head}m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n\
         m=audio 4000 RTP/AVP 0\r\na=mid:p\r\n{audio}\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n"
    );
    let answer = answer(&mut handler(), &offer);
    let lines: Vec<_> = answer.lines().filter(|it| it.starts_with("m=")).collect();
    assert_eq!(lines[0], "m=video 0 UDP/TLS/RTP/SAVPF 96");
    assert_eq!(lines[1], "m=audio 0 RTP/AVP 0");
    assert!(lines[2].contains(" UDP/TLS/RTP/SAVPF 111 "), "{answer}");
    assert_eq!(lines[3], "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    assert!(has(&answer, "a=group:BUNDLE 0"), "{answer}");
}

#[tokio::test]
async fn an_offer_without_bundle_and_mid_is_answered_without_them() {
    let offer = CHROMIUM
        .replace("a=group:BUNDLE 0\r\n", "")
        .replace("a=mid:0\r\n", "")
        .replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF");
    assert_eq!(Profile::of(offer.as_bytes()), Profile::WebRtc);
    let answer = answer(&mut handler(), &offer);
    assert!(value(&answer, "m=audio ").contains(" RTP/SAVPF 111 "));
    assert!(!answer.contains("a=mid:"), "{answer}");
    assert!(!answer.contains("a=group:"), "{answer}");
}

#[tokio::test]
async fn keys_may_stand_with_the_session() {
    let fingerprint = format!("a=fingerprint:{}\r\n", value(CHROMIUM, "a=fingerprint:"));
    let offer = CHROMIUM.replace(&fingerprint, "").replacen(
        "t=0 0\r\n",
        &format!("t=0 0\r\n{fingerprint}"),
        1,
    );
    assert!(has(&answer(&mut handler(), &offer), "a=setup:passive"));
}

#[test]
fn what_cannot_be_served_is_told() {
    use Incompatibility::{MediaFormat, MediaSecurity, MediaType, TransportProtocol};

    let codecs = CHROMIUM.replace("111 63 9 0 8 13 110 126", "18 13 110 126");
    assert_eq!(refused(&codecs), MediaFormat);
    assert_eq!(refused(&CHROMIUM.replace("m=audio", "m=video")), MediaType);
    let plain = CHROMIUM.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    assert_eq!(refused(&plain), TransportProtocol);
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=rtcp-mux"] {
        let offer = CHROMIUM.replace(line, "a=x-was:");
        assert_eq!(refused(&offer), MediaSecurity, "without {line}");
    }
    let weak = CHROMIUM.replace("sha-256", "md5");
    assert_eq!(refused(&weak), MediaSecurity);
}

/// Every octet of a good offer is made another, and every line is left out, doubled and torn.
#[tokio::test]
async fn garbage_is_refused_or_answered() {
    let mut handler = handler();
    let mut answered = 0;
    let mut try_one = |offer: &[u8]| {
        if handler.set_description(offer).is_ok() {
            answered += usize::from(handler.description().is_ok());
        }
        handler.rollback_description();
    };
    for at in (0..CHROMIUM.len()).step_by(7) {
        for octet in [b' ', b'9', 0xff] {
            let mut offer = CHROMIUM.as_bytes().to_vec();
            offer[at] = octet;
            try_one(&offer);
        }
    }
    let lines: Vec<_> = CHROMIUM.lines().collect();
    for at in 0..lines.len() {
        let (before, after) = (&lines[..at], &lines[at + 1..]);
        let torn = &lines[at][..lines[at].len() / 2];
        let long = format!("{}{}", lines[at], "7".repeat(400));
        for middle in [&[][..], &[lines[at]; 2], &[torn], &[&long]] {
            try_one([before, middle, after].concat().join("\r\n").as_bytes());
        }
    }
    assert!(answered > 100, "only {answered} were answered");
}
