//! The RTP port on loopback.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::support::{PATIENCE, answer, description, own_address, response};
use offhook_media::{AudioHandler, MediaLoss, PortRange, SessionDescriptionHandler};
use tokio::{
    net::{ToSocketAddrs, UdpSocket},
    time::timeout,
};

const PCMU: u8 = 0;
const TELEPHONE_EVENT: u8 = 101;
const SOURCE: [u8; 4] = [0xaa; 4];

/// One end of a call that the handler answers.
struct Phone(UdpSocket);

impl Phone {
    async fn new() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
    }

    async fn at(address: impl ToSocketAddrs) -> io::Result<Self> {
        UdpSocket::bind(address).await.map(Self)
    }

    fn offer(&self, direction: &str) -> String {
        offer_from(self.0.local_addr().unwrap().port(), direction)
    }

    async fn send(&self, packet: &[u8], to: SocketAddr) {
        self.0.send_to(packet, to).await.unwrap();
    }

    async fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 2048];
        let (length, from) = timeout(PATIENCE, self.0.recv_from(&mut buffer))
            .await
            .expect("a packet within the time")
            .unwrap();
        (buffer[..length].to_vec(), from)
    }

    /// Sends a packet that is to come back, and so finds that everything sent before was dealt with.
    async fn is_echoed(&self, sequence: u16, to: SocketAddr) {
        self.send(&packet(PCMU, sequence), to).await;
        let (echo, from) = self.receive().await;
        assert_eq!((&echo[2..4], from), (&sequence.to_be_bytes()[..], to));
    }
}

fn offer_from(port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

fn packet(payload_type: u8, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(SOURCE);
    packet.extend([0x7f; 160]);
    packet
}

fn handler() -> AudioHandler {
    AudioHandler::echo(Ipv4Addr::LOCALHOST.into(), &PortRange::any())
}

/// Where a description of ours wants the media.
fn media_address(description: &str) -> SocketAddr {
    let line = description
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))
        .unwrap();
    let port = line.split(' ').next().unwrap().parse().unwrap();
    (Ipv4Addr::LOCALHOST, port).into()
}

async fn until(condition: impl Fn() -> bool) {
    timeout(PATIENCE, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the condition within the time");
}

fn assert_silence(socket: &std::net::UdpSocket) {
    let error = socket.recv_from(&mut [0; 2048]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn packets_come_back_under_our_source() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));

    let mut sources = Vec::new();
    for (sequence, payload_type) in [(7, PCMU), (8, TELEPHONE_EVENT), (9, TELEPHONE_EVENT | 0x80)] {
        let sent = packet(payload_type, sequence);
        phone.send(&sent, echo).await;
        let (received, from) = phone.receive().await;
        assert_eq!(from, echo);
        assert_eq!(received[..8], sent[..8]);
        assert_eq!(received[12..], sent[12..]);
        sources.push(received[8..12].to_vec());
    }
    assert_ne!(sources[0], SOURCE);
    assert!(sources.iter().all(|source| *source == sources[0]));

    until(|| counters.packets_sent() == 3).await;
    assert_eq!(counters.packets_received(), 3);
    assert_eq!(counters.octets_received(), 3 * 172);
    assert_eq!(counters.octets_sent(), 3 * 172);
    assert_eq!(counters.datagrams_discarded(), 0);
}

#[tokio::test]
async fn a_caller_that_falls_silent_is_missed() {
    let phone = Phone::new().await;
    let mut handler = handler().patient_for(Duration::from_millis(100));
    let mut losses = handler.losses();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));
    phone.is_echoed(1, echo).await;
    let lost = timeout(PATIENCE, losses.lost()).await;
    assert_eq!(lost, Ok(MediaLoss::Silence));
}

#[tokio::test]
async fn what_is_not_agreed_rtp_is_discarded() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));

    let mut version_1 = packet(PCMU, 1);
    version_1[0] = 0x40;
    let rtcp = [0x80, 200, 0, 6].repeat(7);
    let huge = [packet(PCMU, 2), vec![0; 1400]].concat();
    for datagram in [&b""[..], b"short", &version_1, &packet(8, 3), &rtcp, &huge] {
        phone.send(datagram, echo).await;
    }
    phone.is_echoed(4, echo).await;
    // RTCP is read.
    assert_eq!(counters.datagrams_discarded(), 5);
    assert_eq!(counters.packets_received(), 1);
}

#[tokio::test]
async fn a_phone_behind_a_nat_is_locked_on_and_strangers_are_ignored() {
    let phone = Phone::new().await;
    let stranger = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    stranger.set_nonblocking(true).unwrap();
    let mut handler = handler();
    let counters = handler.counters();
    // The description names a port from which nothing comes.
    let echo = media_address(&answer(&mut handler, &offer_from(9, "sendrecv")));

    phone.is_echoed(1, echo).await;
    stranger.send_to(&packet(PCMU, 2), echo).unwrap();
    phone.is_echoed(3, echo).await;
    assert_silence(&stranger);
    assert_eq!(counters.datagrams_discarded(), 1);
}

