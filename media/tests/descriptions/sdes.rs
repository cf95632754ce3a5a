//! Audio over RTP/SAVP, with keys from the descriptions (RFC 4568).

use std::net::Ipv4Addr;

use offhook_media::{
    AudioEnd, AudioHandler, BareHandler, DescriptionError, Incompatibility, Player, PortRange,
    Protection, Recording, SessionDescriptionHandler, Sound,
};

use crate::support::{PATIENCE, answer, description, hear_tone, media, offer, origin};

const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn bare() -> BareHandler {
    BareHandler::new([192, 0, 2, 9].into())
}

/// The only a=crypto line.
fn crypto(description: &str) -> &str {
    let mut lines = description
        .lines()
        .filter_map(|line| line.strip_prefix("a=crypto:"));
    let line = lines.next().expect("a line");
    assert_eq!(lines.next(), None);
    line
}

#[test]
fn the_first_suite_that_we_have_is_answered_with_a_key_of_ours() {
    let mut handler = bare();
    let offer = offer(&format!(
        "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_256_GCM {KEY}\r\n\
         a=crypto:2 AES_CM_128_HMAC_SHA1_32 {KEY}|2^31\r\n\
         a=crypto:3 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n"
    ));
    let first = answer(&mut handler, &offer);
    assert!(
        media(&first).starts_with("m=audio 9 RTP/SAVP 0\r\n"),
        "{first}"
    );
    let line = crypto(&first);
    assert!(
        line.starts_with("2 AES_CM_128_HMAC_SHA1_32 inline:"),
        "{line}"
    );
    assert!(!line.ends_with(KEY));

    // The key stays, and so does the version.
    let again = answer(&mut handler, &offer);
    assert_eq!((crypto(&again), origin(&again)), (line, origin(&first)));
    let later = description(&mut handler);
    assert!(media(&later).starts_with("m=audio 9 RTP/SAVP "), "{later}");
    assert_eq!(crypto(&later), line);
}

#[test]
fn no_key_is_shown() {
    let mut handler = bare();
    let answer = answer(
        &mut handler,
        &offer(&format!(
            "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n"
        )),
    );
    let (_, ours) = crypto(&answer).split_once("inline:").expect("a key");
    let shown = format!("{handler:?}");
    assert!(shown.contains("192.0.2.9"), "{shown}");
    assert!(
        !shown.contains(ours) && !shown.contains(&KEY[7..]),
        "{shown}"
    );
}

#[test]
fn without_a_key_there_is_no_audio() {
    for lines in [
        "m=audio 4000 RTP/SAVP 0\r\n".to_owned(),
        format!("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_256_GCM {KEY}\r\n"),
    ] {
        let error = bare()
            .set_description(offer(&lines).as_bytes())
            .unwrap_err();
        assert!(matches!(
            error,
            DescriptionError::NotAcceptable(Incompatibility::MediaKey)
        ));
    }
    // A key without the profile is not used.
    let plain = format!("m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n");
    assert!(!answer(&mut bare(), &offer(&plain)).contains("a=crypto"));
}

#[tokio::test]
async fn an_answer_must_take_our_suite() {
    let local = Ipv4Addr::LOCALHOST.into();
    let handler = AudioHandler::new(local, &PortRange::any(), AudioEnd::new(()));
    let mut handler = handler.protected(Protection::Sdes);
    let offered = description(&mut handler);
    assert!(crypto(&offered).starts_with("1 AES_CM_128_HMAC_SHA1_80 inline:"));
    for line in [
        "",
        "a=crypto:2 AES_CM_128_HMAC_SHA1_80 ",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_32 ",
    ] {
        let key = if line.is_empty() { "" } else { KEY };
        let answer = offer(&format!("m=audio 4000 RTP/SAVP 0\r\n{line}{key}\r\n"));
        let answer = answer.replace("\r\n\r\n", "\r\n");
        assert!(
            handler.set_description(answer.as_bytes()).is_err(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_tone_comes_back_encrypted() {
    let local = Ipv4Addr::LOCALHOST.into();
    let recording = Recording::up_to(PATIENCE);
    let end = AudioEnd::new((Player::new(Sound::tone(440)), recording.clone()));
    let player = AudioHandler::new(local, &PortRange::any(), end);
    let mut player = player.protected(Protection::Sdes);
    let mut echo = AudioHandler::echo(local, &PortRange::any());
    let answered = answer(&mut echo, &description(&mut player));
    player.set_description(answered.as_bytes()).unwrap();
    hear_tone(&recording).await;
    assert_eq!(echo.counters().datagrams_discarded(), 0);
}
