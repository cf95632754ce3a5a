use offhook_media::{DescriptionError, MediaLoss, PortRange, SessionDescriptionHandler};
use offhook_webrtc::WebRtcHandler;
use str0m::media::Direction;
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    browser::{Browser, PATIENCE},
    support::{answer, call, handler, value},
};

#[tokio::test]
async fn a_page_that_is_left_is_noticed() {
    let mut handler = handler();
    let mut losses = handler.losses();
    let mut browser = call(&mut handler).await;
    browser.rtc.close().unwrap();
    let leaving = browser.until("end", |it| !it.rtc.is_alive());
    let (lost, ()) = tokio::join!(timeout(PATIENCE, losses.lost()), leaving);
    assert_eq!(lost, Ok(MediaLoss::Closed));
}

#[tokio::test]
async fn a_certificate_that_was_not_announced_is_refused() {
    let mut handler = handler();
    let mut losses = handler.losses();
    let mut browser = Browser::new().await;
    let offer = browser.offer(Direction::SendRecv);
    let announced = value(&offer, "a=fingerprint:").to_owned();
    let other = "sha-256 ".to_owned() + &["00"; 32].join(":");
    let answer = answer(&mut handler, &offer.replace(&announced, &other));
    browser.take_answer(&answer);
    let trying = browser.until("connection", |_| false);
    tokio::select! {
        lost = losses.lost() => assert_eq!(lost, MediaLoss::Security),
        () = trying => {}
    }
}

#[tokio::test]
async fn closing_tells_the_peer_and_frees_the_port() {
    let mut handler = handler();
    let mut browser = Browser::new().await;
    let offer = browser.offer(Direction::SendRecv);
    let answer = answer(&mut handler, &offer);
    browser.take_answer(&answer);
    browser.connect().await;
    let port = value(&answer, "m=audio ").split(' ').next().unwrap();
    let port: u16 = port.parse().unwrap();

    handler.close();
    browser.until("goodbye", |it| it.is_closed).await;
    assert!(matches!(
        handler.description(),
        Err(DescriptionError::Closed)
    ));
    let freed = async {
        while UdpSocket::bind(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn a_used_up_range_is_told() {
    let taken = PortRange::any().bind([127, 0, 0, 1].into()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ports = PortRange::new(port..=port + 1).unwrap();
    let mut handler = WebRtcHandler::echo([127, 0, 0, 1].into(), &ports);
    assert!(matches!(
        handler.description(),
        Err(DescriptionError::NoPort(_))
    ));
}
