//! Answers to the peer's offers (RFC 3264 section 6).

use crate::support::{answer, description, media, offer, origin};
use offhook_media::{
    AudioHandler, BareHandler, DescriptionError, PortRange, SessionDescriptionHandler,
};

fn bare() -> BareHandler {
    BareHandler::new([192, 0, 2, 9].into())
}

/// An echo's answer with its port replaced by the word `PORT`.
fn echo(offer: &str) -> String {
    let mut handler = AudioHandler::echo([127, 0, 0, 1].into(), &PortRange::any());
    let answer = answer(&mut handler, offer);
    let port = answer
        .lines()
        .filter_map(|line| line.split(' ').nth(1).filter(|_| line.starts_with("m=")))
        .find(|port| *port != "0")
        .expect("an accepted stream");
    assert_eq!(port.parse::<u16>().unwrap() % 2, 0);
    answer.replace(&format!(" {port} "), " PORT ")
}

/// The status, and the Warning's code or 0.
fn refusal(offer: &str) -> (u16, u16) {
    let error = bare().set_description(offer.as_bytes()).unwrap_err();
    let code = error.warning().map_or(0, |warning| warning.code);
    (error.status().as_u16(), code)
}

#[tokio::test]
async fn baresip_is_answered() {
    let answer = echo(include_str!("peers/baresip.sdp"));
    let (id, version) = origin(&answer);
    assert_eq!(version, 1);
    assert_eq!(
        answer,
        format!(
            "v=0\r\no=- {id} 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio PORT RTP/AVP 0 8 96 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 opus/48000/2\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
             a=ptime:20\r\na=sendrecv\r\n"
        )
    );
}