#[tokio::test]
async fn the_described_address_takes_over_from_a_faster_stranger() {
    let phone = Phone::new().await;
    let stranger = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));

    stranger.is_echoed(1, echo).await;
    phone.is_echoed(2, echo).await;
    stranger.send(&packet(PCMU, 3), echo).await;
    phone.is_echoed(4, echo).await;
    assert_eq!(counters.datagrams_discarded(), 1);
}

#[tokio::test]
async fn a_new_address_is_locked_on_anew() {
    let old = Phone::new().await;
    let new = Phone::new().await;
    let mut handler = handler();
    let echo = media_address(&answer(&mut handler, &offer_from(9, "sendrecv")));
    old.is_echoed(1, echo).await;

    // Hold and resume do not move the lock, a new address does.
    answer(&mut handler, &offer_from(9, "sendonly"));
    answer(&mut handler, &offer_from(9, "sendrecv"));
    new.send(&packet(PCMU, 2), echo).await;
    old.is_echoed(3, echo).await;
    assert_eq!(
        media_address(&answer(&mut handler, &offer_from(11, "sendrecv"))),
        echo
    );
    new.is_echoed(4, echo).await;
}

#[tokio::test]
async fn the_direction_is_honoured() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let echo = media_address(&answer(&mut handler, &phone.offer("inactive")));
    phone.send(&packet(PCMU, 1), echo).await;
    until(|| counters.datagrams_discarded() == 1).await;

    // The peer only receives: what it sends all the same is not taken.
    answer(&mut handler, &phone.offer("recvonly"));
    phone.send(&packet(PCMU, 2), echo).await;
    until(|| counters.datagrams_discarded() == 2).await;

    // The peer only sends: its packets are taken, none is sent.
    answer(&mut handler, &phone.offer("sendonly"));
    phone.send(&packet(PCMU, 3), echo).await;
    until(|| counters.packets_received() == 1).await;
    assert_eq!(counters.packets_sent(), 0);

    answer(&mut handler, &phone.offer("sendrecv"));
    phone.is_echoed(4, echo).await;
}

#[tokio::test]
async fn a_phone_on_hold_hears_nothing_until_it_is_resumed() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));
    phone.is_echoed(1, echo).await;

    handler.hold().unwrap();
    let held = phone.offer("recvonly");
    handler.set_description(held.as_bytes()).unwrap();
    phone.send(&packet(PCMU, 2), echo).await;
    until(|| counters.datagrams_discarded() == 1).await;
    assert_eq!(counters.packets_sent(), 1);

    handler.resume().unwrap();
    let resumed = phone.offer("sendrecv");
    handler.set_description(resumed.as_bytes()).unwrap();
    phone.is_echoed(3, echo).await;
}

#[tokio::test]
async fn our_offer_echoes_once_it_is_answered() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let counters = handler.counters();
    let offer = description(&mut handler);
    assert!(offer.contains(" 0 8 101"), "{offer}");
    assert!(
        offer.ends_with("a=ptime:20\r\na=rtcp-mux\r\na=sendrecv\r\n"),
        "{offer}"
    );
    let echo = media_address(&offer);
    phone.send(&packet(PCMU, 1), echo).await;
    until(|| counters.packets_received() == 1).await;

    handler
        .set_description(phone.offer("sendrecv").as_bytes())
        .unwrap();
    phone.is_echoed(2, echo).await;
    assert_eq!(counters.packets_sent(), 1);
}

/// RFC 3264 section 8.2. The port stays open: another dialog may be heard on it.
#[tokio::test]
async fn a_fork_that_is_over_sends_no_more_and_another_goes_on() {
    for is_closed in [false, true] {
        let end = |fork: &mut dyn SessionDescriptionHandler| {
            if is_closed {
                fork.close();
            } else {
                answer(fork, &offer_from(0, "sendrecv"));
            }
        };
        let (phone, other) = (Phone::new().await, Phone::new().await);
        let mut offering = handler();
        let counters = offering.counters();
        let echo = media_address(&description(&mut offering));
        let (mut one, mut two) = (offering.fork().unwrap(), offering.fork().unwrap());
        one.set_answer(phone.offer("sendrecv").as_bytes()).unwrap();
        phone.is_echoed(1, echo).await;
        end(&mut *one);
        phone.send(&packet(PCMU, 2), echo).await;
        until(|| counters.datagrams_discarded() == 1).await;

        let mut three = offering.fork().unwrap();
        three
            .set_answer(phone.offer("sendrecv").as_bytes())
            .unwrap();
        two.set_answer(other.offer("sendrecv").as_bytes()).unwrap();
        end(&mut *three);
        other.is_echoed(3, echo).await;
    }
}

