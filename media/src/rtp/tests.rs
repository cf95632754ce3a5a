//! Sessions against each other, in virtual time.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    Channel, RtpSession, Transceiver,
    packet::{RtpHeader, payload},
};
use crate::{
    Audio, AudioEnd, Direction, Encoding, Key, MediaLossSender, Player, Recording, RtpCounters,
    SAMPLE_RATE, Sound,
    codec::tests::loudness,
    formats::Kind,
    remote_audio::{AudioStream, RemoteAudio},
    session_description::Description,
    srtp::{Crypto, MasterKey, Srtp},
};

const OURS: ([u8; 4], u16) = ([192, 0, 2, 9], 5000);
const THEIRS: ([u8; 4], u16) = ([192, 0, 2, 1], 4000);
const FRAME: Duration = Duration::from_millis(20);

fn description(lines: &str, (address, port): ([u8; 4], u16)) -> String {
    let address = IpAddr::from(address);
    format!("v=0\r\nc=IN IP4 {address}\r\nm=audio {port} RTP/AVP {lines}")
}

fn stream(lines: &str, remote: ([u8; 4], u16)) -> AudioStream {
    stream_of(&description(lines, remote), None)
}

/// The stream of a description, which answers ours where there is one.
fn stream_of(theirs: &str, ours: Option<&str>) -> AudioStream {
    let theirs = Description::read(theirs).unwrap();
    let ours = ours.map(|ours| Description::read(ours).unwrap());
    let ours = ours.as_ref().map(|ours| &ours.medias[0]);
    let remote = RemoteAudio::read(&theirs, &theirs.medias[0], OURS.0.into(), ours);
    AudioStream {
        remote: remote.unwrap(),
        direction: Direction::SendRecv,
        srtp: None,
        dialog: 0,
    }
}

fn events(encoding: Encoding) -> String {
    let (number, rate) = (encoding.payload_type(), encoding.clock_rate());
    format!(
        "{number} 101\r\na=rtpmap:{number} {}\r\na=rtpmap:101 telephone-event/{rate}\r\n",
        encoding.mapping()
    )
}

fn session(end: impl Into<Option<AudioEnd>>) -> RtpSession {
    counted(end, Arc::default())
}

fn counted(end: impl Into<Option<AudioEnd>>, counters: Arc<RtpCounters>) -> RtpSession {
    RtpSession::new(end.into(), counters, MediaLossSender::new(), Duration::MAX)
}

fn audio(audio: impl Audio + 'static) -> AudioEnd {
    AudioEnd::new(audio)
}

type Sent = Vec<(Channel, Vec<u8>, SocketAddr)>;

/// What the session sends until `end`, on time.
fn run(session: &mut RtpSession, now: &mut Instant, end: Instant) -> Sent {
    let mut sent = Sent::new();
    while let Some(at) = session.timeout().filter(|at| *at <= end) {
        *now = at.max(*now);
        session.handle_timeout(*now, &mut |channel, packet, to| {
            sent.push((channel, packet.to_vec(), to));
        });
    }
    *now = end;
    sent
}

fn receive(session: &mut RtpSession, packet: &[u8], now: Instant) -> Sent {
    let mut sent = Sent::new();
    let from = THEIRS.into();
    session.receive(
        Channel::Rtp,
        &mut packet.to_vec(),
        from,
        now,
        &mut |channel, packet, to| {
            sent.push((channel, packet.to_vec(), to));
        },
    );
    sent
}

fn packet(payload_type: u8, sequence: u16, source: u32, payload: &[u8]) -> Vec<u8> {
    let header = RtpHeader {
        payload_type,
        is_marked: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        source,
    };
    header.packet(payload)
}

/// Keys that were heard.
#[derive(Clone, Default)]
struct Keys(Arc<Mutex<String>>);

impl Audio for Keys {
    fn key(&mut self, key: Key) {
        self.0.lock().unwrap().push(key.into());
    }
}

