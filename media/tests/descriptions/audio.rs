//! The handler that plays and records, against the one that echoes.

use std::{net::Ipv4Addr, time::Duration};

use offhook_media::{
    AudioEnd, AudioHandler, Player, PortRange, Recording, SessionDescriptionHandler, Sound,
};
use tokio::time::{sleep, timeout};

use crate::support::{answer, description};

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

    let heard = async {
        while recording.samples().len() < 3200 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("the tone comes back");
    player.close();
    let samples = recording.samples();
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
    assert!((7900..8400).contains(&loudest.unwrap()), "{loudest:?}");
    let crossings = samples
        .windows(2)
        .filter(|pair| (pair[0] < 0) != (pair[1] < 0));
    let frequency = crossings.count() * 8000 / samples.len();
    assert!((430..450).contains(&frequency), "{frequency} Hz");
}

const PATIENCE: Duration = Duration::from_secs(10);
