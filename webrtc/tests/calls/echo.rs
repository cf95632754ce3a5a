use crate::{
    browser::Browser,
    support::{answer, call, description, handler},
};
use offhook_media::SessionDescriptionHandler;
use offhook_webrtc::WebRtcHandler;

const OPUS: u8 = 111;
const PCMU: u8 = 0;
const EVENT: u8 = 101;

#[tokio::test]
async fn a_caller_hears_itself() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    for count in 0..20u8 {
        browser.hear_echo(OPUS, &[count; 80]).await;
    }
    browser.hear_echo(PCMU, &[0x7f; 160]).await;
    browser.hear_echo(EVENT, &[5, 10, 0, 160]).await;
}

#[tokio::test]
async fn who_answers_our_offer_hears_itself() {
    let mut handler = handler();
    let mut browser = Browser::new().await;
    let offer = description(&mut handler);
    let again = description(&mut handler);
    assert_eq!(offer, again, "the same offer until it is answered");

    let answer = browser.answer(&offer);
    handler.set_description(answer.as_bytes()).unwrap();
    browser.connect().await;
    browser.until("stream", |it| it.mid.is_some()).await;
    browser.hear_echo(OPUS, &[1; 80]).await;
}

#[tokio::test]
async fn a_packet_lost_on_the_way_is_missing_in_the_echo_too() {
    let mut handler = handler();
    let mut browser = call(&mut handler).await;
    browser.hear_echo(OPUS, b"one").await;
    browser.skip(3);
    browser.hear_echo(OPUS, b"five").await;
    let [.., first, second] = browser.sequence_numbers[..] else {
        panic!("two packets");
    };
    assert_eq!(second - first, 4);
}

#[tokio::test]
async fn packets_of_a_source_that_was_not_announced_are_heard() {
    let mut handler = handler();
    let mut browser = gateway(&mut handler).await;
    browser.hear_echo(OPUS, b"who").await;
}

/// RFC 3550 section 8.2
#[tokio::test]
async fn a_source_may_change_often() {
    let mut handler = handler();
    let mut browser = gateway(&mut handler).await;
    for source in 1..40 {
        browser.change_source(source);
        browser.hear_echo(OPUS, &[7; 80]).await;
    }
    // One that was there before comes again.
    browser.change_source(1);
    browser.hear_echo(OPUS, b"back").await;
}

#[tokio::test]
async fn a_source_may_not_change_without_an_end() {
    let mut handler = handler();
    let mut browser = gateway(&mut handler).await;
    for source in 1..=1000 {
        browser.change_source(source);
        browser.hear_echo(OPUS, &[7; 80]).await;
    }
    browser.change_source(1001);
    browser.say(OPUS, b"one more");
    // What comes next has overtaken nothing.
    browser.change_source(1);
    browser.hear_echo(OPUS, b"back").await;
    let unheard = (OPUS, b"one more".to_vec());
    assert!(!browser.heard.contains(&unheard));
}

/// A peer that announces no source, and has called a handler and is connected to it.
async fn gateway(handler: &mut WebRtcHandler) -> Browser {
    let mut browser = Browser::new().await;
    let offer = browser.offer(str0m::media::Direction::SendRecv);
    let is_silent = |line: &&str| !line.starts_with("a=ssrc") && !line.starts_with("a=extmap:");
    let offer: Vec<_> = offer.lines().filter(is_silent).collect();
    let answer = answer(handler, &offer.join("\r\n"));
    browser.take_answer(&answer);
    browser.connect().await;
    browser
}
