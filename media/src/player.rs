//! The RTP packets that we send.

use std::collections::VecDeque;

use crate::{formats::Formats, random::random, sound::Sound};

/// Makes a packet of 20 ms at a time, of sound or of a key that is pressed
/// ([RFC 4733](https://www.rfc-editor.org/rfc/rfc4733)).
#[derive(Debug)]
pub(crate) struct Player {
    sound: Sound,
    keys: VecDeque<u8>,
    /// How many packets of the pressed key, or of the pause behind it, have gone.
    step: u32,
    place: usize,
    sequence: u16,
    timestamp: u32,
    source: u32,
    is_first: bool,
}

impl Player {
    /// `keys` are event codes: those of DTMF are 0 to 15.
    pub(crate) fn new(sound: Sound, keys: VecDeque<u8>) -> Self {
        let start = random();
        Self {
            sound,
            keys,
            step: 0,
            place: 0,
            sequence: (start >> 48) as u16,
            timestamp: (start & 0xffff_ffff) as u32,
            source: (random() >> 32) as u32,
            is_first: true,
        }
    }

    /// The packet of the next 20 ms; `None` where no speech is agreed on.
    pub(crate) fn packet(&mut self, formats: &Formats) -> Option<Vec<u8>> {
        let (payload_type, law) = formats.speech()?;
        let packet = if let Some((event_type, payload)) = self.pressed(formats) {
            let begin = self.timestamp.wrapping_sub(self.step * SAMPLES);
            let mut packet = self.header(event_type, self.step == 0, begin);
            packet.extend(payload);
            packet
        } else {
            let mut packet = self.header(payload_type, self.is_first, self.timestamp);
            self.is_first = false;
            let places = self.place..self.place + SAMPLES as usize;
            packet.extend(places.map(|place| law.encode(self.sound.sample(place))));
            packet
        };
        self.place += SAMPLES as usize;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES);
        self.advance();
        Some(packet)
    }

    /// The payload type and payload of the key that is down. The last packet goes three times, for
    /// one may be lost (RFC 4733 §2.5.1.4).
    fn pressed(&self, formats: &Formats) -> Option<(u8, [u8; 4])> {
        let key = *self.keys.front()?;
        let payload_type = formats.telephone_event()?;
        if self.step >= KEY_PACKETS + ENDS {
            return None;
        }
        let [_, _, high, low] = (SAMPLES * (self.step + 1).min(KEY_PACKETS)).to_be_bytes();
        let end = if self.step + 1 >= KEY_PACKETS { END } else { 0 };
        Some((payload_type, [key, end | VOLUME, high, low]))
    }

    fn advance(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        self.step += 1;
        if self.step == KEY_PACKETS + ENDS + PAUSE_PACKETS {
            self.step = 0;
            self.keys.pop_front();
        }
    }

    fn header(&self, payload_type: u8, is_marked: bool, timestamp: u32) -> Vec<u8> {
        let marker = if is_marked { 0x80 } else { 0 };
        let mut packet = vec![0x80, payload_type | marker];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        packet
    }
}

/// In 20 ms.
const SAMPLES: u32 = 160;
/// A key is down for 100 ms.
const KEY_PACKETS: u32 = 5;
/// How often the end of a key is repeated.
const ENDS: u32 = 2;
/// 100 ms between two keys.
const PAUSE_PACKETS: u32 = 5;
const END: u8 = 0x80;
/// -10 dBm0.
const VOLUME: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn formats() -> Formats {
        Formats::offered(Formats::default())
    }

    fn number(octets: &[u8]) -> u32 {
        octets
            .iter()
            .fold(0, |sum, octet| sum << 8 | u32::from(*octet))
    }

    #[test]
    fn packets_follow_each_other() {
        let mut player = Player::new(Sound::once(vec![1000; 200]), VecDeque::new());
        let first = player.packet(&formats()).unwrap();
        let second = player.packet(&formats()).unwrap();
        assert_eq!((first.len(), second.len()), (172, 172));
        assert_eq!(
            (first[1], second[1]),
            (0x80, 0),
            "a talkspurt begins with a marker"
        );
        let timestamp = |packet: &[u8]| number(&packet[4..8]);
        assert_eq!(timestamp(&second), timestamp(&first).wrapping_add(160));
        assert_eq!(first[8..12], second[8..12]);
        assert!(second[12..52].iter().all(|octet| *octet == first[12]));
        assert!(
            second[52..].iter().all(|octet| *octet == 0xff),
            "then silence"
        );
    }

    #[test]
    fn a_key_is_an_event_that_grows_and_ends() {
        let mut player = Player::new(Sound::silence(), [5].into());
        let packets: Vec<_> = (0..8).map(|_| player.packet(&formats()).unwrap()).collect();
        let events = &packets[..7];
        assert_eq!(events[0][1], 128 + 101);
        assert!(events.iter().skip(1).all(|packet| packet[1] == 101));
        assert!(events.iter().all(|packet| packet[4..8] == events[0][4..8]));
        let durations: Vec<_> = events.iter().map(|it| number(&it[14..16])).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let is_end: Vec<_> = events.iter().map(|it| it[13] & 0x80 != 0).collect();
        assert_eq!(is_end, [false, false, false, false, true, true, true]);
        assert!(events.iter().all(|packet| packet[12] == 5));
        assert_eq!(packets[7][1], 128, "speech begins");
    }
}