#[test]
fn a_tone_and_keys_go_through_a_bad_network_in_each_codec() {
    for &encoding in Encoding::ALL {
        let keys = "1#55".chars().map(|key| Key::try_from(key).unwrap());
        let mut speaker = session(audio(Player::new(Sound::tone(700)).pressing(keys)));
        let (recording, heard) = (Recording::up_to(Duration::from_mins(1)), Keys::default());
        let mut listener = session(audio((recording.clone(), heard.clone())));
        let start = Instant::now();
        speaker.follow(stream(&events(encoding), OURS), start);
        listener.follow(stream(&events(encoding), THEIRS), start);

        let mut now = start;
        for step in 0..400_u32 {
            let end = start + FRAME * step;
            let mut packets = run(&mut speaker, &mut now, end);
            // Each fifteenth is lost, and some come twice and in the wrong order.
            packets.retain(|it| it.0 == Channel::Rtp && step % 15 != 7);
            if step % 9 == 0 {
                packets.extend(packets.clone());
            }
            run(&mut listener, &mut now.clone(), end);
            for (_, packet, to) in packets {
                assert_eq!(to, OURS.into());
                receive(&mut listener, &packet, now);
            }
        }
        assert_eq!(*heard.0.lock().unwrap(), "1#55", "{encoding:?}");
        let samples = recording.samples();
        let seconds = samples.len() as u64 / u64::from(SAMPLE_RATE);
        assert!((7..=8).contains(&seconds), "{encoding:?}: {seconds} s");
        let tail = &samples[4 * 16_000..6 * 16_000];
        let loud = loudness(tail, 700.0, SAMPLE_RATE);
        assert!((6500.0..9000.0).contains(&loud), "{encoding:?}: {loud}");
        assert!(loudness(tail, 1100.0, SAMPLE_RATE) < 300.0, "{encoding:?}");
    }
}

#[test]
fn packets_are_as_long_as_the_peer_wants_them() {
    for (packet_time, octets) in [(10, 80), (20, 160), (30, 240), (60, 480), (100, 800)] {
        let mut speaker = session(audio(Player::new(Sound::tone(700))));
        let start = Instant::now();
        let lines = format!("9\r\na=ptime:{packet_time}\r\n");
        speaker.follow(stream(&lines, THEIRS), start);
        let sent = run(
            &mut speaker,
            &mut start.clone(),
            start + Duration::from_millis(599),
        );
        let headers: Vec<_> = sent
            .iter()
            .map(|(_, packet, _)| {
                assert_eq!(payload(packet).len(), octets);
                RtpHeader::read(packet).unwrap()
            })
            .collect();
        assert_eq!(headers.len(), 600 / packet_time as usize);
        assert!(headers[0].is_marked && !headers[1].is_marked);
        for pair in headers.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert_eq!(ticks, packet_time * 8);
        }
    }
}

#[test]
fn a_key_begins_with_a_marker_and_so_does_what_is_said_behind_it() {
    let key = Key::try_from('*');
    let mut speaker = session(audio(Player::new(Sound::silence()).pressing(key)));
    let start = Instant::now();
    speaker.follow(stream(&events(Encoding::Pcma), THEIRS), start);
    let sent = run(&mut speaker, &mut start.clone(), start + FRAME * 8);
    let headers: Vec<_> = sent
        .iter()
        .map(|it| RtpHeader::read(&it.1).unwrap())
        .collect();
    let marked: Vec<_> = headers.iter().map(|it| it.is_marked).collect();
    assert_eq!(
        marked,
        [true, false, false, false, false, false, false, true, false]
    );
    assert!(
        headers[..7]
            .iter()
            .all(|it| (it.payload_type, it.timestamp) == (101, headers[0].timestamp))
    );
    let behind = headers[7].timestamp.wrapping_sub(headers[0].timestamp);
    assert_eq!((headers[7].payload_type, behind), (8, 7 * 160));
}

