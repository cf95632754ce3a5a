use offhook_media::{DescriptionError, SessionDescriptionHandler};
use offhook_webrtc::WebRtcHandler;
use str0m::media::Direction;

use crate::{
    browser::Browser,
    support::{answer, call, description, handler, has, value, version},
};

const OPUS: u8 = 111;

#[tokio::test]
async fn hold_and_resume_raise_the_version() {
    let mut handler = handler();
    let mut browser = Browser::new().await;
    let offer = browser.offer(Direction::SendRecv);
    let first = answer(&mut handler, &offer);
    browser.take_answer(&first);
    browser.connect().await;
    assert_eq!(version(&first), 1);

    let offer = browser.offer(Direction::SendOnly);
    let held = answer(&mut handler, &offer);
    browser.take_answer(&held);
    assert!(has(&held, "a=recvonly"), "{held}");
    assert_eq!(version(&held), 2);
    assert_eq!(value(&held, "a=ice-ufrag:"), value(&first, "a=ice-ufrag:"));
    browser.hear_nothing(OPUS).await;

    let offer = browser.offer(Direction::SendRecv);
    let resumed = answer(&mut handler, &offer);
    browser.take_answer(&resumed);
    assert!(has(&resumed, "a=sendrecv"), "{resumed}");
    assert_eq!(version(&resumed), 3);
    browser.hear_echo(OPUS, b"again").await;
}

#[tokio::test]
async fn our_offer_keeps_the_lines_of_an_offer_without_audio() {
    let lines = |description: &str| description.matches("\r\nm=").count();
    let disabled = |offer: &str| {
        let offer = offer.replace("m=audio 9 ", "m=audio 0 ");
        format!("{offer}m=video 0 UDP/TLS/RTP/SAVPF 96\r\n")
    };
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = disabled(&browser.offer(Direction::SendOnly));
    let refused = answer(&mut handler, &offer);
    assert!(has(&refused, "m=video 0 UDP/TLS/RTP/SAVPF 96"), "{refused}");
    assert!(!has(&refused, "a=recvonly"), "{refused}");
    let ours = description(&mut handler);
    assert_eq!(lines(&ours), 2, "{ours}");
    assert!(has(&ours, "a=sendrecv"), "{ours}");

    let mut handler = self::handler();
    answer(&mut handler, &offer);
    let ours = description(&mut handler);
    assert_eq!(lines(&ours), 2, "{ours}");
    assert!(has(&ours, "a=sendrecv"), "{ours}");
}

#[tokio::test]
async fn an_answer_may_refuse_the_audio() {
    let refuse = |handler: &mut WebRtcHandler, offer: &str| {
        let (_, line) = offer.split_once("m=audio ").unwrap();
        let (port, _) = line.split_once(' ').unwrap();
        let refusal = offer.replace(&format!("m=audio {port} "), "m=audio 0 ");
        handler.set_description(refusal.as_bytes()).unwrap();
    };
    let mut handler = handler();
    let first = description(&mut handler);
    refuse(&mut handler, &first);

    let mut browser = call(&mut handler).await;
    browser.hear_echo(OPUS, b"one").await;
    let offer = String::from_utf8(handler.hold().unwrap().content().to_vec()).unwrap();
    refuse(&mut handler, &offer);
    browser.hear_nothing(OPUS).await;
    let offer = String::from_utf8(handler.resume().unwrap().content().to_vec()).unwrap();
    let answer = browser.answer(&offer);
    handler.set_description(answer.as_bytes()).unwrap();
    browser.hear_echo(OPUS, b"again").await;
}

#[tokio::test]
async fn an_unchanged_answer_keeps_its_version() {
    let mut handler = handler();
    let mut browser = Browser::new().await;
    let offer = browser.offer(Direction::SendRecv);
    let first = answer(&mut handler, &offer);
    browser.take_answer(&first);
    assert_eq!(answer(&mut handler, &offer), first);
}

#[tokio::test]
async fn ice_restarts() {
    let mut handler = handler();
    let mut browser = Browser::new().await;
    let offer = browser.offer(Direction::SendRecv);
    let first = answer(&mut handler, &offer);
    browser.take_answer(&first);
    browser.connect().await;
    browser.hear_echo(OPUS, b"before").await;

    let restart = browser.restart_ice();
    let restarted = answer(&mut handler, &restart);
    browser.take_answer(&restarted);
    assert_ne!(
        value(&first, "a=ice-ufrag:"),
        value(&restarted, "a=ice-ufrag:")
    );
    assert_eq!(version(&restarted), 2);
    browser.connect().await;
    browser.hear_echo(OPUS, b"after").await;
}

