//! Keys as telephone-event payloads (RFC 4733).

use crate::audio::Key;

/// Presses keys: a payload for each 20 ms.
///
/// A key is down for 100 ms, its last payload goes three times because one may be lost
/// ([RFC 4733 §2.5.1.4](https://www.rfc-editor.org/rfc/rfc4733#section-2.5.1.4)), and 100 ms pass before the next.
#[derive(Debug, Default)]
pub(super) struct KeySender {
    key: Option<Key>,
    /// How many payloads of the key, or of the pause behind it, have gone.
    step: u32,
}

/// What goes in the place of 20 ms of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TelephoneEvent {
    /// The payload.
    pub(super) payload: [u8; 4],
    /// How long the key is down already: the packet's timestamp is that of now less so many ticks.
    pub(super) age: u32,
}

impl TelephoneEvent {
    /// Whether the key goes down with this payload: the packet has the marker bit.
    pub(super) const fn is_first(self) -> bool {
        self.age == 0
    }
}

impl KeySender {
    /// The payload of the next 20 ms, which are `ticks` of the RTP clock; `None` where no key is down. `press` is asked
    /// for a key when there is time for one.
    pub(super) fn next(
        &mut self,
        ticks: u32,
        press: impl FnOnce() -> Option<Key>,
    ) -> Option<TelephoneEvent> {
        if self.key.is_none() {
            (self.key, self.step) = (press(), 0);
        }
        let (key, step) = (self.key?, self.step);
        self.step += 1;
        if self.step == KEY_STEPS + ENDS + PAUSE_STEPS {
            self.key = None;
        }
        if step >= KEY_STEPS + ENDS {
            return None;
        }
        let [_, _, high, low] = (ticks * (step + 1).min(KEY_STEPS)).to_be_bytes();
        let end = if step + 1 >= KEY_STEPS { END } else { 0 };
        Some(TelephoneEvent {
            payload: [key.event(), end | VOLUME, high, low],
            age: ticks * step,
        })
    }
}

/// Takes keys from payloads: each once, however often its packets come and whichever of them are lost.
#[derive(Debug, Default)]
pub(super) struct KeyReceiver {
    last: Option<(u32, Key)>,
}

impl KeyReceiver {
    /// The key that goes down with this payload. `timestamp` is that of the packet.
    pub(super) fn receive(&mut self, timestamp: u32, payload: &[u8]) -> Option<Key> {
        let [code, _, _, _] = *payload.first_chunk::<4>()?;
        let key = Key::from_event(code)?;
        if let Some((last, last_key)) = self.last {
            let since = timestamp.wrapping_sub(last);
            // A packet of the same key, or one that was overtaken. Some peers give all keys one timestamp.
            let is_same = since == 0 && key == last_key;
            if is_same || (1..LONGEST_DELAY).contains(&since.wrapping_neg()) {
                return None;
            }
            self.last = Some((timestamp, key));
            // A key that is held on begins a new segment.
            return (since != LONGEST_SEGMENT || key != last_key).then_some(key);
        }
        self.last = Some((timestamp, key));
        Some(key)
    }
}