#[tokio::test]
async fn sipp_is_answered() {
    assert_eq!(
        media(&echo(include_str!("peers/sipp.sdp"))),
        "m=audio PORT RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    );
}

#[tokio::test]
async fn linphone_is_answered_without_its_video() {
    assert_eq!(
        media(&echo(include_str!("peers/linphone.sdp"))),
        "m=audio PORT RTP/AVPF 96 0 8 101 100\r\na=rtpmap:96 opus/48000/2\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\n\
         a=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-15\r\na=sendrecv\r\n\
         m=video 0 RTP/AVPF 96\r\n"
    );
}

#[test]
fn a_browser_is_refused() {
    assert_eq!(refusal(include_str!("peers/chromium.sdp")), (488, 302));
}

#[tokio::test]
async fn the_direction_is_mirrored() {
    for (offered, answered) in [
        ("", "sendrecv"),
        ("a=sendrecv\r\n", "sendrecv"),
        ("a=sendonly\r\n", "recvonly"),
        ("a=recvonly\r\n", "sendonly"),
        ("a=inactive\r\n", "inactive"),
        ("c=IN IP4 0.0.0.0\r\n", "recvonly"),
    ] {
        let answer = echo(&offer(&format!("m=audio 4000 RTP/AVP 0\r\n{offered}")));
        assert!(answer.ends_with(&format!("a={answered}\r\n")), "{answer}");
    }
    let at_the_session = offer("a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n");
    assert!(echo(&at_the_session).ends_with("a=recvonly\r\n"));
}

#[tokio::test]
async fn the_answer_has_the_offers_lines_and_accepts_one() {
    let offer = offer(
        "m=video 4002 RTP/AVP 31\r\n\
         m=audio 4004 RTP/SAVP 0\r\n\
         m=audio 0 RTP/AVP 0\r\n\
         m=audio 4006 RTP/AVP 18 3\r\n\
         m=audio 4008 RTP/AVP 8 0\r\n\
         m=audio 4010 RTP/AVP 0\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    );
    assert_eq!(
        media(&echo(&offer)),
        "m=video 0 RTP/AVP 31\r\n\
         m=audio 0 RTP/SAVP 0\r\n\
         m=audio 0 RTP/AVP 0\r\n\
         m=audio 0 RTP/AVP 18\r\n\
         m=audio PORT RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n\
         m=audio 0 RTP/AVP 0\r\n\
         m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    );
}

#[tokio::test]
async fn mid_and_rtcp_mux_are_copied_and_no_group_is_formed() {
    let answer = echo(&offer(
        "a=group:BUNDLE a v\r\n\
         m=audio 4000 RTP/AVP 0\r\na=mid:a\r\na=rtcp-mux\r\n\
         m=video 4002 RTP/AVP 31\r\na=mid:v\r\n",
    ));
    assert_eq!(
        media(&answer),
        "m=audio PORT RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=rtcp-mux\r\na=mid:a\r\na=sendrecv\r\n\
         m=video 0 RTP/AVP 31\r\na=mid:v\r\n"
    );
    assert!(!answer.contains("group"));
}

#[tokio::test]
async fn the_packet_time_is_copied_within_limits() {
    for (offered, answered) in [
        ("30", Some("30")),
        ("1", Some("10")),
        ("0", Some("10")),
        ("1000", Some("100")),
        ("99999999999", None),
        ("soon", None),
    ] {
        let answer = echo(&offer(&format!(
            "m=audio 4000 RTP/AVP 0\r\na=ptime:{offered}\r\n"
        )));
        let line = answer.lines().find_map(|l| l.strip_prefix("a=ptime:"));
        assert_eq!(line, answered, "{offered}");
    }
}

#[test]
fn the_time_is_copied() {
    let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n\
                 t=3034423619 3042462419\r\nm=audio 4000 RTP/AVP 0\r\n";
    assert!(answer(&mut bare(), offer).contains("\r\nt=3034423619 3042462419\r\n"));
}

#[test]
fn ipv6_is_answered_with_ipv6() {
    let offer = "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n\
                 m=audio 4000 RTP/AVP 0\r\n";
    let mut handler = BareHandler::new("2001:db8::9".parse().unwrap());
    let answer = answer(&mut handler, offer);
    assert!(answer.contains(" IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\n"));
    assert_eq!(refusal(offer), (488, 301));
}

#[test]
fn a_mapped_address_of_ours_is_ipv4() {
    let mut handler = BareHandler::new("::ffff:192.0.2.9".parse().unwrap());
    let answer = answer(&mut handler, &offer("m=audio 4000 RTP/AVP 0\r\n"));
    assert!(answer.contains("c=IN IP4 192.0.2.9\r\n"));
}

#[test]
fn bare_streams_are_inactive_on_the_discard_port() {
    assert_eq!(
        media(&answer(&mut bare(), &offer("m=audio 4000 RTP/AVP 8 0\r\n"))),
        "m=audio 9 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"
    );
}

#[test]
fn a_disabled_audio_stream_stays_disabled() {
    let offer = offer("m=audio 0 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 31\r\n");
    assert_eq!(
        media(&answer(&mut bare(), &offer)),
        "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"
    );
}

/// RFC 3264 §5, §6, §8
#[test]
fn an_offer_without_streams_has_an_answer_without_any_and_audio_may_follow() {
    let mut handler = bare();
    for _ in 0..2 {
        assert_eq!(media(&answer(&mut handler, &offer(""))), "");
    }
    let audio = answer(&mut handler, &offer("m=audio 4000 RTP/AVP 0\r\n"));
    assert!(media(&audio).starts_with("m=audio 9 RTP/AVP 0"));
    handler.set_description(offer("").as_bytes()).unwrap_err();
}

#[test]
fn a_refused_stream_needs_no_formats() {
    let offer = offer("m=audio 0 RTP/AVP\r\nm=audio 4000 RTP/AVP 0\r\n");
    let answer = answer(&mut bare(), &offer);
    let refused = "m=audio 0 RTP/AVP 0\r\nm=audio 9 RTP/AVP 0";
    assert!(media(&answer).starts_with(refused));
}

/// RFC 3264 §6: no format is common to any stream, and RFC 3261 §14.1: the session stays as it was.
#[test]
fn audio_that_is_disabled_for_another_kind_of_stream_stays() {
    let fax = offer("m=audio 0 RTP/AVP 0\r\nm=image 6000 udptl t38\r\n");
    assert_eq!(refusal(&fax), (488, 304));

    let mut handler = bare();
    answer(&mut handler, &offer("m=audio 4000 RTP/AVP 0\r\n"));
    handler.set_description(fax.as_bytes()).unwrap_err();
    assert!(media(&description(&mut handler)).starts_with("m=audio 9 RTP/AVP 0 "));
}

#[test]
fn each_refusal_has_its_status_and_warning() {
    for (lines, expected) in [
        ("m=audio 4000 RTP/AVP 18 3\r\n", (488, 305)),
        (
            "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 18\r\n",
            (488, 305),
        ),
        ("m=audio 4000 udp 0\r\n", (488, 302)),
        ("m=video 4000 RTP/AVP 31\r\n", (488, 304)),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n",
            (488, 301),
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
            (488, 330),
        ),
        ("m=audio many RTP/AVP 0\r\n", (400, 399)),
        ("m=audio 65536 RTP/AVP 0\r\n", (400, 399)),
    ] {
        assert_eq!(refusal(&offer(lines)), expected, "{lines}");
    }
    assert_eq!(refusal("hello"), (400, 399));
    assert_eq!(refusal(""), (400, 399));
    assert_eq!(
        refusal(&offer(&"m=audio 4000 RTP/AVP 0\r\n".repeat(33))),
        (488, 399)
    );
    assert_eq!(refusal(&"v".repeat(65_537)), (413, 399));
}

#[test]
fn a_refused_offer_leaves_no_trace() {
    let mut handler = bare();
    assert!(handler.set_description(b"hello").is_err());
    answer(&mut handler, &offer("m=audio 4000 RTP/AVP 0\r\n"));
}

#[test]
fn the_version_rises_by_one_with_each_change() {
    let mut handler = bare();
    let plain = offer("m=audio 4000 RTP/AVP 0\r\n");
    let other = offer("m=audio 4000 RTP/AVP 8\r\n");
    let (id, first) = origin(&answer(&mut handler, &plain));
    assert_eq!(origin(&answer(&mut handler, &plain)), (id, first));
    assert_eq!(origin(&answer(&mut handler, &other)), (id, first + 1));
    assert_eq!(origin(&answer(&mut handler, &plain)), (id, first + 2));
    assert_ne!(origin(&answer(&mut bare(), &plain)).0, id);
    assert!(i64::try_from(id).is_ok());
}

#[test]
fn an_offer_waits_for_its_answer_or_its_rollback() {
    let mut handler = bare();
    let offer = offer("m=audio 4000 RTP/AVP 0\r\n");
    handler.set_description(offer.as_bytes()).unwrap();
    let error = handler.set_description(offer.as_bytes()).unwrap_err();
    assert!(matches!(error, DescriptionError::OfferPending));
    assert_eq!(error.status().as_u16(), 500);

    handler.rollback_description();
    assert!(description(&mut handler).contains("m=audio 9 RTP/AVP 111 9 0 8 101 110\r\n"));
}

#[test]
fn only_sdp_is_a_description() {
    for (content_type, is_description) in [
        ("application/sdp", true),
        ("Application/SDP;charset=utf-8", true),
        ("application/isup", false),
        ("multipart/mixed;boundary=x", false),
    ] {
        let text = format!(
            "INVITE sip:echo@192.0.2.9 SIP/2.0\r\nContent-Type: {content_type}\r\nContent-Length: 0\r\n\r\n"
        );
        let message = offhook_message::parse(text.into()).unwrap();
        let content_type = message.headers().content_type().unwrap().unwrap();
        assert_eq!(bare().has_description(&content_type), is_description);
    }
}

#[test]
fn nothing_is_described_after_the_close() {
    let mut handler = bare();
    handler.close();
    handler.rollback_description();
    assert!(matches!(
        handler.description(),
        Err(DescriptionError::Closed)
    ));
    assert!(matches!(
        handler.set_description(offer("m=audio 4000 RTP/AVP 0\r\n").as_bytes()),
        Err(DescriptionError::Closed)
    ));
}

#[tokio::test]
async fn a_full_port_range_is_a_503() {
    let local = [127, 0, 0, 1].into();
    let offer = offer("m=audio 4000 RTP/AVP 0\r\n");
    let mut other = AudioHandler::echo(local, &PortRange::any());
    let taken = answer(&mut other, &offer);
    let (_, port) = taken.split_once("m=audio ").unwrap();
    let port: u16 = port.split(' ').next().unwrap().parse().unwrap();

    let mut handler = AudioHandler::echo(local, &PortRange::new(port..=port + 1).unwrap());
    handler.set_description(offer.as_bytes()).unwrap();
    let error = handler.description().unwrap_err();
    assert_eq!(error.status().as_u16(), 503);
    assert!(error.warning().is_none());
}

/// Nothing that is derived from an offer by cutting, doubling or replacing may panic, and an answer that comes of it has
/// as many m= lines as the offer.
#[test]
fn mutated_offers_are_answered_or_refused() {
    let offers = [
        include_bytes!("peers/baresip.sdp").as_slice(),
        include_bytes!("peers/linphone.sdp"),
        include_bytes!("peers/chromium.sdp"),
    ];
    for offer in offers {
        for position in 0..offer.len() {
            for octet in [b'\0', b'\n', b' ', b'9', b'-', 0xff] {
                let mut mutated = offer.to_vec();
                mutated[position] = octet;
                answer_consistently(&mutated);
            }
            answer_consistently(&offer[..position]);
            answer_consistently(&[&offer[..position], offer].concat());
        }
    }
}

fn answer_consistently(offer: &[u8]) {
    let mut handler = bare();
    if handler.set_description(offer).is_err() {
        return;
    }
    let lines = |text: &[u8]| {
        text.split(|&octet| octet == b'\n')
            .filter(|line| line.starts_with(b"m="))
            .count()
    };
    let answer = handler.description().expect("an answer");
    assert_eq!(lines(answer.content()), lines(offer), "{offer:?}");
}