#[tokio::test]
async fn another_certificate_begins_a_new_association() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    browser.hear_echo(OPUS, b"one").await;

    let mut other = call(&mut handler).await;
    other.hear_echo(OPUS, b"other").await;
}

/// RFC 3261 §14.1: the session stays as it was.
#[tokio::test]
async fn another_certificate_that_is_refused_leaves_the_call_as_it_was() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = Browser::new().await.offer(Direction::SendRecv);
    let lite = offer.replacen("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1);
    assert_ne!(lite, offer);
    handler.set_description(lite.as_bytes()).unwrap();
    handler.description().unwrap_err();
    handler.rollback_description();
    browser.hear_echo(OPUS, b"still").await;
}

/// The stream of the call is found behind another, and without it nothing is begun.
#[tokio::test]
async fn a_stream_of_another_name_is_refused_and_leaves_the_call_as_it_was() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = browser.offer(Direction::SendOnly);
    let (session, stream) = offer.split_at(offer.find("m=audio ").unwrap());
    let other = stream
        .replace(value(stream, "a=mid:"), "oth")
        .replace(value(stream, "a=ice-ufrag:"), "restarted");
    let error = handler.set_description(format!("{session}{other}").as_bytes());
    assert!(matches!(error, Err(DescriptionError::NotAcceptable(_))));
    browser.hear_echo(OPUS, b"still").await;

    let both = answer(&mut handler, &format!("{session}{other}{stream}"));
    let name = value(stream, "a=mid:");
    assert_eq!(value(&both, "a=group:BUNDLE "), name);
    assert!(has(&both, "a=recvonly"), "{both}");
}

#[tokio::test]
async fn our_later_offer_keeps_what_was_agreed() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = description(&mut handler);
    assert!(has(&offer, "a=setup:actpass"), "{offer}");
    assert_eq!(version(&offer), 2);
    let answer = browser.answer(&offer);
    handler.set_description(answer.as_bytes()).unwrap();
    browser.hear_echo(OPUS, b"still").await;
}

#[tokio::test]
async fn a_rollback_leaves_the_call_as_it_was() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;

    let hold = browser.offer(Direction::SendOnly);
    handler.set_description(hold.as_bytes()).unwrap();
    assert!(matches!(
        handler.set_description(hold.as_bytes()),
        Err(DescriptionError::OfferPending)
    ));
    handler.rollback_description();
    description(&mut handler);
    handler.rollback_description();
    let resume = browser.offer(Direction::SendRecv);
    let resumed = answer(&mut handler, &resume);
    browser.take_answer(&resumed);
    browser.hear_echo(OPUS, b"still").await;
}

#[tokio::test]
async fn we_hold_and_resume() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = String::from_utf8(handler.hold().unwrap().content().to_vec()).unwrap();
    assert!(has(&offer, "a=sendonly"), "{offer}");
    let answer = browser.answer(&offer);
    handler.set_description(answer.as_bytes()).unwrap();
    browser.hear_nothing(OPUS).await;

    let offer = String::from_utf8(handler.resume().unwrap().content().to_vec()).unwrap();
    assert!(has(&offer, "a=sendrecv"), "{offer}");
    let answer = browser.answer(&offer);
    handler.set_description(answer.as_bytes()).unwrap();
    browser.hear_echo(OPUS, b"again").await;
}

/// RFC 3261 §14.1: what was not agreed on does not bind the next answer.
#[tokio::test]
async fn an_answer_that_the_connection_refuses_takes_the_hold_back() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    let offer = String::from_utf8(handler.hold().unwrap().content().to_vec()).unwrap();
    let held = browser.answer(&offer);
    let lite = held.replacen("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1);
    assert_ne!(lite, held);
    handler.set_description(lite.as_bytes()).unwrap_err();
    let offer = browser.offer(Direction::SendRecv);
    let answered = answer(&mut handler, &offer);
    assert!(has(&answered, "a=sendrecv"), "{answered}");
}
