//! The RTP packets that we send.

use crate::{
    audio::{AudioEnd, FRAME_TIME},
    codec::{Codec, Encoding},
    formats::{Formats, Kind},
    random::random,
    rtp::{RtpHeader, telephone_event::KeySender},
};

/// One source of ours.
pub(super) struct Sender {
    pub(super) source: u32,
    sequence: u16,
    timestamp: u32,
    speech: Option<Speech>,
    keys: KeySender,
}

struct Speech {
    encoding: Encoding,
    codec: Box<dyn Codec>,
    /// What is not sent yet.
    octets: Vec<u8>,
    /// Whether the next packet is the first after a pause.
    is_first: bool,
}

impl Sender {
    pub(super) fn new() -> Self {
        let start = random();
        Self {
            source: (random() >> 32) as u32,
            // In the lower half, so that a receiver cannot miss that the numbers began anew (RFC 3711 section 3.3.1).
            sequence: (start >> 49) as u16,
            timestamp: (start & 0xffff_ffff) as u32,
            speech: None,
            keys: KeySender::default(),
        }
    }

    /// Sends the next 20 ms, of speech or of a key that is pressed: in no packet or in several, as long as the peer wants
    /// them.
    pub(super) fn send(
        &mut self,
        formats: &Formats,
        packet_time: u32,
        end: &AudioEnd,
        send: &mut dyn FnMut(&RtpHeader, &[u8]),
    ) {
        let Some((payload_type, encoding)) = formats.speech() else {
            return;
        };
        self.speak_in(encoding);
        let ticks = ticks(encoding);
        let clock_rate = encoding.clock_rate();
        let event_type = formats.payload_type(Kind::TelephoneEvent { clock_rate });
        let event = event_type.and_then(|payload_type| {
            let event = self.keys.next(ticks, || end.press())?;
            Some((payload_type, event))
        });
        if let Some((payload_type, event)) = event {
            self.pause();
            let begin = self.timestamp.wrapping_sub(event.age);
            let header = self.header(payload_type, event.is_first(), begin);
            send(&header, &event.payload);
        } else {
            self.say(payload_type, packet_time, end, send);
        }
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    /// So many times 20 ms pass in silence. A key that was pressed is let go.
    pub(super) fn skip(&mut self, frames: u32) {
        self.keys = KeySender::default();
        self.pause();
        let ticks = self.speech.as_ref().map_or(0, |it| ticks(it.encoding));
        self.timestamp = self.timestamp.wrapping_add(ticks.wrapping_mul(frames));
    }

    fn say(
        &mut self,
        payload_type: u8,
        packet_time: u32,
        end: &AudioEnd,
        send: &mut dyn FnMut(&RtpHeader, &[u8]),
    ) {
        let Some(mut speech) = self.speech.take() else {
            return;
        };
        let ticks = ticks(speech.encoding);
        speech.codec.encode(&end.speak(), &mut speech.octets);
        let is_divisible = speech.encoding.is_divisible();
        let size = if is_divisible {
            (speech.encoding.clock_rate() / 1000 * packet_time) as usize
        } else {
            speech.octets.len()
        };
        let mut octets = speech.octets.as_slice();
        while let Some((payload, rest)) =
            octets.split_at_checked(size).filter(|it| !it.0.is_empty())
        {
            let behind = u32::try_from(octets.len()).unwrap_or(0);
            let timestamp = if is_divisible {
                self.timestamp.wrapping_add(ticks).wrapping_sub(behind)
            } else {
                self.timestamp
            };
            let header = self.header(payload_type, speech.is_first, timestamp);
            send(&header, payload);
            speech.is_first = false;
            octets = rest;
        }
        let left = octets.len();
        speech.octets.drain(..speech.octets.len() - left);
        self.speech = Some(speech);
    }

    /// What is said next comes after a pause.
    fn pause(&mut self) {
        if let Some(speech) = &mut self.speech {
            speech.octets.clear();
            speech.is_first = true;
        }
    }

    /// Timestamps of another clock are those of another source (RFC 7160 section 4.1).
    fn speak_in(&mut self, encoding: Encoding) {
        let speech = self.speech.as_ref();
        if speech.is_some_and(|speech| speech.encoding == encoding) {
            return;
        }
        if speech.is_some_and(|it| it.encoding.clock_rate() != encoding.clock_rate()) {
            *self = Self::new();
        }
        self.speech = Some(Speech {
            encoding,
            codec: encoding.codec(),
            octets: Vec::new(),
            is_first: true,
        });
    }

    fn header(&mut self, payload_type: u8, is_marked: bool, timestamp: u32) -> RtpHeader {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        RtpHeader {
            payload_type,
            is_marked,
            sequence,
            timestamp,
            source: self.source,
        }
    }
}

/// Of the clock in 20 ms.
fn ticks(encoding: Encoding) -> u32 {
    encoding.clock_rate() / 1000 * FRAME_TIME.subsec_millis()
}