#[test]
fn each_side_sees_the_numbers_that_it_said() {
    let said = |number: u8| {
        let event = format!("a=rtpmap:{number} telephone-event/8000");
        description(&format!("0 {number}\r\n{event}\r\n"), THEIRS)
    };
    let stream = stream_of(&said(96), Some(&said(101)));
    let heard = Keys::default();
    let key = Key::try_from('1');
    let player = Player::new(Sound::silence()).pressing(key);
    let mut session = session(audio((player, heard.clone())));
    let start = Instant::now();
    session.follow(stream.clone(), start);
    let sent = run(&mut session, &mut start.clone(), start);
    assert_eq!(sent[0].1[1], 0xe0, "96, and the marker");
    for (payload_type, sequence) in [(101, 1), (96, 2)] {
        receive(
            &mut session,
            &packet(payload_type, sequence, 7, &[5, 10, 0, 160]),
            start,
        );
    }
    assert_eq!(*heard.0.lock().unwrap(), "55");

    let mut echo = self::session(None);
    echo.follow(stream, start);
    let back = receive(&mut echo, &packet(101, 1, 7, &[5, 10, 0, 160]), start);
    assert_eq!(back[0].1[1], 96);
}

/// The marker and 72 look like a sender report.
#[test]
fn a_number_that_looks_like_rtcp_is_audio_where_rtcp_has_its_own_port() {
    let start = Instant::now();
    let mut marked = packet(72, 1, 7, &[0x55; 160]);
    marked[1] |= 0x80;
    let echoed = |packet: &[u8], rtcp_port, srtp| {
        let mut echo = session(None);
        let mut stream = stream("72\r\na=rtpmap:72 PCMU/8000\r\n", THEIRS);
        (stream.remote.rtcp_port, stream.srtp) = (rtcp_port, srtp);
        echo.follow(stream, start);
        receive(&mut echo, packet, start)
    };
    assert!(echoed(&marked, None, None).is_empty());
    assert_eq!(echoed(&marked, Some(4001), None).len(), 1);

    let key = MasterKey::random();
    if let Some(keys) = Crypto::offered(key.clone()).map(|it| it.keys(key)) {
        let sent = Srtp::new(&keys).protect(&marked).unwrap().to_vec();
        let mut back = echoed(&sent, Some(4001), Some(keys.clone())).remove(0).1;
        let length = Srtp::new(&keys).unprotect(&mut back).unwrap();
        assert_eq!(back[12..length], [0x55; 160]);
    }
}

#[test]
fn another_clock_is_another_source() {
    let mut speaker = session(audio(()));
    let start = Instant::now();
    let mut source = |lines: &str, at: u32| {
        let now = start + FRAME * at;
        speaker.follow(stream(lines, THEIRS), now);
        let sent = run(&mut speaker, &mut now.clone(), now + FRAME);
        RtpHeader::read(&sent[0].1).unwrap().source
    };
    let narrow = source("0\r\n", 0);
    assert_eq!(source("9\r\n", 10), narrow);
    #[cfg(feature = "opus")]
    assert_ne!(source(&events(Encoding::Opus), 20), narrow);
}

#[test]
fn reports_go_to_the_host_that_is_described_for_them() {
    let (mut session, start) = (session(audio(())), Instant::now());
    session.follow(
        stream("0\r\na=rtcp:4100 IN IP4 192.0.2.7\r\n", THEIRS),
        start,
    );
    receive(&mut session, &packet(0, 1, 7, &[0xff; 160]), start);
    let end = start + Duration::from_mins(1);
    let mut sent = run(&mut session, &mut start.clone(), end);
    sent.retain(|(channel, ..)| *channel == Channel::Rtcp);
    assert!(!sent.is_empty());
    let expected = SocketAddr::from(([192, 0, 2, 7], 4100));
    assert!(sent.iter().all(|(_, _, to)| *to == expected), "{sent:?}");
}

