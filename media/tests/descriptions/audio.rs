//! The handler that plays and records, against the one that echoes.

use std::{net::Ipv4Addr, time::Duration};

use offhook_media::{
    AudioEnd, AudioHandler, Player, PortRange, Recording, SessionDescriptionHandler, Sound,
};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::{PATIENCE, answer, description, hear_tone, offer};

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

/// RFC 3264 section 5.1: the response with the answer may be lost.
#[tokio::test]
async fn what_comes_before_the_answer_is_heard() {
    let local = Ipv4Addr::LOCALHOST.into();
    let recording = Recording::up_to(PATIENCE);
    let ear = AudioEnd::new((Player::new(Sound::tone(440)), recording.clone()));
    let mut caller = AudioHandler::new(local, &PortRange::any(), ear);
    let mouth = AudioEnd::new(Player::new(Sound::tone(440)));
    let mut peer = AudioHandler::new(local, &PortRange::any(), mouth);
    let answer = answer(&mut peer, &description(&mut caller));

    hear_tone(&recording).await;
    assert_eq!(caller.counters().packets_sent(), 0);
    caller.set_description(answer.as_bytes()).unwrap();
    let speaking = async {
        while peer.counters().packets_received() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, speaking)
        .await
        .expect("the caller speaks");
}

#[tokio::test]
async fn the_port_follows_the_dialog_that_agreed_last() {
    let local = Ipv4Addr::LOCALHOST.into();
    let end = AudioEnd::new(Player::new(Sound::tone(440)));
    let mut offering = AudioHandler::new(local, &PortRange::any(), end);
    description(&mut offering);
    let (mut one, mut other) = (offering.fork().unwrap(), offering.fork().unwrap());
    let (first, second) = (ear().await, ear().await);

    one.set_answer(answer_from(&first, 0).as_bytes()).unwrap();
    assert_eq!(payload_type(&first).await, 0);
    other
        .set_answer(answer_from(&second, 8).as_bytes())
        .unwrap();
    assert_eq!(payload_type(&second).await, 8);
    drain(&first);
    one.rollback_description();
    assert_eq!(payload_type(&first).await, 0);
    offering.leave_peer();
    let silence = async {
        let many = Duration::from_millis(300);
        while timeout(many, first.recv(&mut [0; 2048])).await.is_ok() {}
    };
    timeout(PATIENCE, silence).await.expect("silence");
    one.rollback_description();
    assert_eq!(payload_type(&first).await, 0);
    drop((offering, other));
    drain(&first);
    assert_eq!(payload_type(&first).await, 0);
}

async fn ear() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

fn answer_from(ear: &UdpSocket, payload_type: u8) -> String {
    let port = ear.local_addr().unwrap().port();
    let lines = format!("m=audio {port} RTP/AVP {payload_type}\r\na=rtcp-mux\r\n");
    offer(&lines).replace("192.0.2.1", "127.0.0.1")
}

/// What was sent before is there.
fn drain(ear: &UdpSocket) {
    while ear.try_recv(&mut [0; 2048]).is_ok() {}
}

/// That of the next packet of audio.
async fn payload_type(ear: &UdpSocket) -> u8 {
    let mut packet = [0; 2048];
    loop {
        let received = timeout(PATIENCE, ear.recv(&mut packet)).await;
        received.expect("a packet within the time").unwrap();
        let payload_type = packet[1] & 0x7f;
        if payload_type < 64 {
            return payload_type;
        }
    }
}