/// A key is down for 100 ms.
const KEY_STEPS: u32 = 5;
/// How often the end of a key is repeated.
const ENDS: u32 = 2;
/// 100 ms between two keys.
const PAUSE_STEPS: u32 = 5;
const END: u8 = 0x80;
/// -10 dBm0.
const VOLUME: u8 = 10;
/// A longer event is cut in segments (RFC 4733 section 2.5.1.3).
const LONGEST_SEGMENT: u32 = 0xffff;
/// By how much a packet may be overtaken, in ticks: two seconds at the slowest clock.
const LONGEST_DELAY: u32 = 16_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(letter: char) -> Key {
        Key::try_from(letter).unwrap()
    }

    #[test]
    fn a_key_is_an_event_that_grows_and_ends() {
        let mut sender = KeySender::default();
        let mut keys = ['5', '#'].into_iter().map(key);
        let steps: Vec<_> = (0..24).map(|_| sender.next(160, || keys.next())).collect();
        let events: Vec<_> = steps.iter().take(7).map(|step| step.unwrap()).collect();
        let ages: Vec<_> = events.iter().map(|event| event.age).collect();
        assert_eq!(ages, [0, 160, 320, 480, 640, 800, 960]);
        let durations: Vec<_> = events
            .iter()
            .map(|it| u16::from_be_bytes([it.payload[2], it.payload[3]]))
            .collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let is_end: Vec<_> = events.iter().map(|it| it.payload[1] & END != 0).collect();
        assert_eq!(is_end, [false, false, false, false, true, true, true]);
        assert!(events.iter().all(|event| event.payload[0] == 5));
        assert_eq!(steps[7..12], [None; 5], "a pause");
        assert_eq!(steps[12].unwrap().payload[0], 11);
        assert!(sender.next(160, || None).is_none());
    }

    #[test]
    fn a_key_that_is_held_on_is_one_key() {
        let mut receiver = KeyReceiver::default();
        let held = [1, 0, 0xff, 0xff];
        let start = u32::MAX - 70_000;
        assert_eq!(receiver.receive(start, &held), Some(key('1')));
        for segment in 1..4 {
            let timestamp = start.wrapping_add(segment * 0xffff);
            assert_eq!(receiver.receive(timestamp, &held), None);
        }
        let again = start.wrapping_add(4 * 0xffff + 1600);
        assert_eq!(receiver.receive(again, &held), Some(key('1')));
    }

    #[test]
    fn another_key_at_the_same_time_is_another_key() {
        let mut receiver = KeyReceiver::default();
        let heard = [1, 1, 2, 2, 11].map(|code| receiver.receive(0x3200, &[code, 0, 0, 160]));
        let expected = [Some('1'), None, Some('2'), None, Some('#')];
        assert_eq!(heard, expected.map(|letter| letter.map(key)));
    }

    #[test]
    fn what_is_no_key_is_nothing() {
        let mut receiver = KeyReceiver::default();
        for payload in [&[][..], &[1, 2, 3], &[16, 0, 0, 160], &[255; 4]] {
            assert_eq!(receiver.receive(0, payload), None, "{payload:?}");
        }
    }

    proptest! {
        /// Of each key at least one packet arrives; some come twice, and neighbours change places.
        #[test]
        fn no_key_is_lost_or_doubled(
            letters in prop::collection::vec(0..16_u8, 1..12),
            start in any::<u32>(),
            fates in prop::collection::vec((0..4_u8, any::<bool>()), 300),
        ) {
            let mut sender = KeySender::default();
            let pressed: Vec<_> = letters.iter().map(|code| Key::from_event(*code).unwrap()).collect();
            let mut keys = pressed.iter().copied();
            let mut packets = Vec::new();
            for (step, (copies, _)) in (0..12 * 12).zip(&fates) {
                let Some(event) = sender.next(160, || keys.next()) else { continue };
                let timestamp = start.wrapping_add(160 * step).wrapping_sub(event.age);
                let is_last = event.age == 6 * 160;
                let copies = if is_last { 1 } else { *copies };
                packets.extend((0..copies).map(|_| (timestamp, event.payload)));
            }
            for (place, (_, swap)) in fates.iter().enumerate() {
                if *swap && place + 1 < packets.len() && packets[place].0 == packets[place + 1].0 {
                    packets.swap(place, place + 1);
                }
            }
            let mut receiver = KeyReceiver::default();
            let heard: Vec<_> = packets
                .iter()
                .filter_map(|(timestamp, payload)| receiver.receive(*timestamp, payload))
                .collect();
            prop_assert_eq!(heard, pressed);
        }

        #[test]
        fn garbage_is_no_trouble(packets in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..8)), 0..50)) {
            let mut receiver = KeyReceiver::default();
            for (timestamp, payload) in packets {
                receiver.receive(timestamp, &payload);
            }
        }
    }
}
