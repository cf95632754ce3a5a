//! The RTP packets that we hear.

use std::time::{Duration, Instant};

use crate::{
    audio::{AudioEnd, SAMPLE_RATE},
    codec::{Codec, Encoding, Framer},
    formats::Kind,
    rtp::{RtpHeader, reorder::Reorder, telephone_event::KeyReceiver},
};

/// One source of the peer's.
pub(super) struct Receiver {
    pub(super) source: u32,
    reorder: Reorder<Packet>,
    listener: Listener,
}

pub(super) struct Packet {
    /// `None` for nothing that was agreed on; but its number counts.
    pub(super) kind: Option<Kind>,
    pub(super) header: RtpHeader,
    pub(super) payload: Vec<u8>,
}

impl Receiver {
    /// Of the source that this is the first packet of.
    pub(super) fn new(first: &RtpHeader) -> Self {
        Self {
            source: first.source,
            reorder: Reorder::new(first.sequence),
            listener: Listener::default(),
        }
    }

    /// Takes a packet, and lets `end` hear what is complete.
    pub(super) fn hear(&mut self, packet: Packet, end: &AudioEnd, now: Instant) {
        let Self {
            reorder, listener, ..
        } = self;
        reorder.put(packet.header.sequence, packet, now, &mut |packet| {
            listener.take(&packet, end);
        });
    }

    /// Whether packets are held until one comes that is missing.
    pub(super) fn is_waiting(&self) -> bool {
        self.reorder.is_waiting()
    }

    /// Lets `end` hear what waited too long for a packet that is lost.
    pub(super) fn flush(&mut self, end: &AudioEnd, now: Instant) {
        let listener = &mut self.listener;
        self.reorder
            .flush(now, &mut |packet| listener.take(&packet, end));
    }
}

/// What takes packets in their order.
#[derive(Default)]
struct Listener {
    keys: KeyReceiver,
    decoder: Option<(Encoding, Box<dyn Codec>)>,
    framer: Framer,
    /// The timestamp of the speech that comes next.
    next: Option<u32>,
}

impl Listener {
    fn take(&mut self, packet: &Packet, end: &AudioEnd) {
        match packet.kind {
            Some(Kind::Speech(encoding)) => self.hear(encoding, packet, end),
            Some(Kind::TelephoneEvent { .. }) => {
                let timestamp = packet.header.timestamp;
                if let Some(key) = self.keys.receive(timestamp, &packet.payload) {
                    end.key(key);
                }
            }
            None => {}
        }
    }

    fn hear(&mut self, encoding: Encoding, packet: &Packet, end: &AudioEnd) {
        if self.decoder.as_ref().is_none_or(|it| it.0 != encoding) {
            self.decoder = Some((encoding, encoding.codec()));
            self.next = None;
        }
        let Some((_, codec)) = &mut self.decoder else {
            return;
        };
        let timestamp = packet.header.timestamp;
        let clock_rate = encoding.clock_rate();
        if let Some(next) = self.next {
            let gap = timestamp.wrapping_sub(next);
            let frame = clock_rate / 50;
            let frames = gap / frame;
            if !packet.header.is_marked && (1..=MOST_CONCEALED).contains(&frames) {
                for _ in 0..frames {
                    codec.conceal(self.framer.samples());
                }
            } else if (1..=LONGEST_PAUSE).contains(&frames) {
                end.pause(Duration::from_millis(20 * u64::from(frames)));
            }
        }
        let before = self.framer.samples().len();
        codec.decode(&packet.payload, self.framer.samples());
        let decoded = self.framer.samples().len().saturating_sub(before);
        let ticks = decoded as u64 * u64::from(clock_rate) / u64::from(SAMPLE_RATE);
        self.next = Some(timestamp.wrapping_add(u32::try_from(ticks).unwrap_or(0)));
        self.framer.drain(|frame| end.hear(frame));
    }
}

/// Frames that were lost and can be guessed.
const MOST_CONCEALED: u32 = 5;
/// Ten seconds in frames. A longer gap is another clock.
const LONGEST_PAUSE: u32 = 500;
