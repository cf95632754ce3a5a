//! The RTP packets that we send.

use std::time::Instant;

use crate::{
    audio::{AudioEnd, FRAME_TIME},
    codec::{Codec, Encoding},
    offer_answer::AudioStream,
    random::random,
    rtp::{KeySender, packet::RtpHeader, rtcp::Sent},
};

/// One source of ours.
pub(crate) struct Sender {
    pub(crate) source: u32,
    pub(crate) sent: Sent,
    sequence: u16,
    timestamp: u32,
    speech: Option<Speech>,
    keys: KeySender,
    packet: Vec<u8>,
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
    pub(crate) fn new() -> Self {
        let start = random();
        Self {
            source: (random() >> 32) as u32,
            sent: Sent::default(),
            // In the lower half, so that a receiver cannot miss that the numbers began anew (RFC 3711 section 3.3.1).
            sequence: (start >> 49) as u16,
            timestamp: (start & 0xffff_ffff) as u32,
            speech: None,
            keys: KeySender::default(),
            packet: Vec::new(),
        }
    }

    /// Sends the next 20 ms, of speech or of a key that is pressed: in no packet or in several, as long as the peer wants
    /// them.
    pub(crate) fn send(
        &mut self,
        stream: &AudioStream,
        end: &AudioEnd,
        now: Instant,
        send: &mut dyn FnMut(&mut Vec<u8>),
    ) {
        let Some((payload_type, encoding)) = stream.formats.speech() else {
            return;
        };
        self.speak_in(encoding);
        let clock_rate = encoding.clock_rate();
        let ticks = clock_rate / 1000 * FRAME_TIME.subsec_millis();
        let event = stream.formats.telephone_event(clock_rate).and_then(|kind| {
            let event = self.keys.next(ticks, || end.press())?;
            Some((kind, event))
        });
        if let Some((kind, event)) = event {
            self.pause();
            let timestamp = self.timestamp.wrapping_sub(event.age);
            self.write(kind, event.is_first(), timestamp, &event.payload);
            self.sent
                .count(event.payload.len(), timestamp, clock_rate, now);
            send(&mut self.packet);
        } else {
            self.say(payload_type, stream.packet_time, ticks, end, now, send);
        }
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    fn say(
        &mut self,
        payload_type: u8,
        packet_time: u32,
        ticks: u32,
        end: &AudioEnd,
        now: Instant,
        send: &mut dyn FnMut(&mut Vec<u8>),
    ) {
        let Some(mut speech) = self.speech.take() else {
            return;
        };
        speech.codec.encode(&end.speak(), &mut speech.octets);
        let clock_rate = speech.encoding.clock_rate();
        let size = match speech.encoding.octets_per_millisecond() {
            Some(octets) => (octets * packet_time) as usize,
            None => speech.octets.len(),
        };
        let mut octets = speech.octets.as_slice();
        while let Some((payload, rest)) =
            octets.split_at_checked(size).filter(|it| !it.0.is_empty())
        {
            // Where packets are cut anywhere, a tick is an octet.
            let behind = u32::try_from(octets.len()).unwrap_or(0);
            let timestamp = match speech.encoding.octets_per_millisecond() {
                Some(_) => self.timestamp.wrapping_add(ticks).wrapping_sub(behind),
                None => self.timestamp,
            };
            self.write(payload_type, speech.is_first, timestamp, payload);
            self.sent.count(payload.len(), timestamp, clock_rate, now);
            send(&mut self.packet);
            speech.is_first = false;
            octets = rest;
        }
        let left = octets.len();
        speech.octets.drain(..speech.octets.len() - left);
        self.speech = Some(speech);
    }

    /// What is said next comes after a pause.
    pub(crate) fn pause(&mut self) {
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

    fn write(&mut self, payload_type: u8, is_marked: bool, timestamp: u32, payload: &[u8]) {
        self.packet.clear();
        let header = RtpHeader {
            payload_type,
            is_marked,
            sequence: self.sequence,
            timestamp,
            source: self.source,
        };
        header.write(&mut self.packet);
        self.packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
    }
}