#[test]
fn reports_go_to_the_port_above_or_the_same() {
    let start = Instant::now();
    for (rtcp_port, expected) in [
        (Some(4001), (Channel::Rtcp, 4001)),
        (Some(4100), (Channel::Rtcp, 4100)),
        (None, (Channel::Rtp, 4000)),
    ] {
        let mut session = session(audio(()));
        let mut stream = stream("0\r\n", THEIRS);
        stream.remote.rtcp_port = rtcp_port;
        session.follow(stream, start);
        for sequence in 1..=10 {
            receive(&mut session, &packet(0, sequence, 7, &[0xff; 160]), start);
        }
        let mut sent = run(
            &mut session,
            &mut start.clone(),
            start + Duration::from_mins(1),
        );
        sent.retain(|(_, packet, _)| packet[1] == 200);
        assert!((9..30).contains(&sent.len()), "{}", sent.len());
        for (channel, report, to) in &sent {
            assert_eq!((*channel, to.port()), expected);
            // One block, about source 7, whose highest number is 10.
            assert_eq!(report[0], 0x81);
            assert_eq!(report[28..32], [0, 0, 0, 7]);
            assert_eq!(report[36..40], [0, 0, 0, 10]);
        }
        let mut farewell = Sent::new();
        session.close(start, &mut |channel, packet, to| {
            farewell.push((channel, packet.to_vec(), to));
        });
        let [(channel, bye, to)] = &farewell[..] else {
            panic!("{farewell:?}")
        };
        assert_eq!((*channel, to.port()), expected);
        assert_eq!(bye[bye.len() - 8..][..4], [0x81, 203, 0, 1]);
    }
}

#[test]
fn who_only_listens_reports_under_the_source_that_speaks_later() {
    let mut session = session(audio(()));
    let direction = Direction::RecvOnly;
    let held = AudioStream {
        direction,
        ..stream("0\r\n", THEIRS)
    };
    let mut now = Instant::now();
    session.follow(held, now);
    let end = now + Duration::from_secs(5);
    let reports = run(&mut session, &mut now, end);
    session.follow(stream("0\r\n", THEIRS), now);
    let end = now + FRAME;
    let sent = run(&mut session, &mut now, end);
    let speech = sent.iter().find(|it| it.0 == Channel::Rtp).unwrap();
    assert_eq!(reports[0].1[4..8], speech.1[8..12]);
}

#[test]
fn reports_of_strangers_are_not_read() {
    let counters = Arc::<RtpCounters>::default();
    let mut session = counted(audio(()), Arc::clone(&counters));
    let start = Instant::now();
    session.follow(stream("0\r\n", THEIRS), start);
    let mut report = [0x80, 201, 0, 1, 0, 0, 0, 7];
    for (from, discarded) in [("192.0.2.1:4999", 0), ("192.0.2.3:4001", 1)] {
        let from = from.parse().unwrap();
        session.receive(Channel::Rtcp, &mut report, from, start, &mut |_, _, _| {});
        assert_eq!(counters.datagrams_discarded(), discarded);
    }
    assert_eq!(
        session_rtcp(&mut session, start),
        "192.0.2.1:4999",
        "it is latched"
    );
}

fn session_rtcp(session: &mut RtpSession, start: Instant) -> String {
    let sent = run(session, &mut start.clone(), start + Duration::from_secs(10));
    let report = sent.iter().find(|it| it.0 == Channel::Rtcp);
    report.unwrap().2.to_string()
}

