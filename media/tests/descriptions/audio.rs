//! The handler that plays and records, against the one that echoes.

use std::net::Ipv4Addr;

use offhook_media::{
    AudioEnd, AudioHandler, Player, PortRange, Recording, SessionDescriptionHandler, Sound,
};

use crate::support::{PATIENCE, answer, description, hear_tone};

#[tokio::test]
async fn a_tone_comes_back_from_an_echo() {
    let local = Ipv4Addr::LOCALHOST.into();
    let recording = Recording::up_to(PATIENCE);
    let end = AudioEnd::new((Player::new(Sound::tone(440)), recording.clone()));
    let mut player = AudioHandler::new(local, &PortRange::any(), end);
    let mut echo = AudioHandler::echo(local, &PortRange::any());
    let offer = description(&mut player);
    let answer = answer(&mut echo, &offer);
    player.set_description(answer.as_bytes()).unwrap();

    hear_tone(&recording).await;
}