/// RFC 4028 section 7.4: a refresh repeats what we said last, and the answer says where the peer is now.
#[tokio::test]
async fn the_answer_to_a_refresh_moves_the_echo() {
    let (phone, moved) = (Phone::new().await, Phone::new().await);
    let mut handler = handler();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));
    phone.is_echoed(1, echo).await;
    let refreshed = response("200 OK", "INVITE", &moved.offer("sendrecv"));
    // What an offer of ours is open for has an answer of its own.
    description(&mut handler);
    handler.refreshed(&refreshed).unwrap();
    phone.is_echoed(2, echo).await;
    handler.rollback_description();
    handler.refreshed(&refreshed).unwrap();
    moved.is_echoed(2, echo).await;
    assert_eq!(media_address(&description(&mut handler)), echo);
}

#[tokio::test]
async fn a_refused_change_leaves_the_echo_as_it_was() {
    let phone = Phone::new().await;
    let mut handler = handler();
    let echo = media_address(&answer(&mut handler, &phone.offer("sendrecv")));

    assert!(handler.set_description(b"hello").is_err());
    phone.is_echoed(1, echo).await;
    handler
        .set_description(phone.offer("inactive").as_bytes())
        .unwrap();
    handler.rollback_description();
    phone.is_echoed(2, echo).await;
    assert_eq!(media_address(&description(&mut handler)), echo);
    handler.rollback_description();
    phone.is_echoed(3, echo).await;
}

#[tokio::test]
async fn the_port_is_freed_by_close_drop_rollback_and_a_disabled_stream() {
    let is_free = |address: SocketAddr| move || std::net::UdpSocket::bind(address).is_ok();

    let mut closed = handler();
    let address = media_address(&answer(&mut closed, &offer_from(4000, "sendrecv")));
    assert!(!is_free(address)());
    closed.close();
    until(is_free(address)).await;

    let mut dropped = handler();
    let address = media_address(&answer(&mut dropped, &offer_from(4000, "sendrecv")));
    drop(dropped);
    until(is_free(address)).await;

    let mut unanswered = handler();
    let address = media_address(&description(&mut unanswered));
    unanswered.rollback_description();
    until(is_free(address)).await;

    let mut disabled = handler();
    let address = media_address(&answer(&mut disabled, &offer_from(4000, "sendrecv")));
    answer(&mut disabled, &offer_from(0, "sendrecv"));
    until(is_free(address)).await;
}

/// The report and goodbye come to the port above, or to the same where both agreed to that.
#[tokio::test]
async fn rtcp_has_its_own_port_or_not() {
    let here = own_address();
    for (line, is_muxed) in [("", false), ("a=rtcp-mux\r\n", true)] {
        // Two pairs of an even port and the next one do not meet.
        let socket = PortRange::any().bind(here.into()).unwrap();
        let port = socket.local_addr().unwrap().port();
        socket.set_nonblocking(true).unwrap();
        let phone = Phone(UdpSocket::from_std(socket).unwrap());
        let control = Phone::at((here, port + 1)).await.unwrap();
        let mut handler = AudioHandler::echo(here.into(), &PortRange::any());
        let counters = handler.counters();
        let offer = format!("{}{line}", phone.offer("sendrecv"));
        let offer = offer.replace("127.0.0.1", &here.to_string());
        let port = media_address(&answer(&mut handler, &offer)).port();
        let [echo, above] = [port, port + 1].map(|port| SocketAddr::from((here, port)));
        phone.is_echoed(1, echo).await;
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
        if is_muxed {
            assert!(UdpSocket::bind(above).await.is_ok());
            phone.send(&report, echo).await;
        } else {
            control.send(&report, above).await;
            control.send(b"garbage", above).await;
            until(|| counters.datagrams_discarded() == 1).await;
        }
        handler.close();
        let (hears, from) = if is_muxed {
            (&phone, echo)
        } else {
            (&control, above)
        };
        loop {
            let (report, source) = hears.receive().await;
            assert_eq!((&report[..2], source), (&[0x80, 200][..], from));
            // Others come when it is time for them.
            if report[report.len() - 8..][..4] == [0x81, 203, 0, 1] {
                break;
            }
        }
    }
}

#[tokio::test]
async fn where_no_port_is_left_the_call_is_refused_for_now() {
    let ports = PortRange::new(25_310..=25_311).unwrap();
    let mut first = AudioHandler::echo(own_address().into(), &ports);
    let mut second = AudioHandler::echo(own_address().into(), &ports);
    answer(&mut first, &offer_from(4000, "sendrecv"));
    second
        .set_description(offer_from(4000, "sendrecv").as_bytes())
        .unwrap();
    let error = second.description().unwrap_err();
    assert_eq!(error.status().as_u16(), 503);
    first.close();
    timeout(PATIENCE, async {
        while second.description().is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the port is free again");
}