#[test]
fn another_source_of_the_peer_is_heard_at_once() {
    let recording = Recording::up_to(Duration::from_mins(1));
    let mut listener = session(audio(recording.clone()));
    let start = Instant::now();
    listener.follow(stream("0\r\n", THEIRS), start);
    for (sequence, source) in [(9, 1), (10, 1), (40_000, 2), (40_001, 2), (3, 3)] {
        receive(
            &mut listener,
            &packet(0, sequence, source, &[0; 160]),
            start,
        );
    }
    assert_eq!(recording.samples().len(), 5 * 320);

    let mut echo = session(None);
    echo.follow(stream("0\r\n", THEIRS), start);
    let mut source = |of| {
        let back = receive(&mut echo, &packet(0, 1, of, &[0; 160]), start);
        RtpHeader::read(&back[0].1).unwrap().source
    };
    let first = source(1);
    assert_eq!(source(1), first);
    assert_ne!(source(2), first);
}

#[test]
fn comfort_noise_is_ignored_and_does_not_hold_up_speech() {
    let recording = Recording::up_to(Duration::from_mins(1));
    let mut listener = session(audio(recording.clone()));
    let start = Instant::now();
    listener.follow(stream("0\r\n", THEIRS), start);
    for (sequence, payload_type) in [(1, 0), (2, 13), (3, 0)] {
        let octets: &[u8] = if payload_type == 13 { &[40] } else { &[0; 160] };
        receive(
            &mut listener,
            &packet(payload_type, sequence, 1, octets),
            start,
        );
    }
    assert_eq!(recording.samples().len(), 3 * 320);
}

#[test]
fn nothing_is_said_while_the_call_is_held() {
    let mut speaker = session(audio(Player::new(Sound::tone(700))));
    let start = Instant::now();
    let held = |direction| AudioStream {
        direction,
        ..stream("0\r\n", THEIRS)
    };
    speaker.follow(held(Direction::RecvOnly), start);
    let mut now = start;
    let is_speech = |it: &(Channel, Vec<u8>, SocketAddr)| it.0 == Channel::Rtp;
    let sent = run(&mut speaker, &mut now, start + Duration::from_secs(10));
    assert!(!sent.iter().any(is_speech));
    assert!(!sent.is_empty(), "reports go on");
    speaker.follow(held(Direction::SendOnly), now);
    let sent = run(&mut speaker, &mut now, start + Duration::from_secs(11));
    assert!((50..=51).contains(&sent.iter().filter(|it| is_speech(it)).count()));
}

#[test]
fn the_clock_goes_on_while_the_call_is_held() {
    let key = Key::try_from('1');
    let mut speaker = session(audio(Player::new(Sound::tone(700)).pressing(key)));
    let start = Instant::now();
    let lines = events(Encoding::Pcmu);
    let mut now = start;
    let mut headers = |direction, milliseconds| {
        speaker.follow(
            AudioStream {
                direction,
                ..stream(&lines, THEIRS)
            },
            now,
        );
        let end = now + Duration::from_millis(milliseconds);
        let mut sent = run(&mut speaker, &mut now, end);
        sent.retain(|it| it.0 == Channel::Rtp);
        let read = |it: &(_, Vec<u8>, _)| RtpHeader::read(&it.1).unwrap();
        sent.iter().map(read).collect::<Vec<_>>()
    };
    let before = headers(Direction::SendRecv, 50);
    assert_eq!(before.len(), 3);
    assert!(headers(Direction::RecvOnly, 10_000).is_empty());
    let behind = headers(Direction::SendRecv, 100);
    let ticks = behind[0].timestamp.wrapping_sub(before[0].timestamp);
    assert_eq!(ticks, 8 * 10_040);
    assert!(behind[0].is_marked);
    assert!(
        behind.iter().all(|it| it.payload_type == 0),
        "the key was let go"
    );
}

