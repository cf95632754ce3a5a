//! Snapshots of all shapes, there and back, and damaged in all ways.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::*;
use crate::fingerprint::Fingerprinter;
use crate::random::Random;

/// A snapshot of any shape.
fn any(random: &mut Random) -> SessionSnapshot {
    let transports = [
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ];
    let roles = [Role::Caller, Role::Callee];
    SessionSnapshot {
        flow: Flow {
            transport: one(random, &transports),
            channel: Channel::NONE,
            local: address(random),
            remote: address(random),
        },
        age: Duration::ZERO,
        role: one(random, &roles),
        dialog: DialogParts {
            texts: [
                format!("{}@c", random.token()).into_bytes(),
                format!("\"B\r\n \" <sip:b@b>;tag={}", random.token()).into_bytes(),
                b"sip:a@a".to_vec(),
                vec![0xff; length(random, 300)],
                b"<sip:p;lr>, ".repeat(length(random, 9)),
                vec![b'b'; length(random, 9)],
            ],
            local_cseq: number(random) >> 1,
            remote_cseq: perhaps(random, |random| number(random) >> 1),
        },
        timer: perhaps(random, |random| TimerParts {
            agreed: Agreement {
                seconds: number(random),
                refresher: one(random, &[Party::Us, Party::Peer]),
            },
            is_least: random.below(2) == 0,
            attempts: u8::try_from(random.below(3)).unwrap(),
            due_in: Duration::from_millis(number(random).into()),
        }),
        description: perhaps(random, |random| {
            let body = Body::sdp(vec![7; length(random, 4000)]);
            match perhaps(random, |_| Text::from_static("session")) {
                Some(disposition) => body.with_disposition(disposition),
                None => body,
            }
        }),
    }
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[length(random, of.len())]
}

fn length(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

fn number(random: &mut Random) -> u32 {
    u32::try_from(random.below(1 << 32)).unwrap()
}

fn perhaps<T>(random: &mut Random, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (random.below(2) == 0).then(|| make(random))
}

fn address(random: &mut Random) -> SocketAddr {
    let port = u16::try_from(random.below(65_536)).unwrap();
    match perhaps(random, number) {
        Some(ip) => (Ipv4Addr::from(ip), port).into(),
        None => (Ipv6Addr::from(u128::from(number(random)) << 90), port).into(),
    }
}

/// Octets with the right beginning and the right checksum, whatever they say.
fn sealed(content: &[u8]) -> Vec<u8> {
    [MAGIC, &[VERSION], content, &checksum(content).to_be_bytes()].concat()
}

fn content(octets: &[u8]) -> &[u8] {
    &octets[MAGIC.len() + 1..octets.len() - 8]
}

#[test]
fn what_is_written_is_read() {
    let mut random = Random::new([1; 32]);
    for _ in 0..2000 {
        let snapshot = any(&mut random);
        assert_eq!(SessionSnapshot::read(&snapshot.write()), Ok(snapshot));
    }
}

#[test]
fn damage_is_found() {
    let mut random = Random::new([2; 32]);
    for _ in 0..100 {
        let octets = any(&mut random).write();
        for end in 0..octets.len() {
            let cut = SessionSnapshot::read(&octets[..end]);
            let is_refused = matches!(cut, Err(SnapshotError::NoSnapshot | SnapshotError::Damaged));
            assert!(is_refused, "{cut:?}");
        }
        let mut octets = octets.to_vec();
        let place = length(&mut random, octets.len());
        octets[place] ^= 1 << random.below(8);
        assert!(SessionSnapshot::read(&octets).is_err(), "octet {place}");
        octets[place] = 0;
        octets.push(0);
        assert!(SessionSnapshot::read(&octets).is_err());
    }
}

/// Whoever seals octets of any kind makes no dialog that cannot be restored.
#[test]
fn sealed_garbage_is_refused_or_harmless() {
    let mut random = Random::new([3; 32]);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let octets = any(&mut random).write();
        let mut content = content(&octets).to_vec();
        for _ in 0..=random.below(4) {
            let place = length(&mut random, content.len());
            match random.below(4) {
                0 => content.truncate(place.max(1)),
                1 => content.insert(place, u8::try_from(random.below(256)).unwrap()),
                _ => content[place] = u8::try_from(random.below(256)).unwrap(),
            }
        }
        match SessionSnapshot::read(&sealed(&content)) {
            Ok(snapshot) => {
                let dialog = snapshot.dialog.into_dialog(&Fingerprinter::new([4, 5]));
                assert!(dialog.local_cseq() < 1 << 31);
                read += 1;
            }
            Err(error) => {
                assert_eq!(error, SnapshotError::Damaged);
                refused += 1;
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} not");
}

#[test]
fn other_octets_are_named_for_what_they_are() {
    let mut random = Random::new([6; 32]);
    let octets = any(&mut random).write();
    for other in [&b""[..], b"offhook", b"INVITE sip:a@b SIP/2.0", MAGIC] {
        let error = SessionSnapshot::read(other);
        assert_eq!(error, Err(SnapshotError::NoSnapshot), "{other:?}");
    }
    let mut newer = octets.to_vec();
    newer[MAGIC.len()] = 4;
    let error = SessionSnapshot::read(&newer).unwrap_err();
    assert_eq!(error, SnapshotError::Version(4));
    assert!(error.to_string().contains("version 4"), "{error}");
    let endless = vec![0; LONGEST + 1];
    let error = SessionSnapshot::read(&endless);
    assert_eq!(error, Err(SnapshotError::TooLarge));
}
