//! Our own offers and the peer's answers to them (RFC 3264 sections 5, 7 and 8).

use crate::support::{answer, description, media, offer, origin};
use offhook_media::{BareHandler, DescriptionError, Incompatibility, SessionDescriptionHandler};

const OFFERED: &str = "m=audio 9 RTP/AVP 111 9 0 8 101 110\r\n\
                       a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\n\
                       a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
                       a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
                       a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n\
                       a=ptime:20\r\na=rtcp-mux\r\na=inactive\r\n";

/// RFC 3261 §13.2.2.4: each has made a session of its own.
#[test]
fn each_dialog_of_one_offer_is_agreed_on_by_itself() {
    let mut offering = bare();
    description(&mut offering);
    let (mut one, mut other) = (offering.fork().unwrap(), offering.fork().unwrap());
    let answer_of = |number: u8| offer(&format!("m=audio 4000 RTP/AVP {number}\r\n"));
    one.set_answer(answer_of(0).as_bytes()).unwrap();
    answer(&mut *one, &answer_of(0));
    one.set_answer(answer_of(8).as_bytes()).unwrap_err();
    other.set_answer(answer_of(8).as_bytes()).unwrap();
}

#[test]
fn only_our_open_offer_forks() {
    let mut handler = bare();
    let is_refused =
        |handler: &BareHandler| matches!(handler.fork(), Err(DescriptionError::NoOffer));
    assert!(is_refused(&handler));
    let theirs = offer("m=audio 4000 RTP/AVP 0\r\n");
    handler.set_description(theirs.as_bytes()).unwrap();
    assert!(is_refused(&handler));
    description(&mut handler);
    assert!(is_refused(&handler));
    description(&mut handler);
    assert!(handler.fork().is_ok());
    handler.set_answer(theirs.as_bytes()).unwrap();
    assert!(is_refused(&handler));
    handler.close();
    assert!(matches!(handler.fork(), Err(DescriptionError::Closed)));
}

fn bare() -> BareHandler {
    BareHandler::new([192, 0, 2, 9].into())
}

fn refusal(handler: &mut BareHandler, answer: &str) -> Incompatibility {
    match handler.set_description(answer.as_bytes()) {
        Err(DescriptionError::NotAcceptable(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_offer_has_everything_and_stays_until_its_answer() {
    let mut handler = bare();
    let first = description(&mut handler);
    assert_eq!(media(&first), OFFERED);
    assert_eq!(description(&mut handler), first);

    handler
        .set_description(offer("m=audio 4000 RTP/AVP 8\r\n").as_bytes())
        .unwrap();
    let again = description(&mut handler);
    assert_eq!(media(&again), OFFERED);
    assert_eq!(origin(&again), origin(&first));
}

#[test]
fn an_answer_must_match_the_offer() {
    let mut handler = bare();
    description(&mut handler);
    for (lines, reason) in [
        ("", Incompatibility::AnswerMismatch),
        (
            "m=video 4000 RTP/AVP 31\r\n",
            Incompatibility::AnswerMismatch,
        ),
        (
            "m=audio 4000 RTP/SAVP 0\r\n",
            Incompatibility::AnswerMismatch,
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n",
            Incompatibility::AnswerMismatch,
        ),
        ("m=audio 4000 RTP/AVP 18\r\n", Incompatibility::MediaFormat),
        (
            "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16/8000\r\n",
            Incompatibility::MediaFormat,
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ::1\r\n",
            Incompatibility::AddressFormat,
        ),
    ] {
        assert_eq!(refusal(&mut handler, &offer(lines)), reason, "{lines}");
    }
    // The offer still waits, and a refused stream is an answer.
    handler
        .set_description(offer("m=audio 0 RTP/AVP 0\r\n").as_bytes())
        .unwrap();
}

#[test]
fn an_answer_may_have_numbers_of_its_own() {
    let mut handler = bare();
    let first = description(&mut handler);
    assert!(first.contains("a=rtpmap:9 G722/8000"));
    let answer = offer("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 G722/8000\r\n");
    handler.set_description(answer.as_bytes()).unwrap();
    let later = description(&mut handler);
    assert_eq!(media(&later), media(&first), "ours are the same");
}

#[test]
fn a_later_offer_keeps_the_lines_and_numbers_of_the_pair() {
    let mut handler = bare();
    let first = answer(
        &mut handler,
        &offer(
            "m=video 4000 RTP/AVP 31\r\na=mid:v\r\n\
             m=audio 4002 RTP/AVPF 8 100\r\na=mid:a\r\na=rtpmap:100 telephone-event/8000\r\n",
        ),
    );
    let later = description(&mut handler);
    assert_eq!(
        media(&later),
        "m=video 0 RTP/AVP 31\r\na=mid:v\r\n\
         m=audio 9 RTP/AVPF 8 100 111 9 0 110\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-15\r\n\
         a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n\
         a=ptime:20\r\na=rtcp-mux\r\na=mid:a\r\na=inactive\r\n"
    );
    let (id, version) = origin(&first);
    assert_eq!(origin(&later), (id, version + 1));
}

#[test]
fn a_disabled_audio_line_is_offered_again_in_its_place() {
    let mut handler = bare();
    answer(
        &mut handler,
        &offer("m=audio 0 RTP/SAVP 18\r\nm=video 0 RTP/AVP 31\r\n"),
    );
    assert_eq!(
        media(&description(&mut handler)),
        format!("{OFFERED}m=video 0 RTP/AVP 31\r\n")
    );
}

#[test]
fn a_version_that_was_rolled_back_is_not_used_again() {
    let mut handler = bare();
    let plain = offer("m=audio 4000 RTP/AVP 0\r\n");
    let (_, first) = origin(&answer(&mut handler, &plain));
    let (_, offered) = origin(&description(&mut handler));
    handler.rollback_description();
    let (_, after) = origin(&answer(&mut handler, &plain));
    assert_eq!((offered, after), (first + 1, first + 2));
}