#[test]
fn time_is_kept_while_something_is_said_or_held() {
    let recording = Recording::up_to(Duration::from_mins(1));
    let mut transceiver = Transceiver::new(audio(recording.clone()));
    let start = Instant::now();
    transceiver.start(start);
    let pass = |transceiver: &mut Transceiver, mut now: Instant| {
        let mut wakes = 0;
        while let Some(at) = transceiver.timeout() {
            now = at.max(now);
            transceiver.handle_timeout(now, None, &mut |_, _| unreachable!());
            wakes += 1;
        }
        wakes
    };
    assert_eq!(pass(&mut transceiver, start), 1);
    let later = start + Duration::from_mins(1);
    for sequence in [1, 3] {
        let datagram = packet(0, sequence, 7, &[0; 160]);
        let header = RtpHeader::read(&datagram).unwrap();
        let kind = Some(Kind::Speech(Encoding::Pcmu));
        transceiver.receive(kind, header, payload(&datagram), later);
    }
    assert_eq!(recording.samples().len(), 320);
    assert!((4..=5).contains(&pass(&mut transceiver, later)));
    assert_eq!(recording.samples().len(), 3 * 320, "one is concealed");
}

#[test]
fn a_peer_that_falls_silent_is_missed_unless_a_side_is_held() {
    let loss = MediaLossSender::new();
    let mut silences = loss.losses();
    let mut has_lost = move || {
        let waiting = pin!(silences.lost());
        waiting
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    };
    let longest = Duration::from_secs(30);
    let mut session = RtpSession::new(None, Arc::default(), loss, longest);
    let mut now = Instant::now();
    session.follow(stream("0\r\n", THEIRS), now);
    let mut pass = |session: &mut RtpSession, now: &mut Instant, seconds| {
        let end = *now + Duration::from_secs(seconds);
        run(session, now, end);
        has_lost()
    };
    assert!(
        !pass(&mut session, &mut now, 1000),
        "it never sent anything"
    );
    for sequence in 1..4 {
        receive(&mut session, &packet(0, sequence, 7, &[0; 160]), now);
        assert!(!pass(&mut session, &mut now, 29));
    }
    for direction in [
        Direction::RecvOnly,
        Direction::SendOnly,
        Direction::Inactive,
    ] {
        let held = AudioStream {
            direction,
            ..stream("0\r\n", THEIRS)
        };
        session.follow(held, now);
        assert!(!pass(&mut session, &mut now, 1000), "{direction:?}");
    }
    session.follow(stream("0\r\n", THEIRS), now);
    assert!(
        !pass(&mut session, &mut now, 29),
        "it has time to begin again"
    );
    session.follow(stream("0\r\n", THEIRS), now);
    assert!(pass(&mut session, &mut now, 2));
}

#[test]
fn what_was_slept_through_is_left_out() {
    let mut speaker = session(audio(()));
    let start = Instant::now();
    speaker.follow(stream("0\r\n", THEIRS), start);
    let mut packets = 0;
    speaker.handle_timeout(start + Duration::from_hours(1), &mut |channel, _, _| {
        packets += usize::from(channel == Channel::Rtp);
    });
    assert_eq!(packets, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_no_trouble(
        datagrams in prop::collection::vec(
            (any::<bool>(), any::<bool>(), 0..3_u8, prop::collection::vec(any::<u8>(), 0..300)),
            1..40,
        ),
    ) {
        for end in [None, Some(audio((Recording::up_to(Duration::from_secs(1)), Player::new(Sound::tone(1)))))] {
            let mut session = session(end);
            let mut now = Instant::now();
            session.follow(stream("0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\n", THEIRS), now);
            for (is_rtcp, is_rtp_like, payload_type, datagram) in &datagrams {
                let mut datagram = datagram.clone();
                if let Some(head) = datagram.first_chunk_mut::<2>().filter(|_| *is_rtp_like) {
                    *head = [0x80 | head[0] & 0x3f, [0, 9, 101][usize::from(*payload_type)]];
                }
                now += Duration::from_millis(7);
                let channel = if *is_rtcp { Channel::Rtcp } else { Channel::Rtp };
                session.receive(channel, &mut datagram, THEIRS.into(), now, &mut |_, _, _| {});
                session.handle_timeout(now, &mut |_, _, _| {});
            }
        }
    }
}
