//! The RTP packets that we hear.

use std::time::{Duration, Instant};

use crate::{
    audio::{AudioEnd, SAMPLE_RATE},
    codec::{Codec, Encoding, Framer},
    formats::Kind,
    rtp::{
        KeyReceiver,
        packet::{RtpHeader, payload},
        reorder::Reorder,
        statistics::Statistics,
    },
};

/// One source of the peer's.
pub(crate) struct Receiver {
    pub(crate) source: u32,
    pub(crate) statistics: Statistics,
    reorder: Reorder<Packet>,
    keys: KeyReceiver,
    decoder: Option<(Encoding, Box<dyn Codec>)>,
    framer: Framer,
    /// The timestamp of the speech that comes next.
    next: Option<u32>,
}

struct Packet {
    /// Nothing that was agreed on, but its number counts.
    kind: Option<Kind>,
    header: RtpHeader,
    payload: Vec<u8>,
}

impl Receiver {
    pub(crate) fn new(header: &RtpHeader, now: Instant) -> Self {
        Self {
            source: header.source,
            statistics: Statistics::new(header.sequence, header.timestamp, now),
            reorder: Reorder::new(header.sequence),
            keys: KeyReceiver::default(),
            decoder: None,
            framer: Framer::default(),
            next: None,
        }
    }

    /// Takes a packet, and lets `end` hear what is complete.
    pub(crate) fn hear(
        &mut self,
        kind: Option<Kind>,
        header: RtpHeader,
        datagram: &[u8],
        end: &AudioEnd,
        now: Instant,
    ) {
        let packet = Packet {
            kind,
            header,
            payload: payload(datagram).to_vec(),
        };
        let (reorder, mut listener) = self.split(end);
        reorder.put(header.sequence, packet, now, &mut |packet| {
            listener.take(&packet);
        });
    }

    /// Lets `end` hear what waited too long for a packet that is lost.
    pub(crate) fn flush(&mut self, end: &AudioEnd, now: Instant) {
        let (reorder, mut listener) = self.split(end);
        reorder.flush(now, &mut |packet| listener.take(&packet));
    }

    fn split<'a>(&'a mut self, end: &'a AudioEnd) -> (&'a mut Reorder<Packet>, Listener<'a>) {
        let listener = Listener {
            keys: &mut self.keys,
            decoder: &mut self.decoder,
            framer: &mut self.framer,
            next: &mut self.next,
            end,
        };
        (&mut self.reorder, listener)
    }
}

/// What takes packets in their order.
struct Listener<'a> {
    keys: &'a mut KeyReceiver,
    decoder: &'a mut Option<(Encoding, Box<dyn Codec>)>,
    framer: &'a mut Framer,
    next: &'a mut Option<u32>,
    end: &'a AudioEnd,
}

impl Listener<'_> {
    fn take(&mut self, packet: &Packet) {
        match packet.kind {
            Some(Kind::Speech(encoding)) => self.hear(encoding, packet),
            Some(Kind::TelephoneEvent { .. }) => {
                let timestamp = packet.header.timestamp;
                if let Some(key) = self.keys.receive(timestamp, &packet.payload) {
                    self.end.key(key);
                }
            }
            None => {}
        }
    }

    fn hear(&mut self, encoding: Encoding, packet: &Packet) {
        if self.decoder.as_ref().is_none_or(|it| it.0 != encoding) {
            *self.decoder = Some((encoding, encoding.codec()));
            *self.next = None;
        }
        let Some((_, codec)) = self.decoder else {
            return;
        };
        let timestamp = packet.header.timestamp;
        let clock_rate = encoding.clock_rate();
        if let Some(next) = *self.next {
            let gap = timestamp.wrapping_sub(next);
            let frame = clock_rate / 50;
            let frames = gap / frame;
            if !packet.header.is_marked && (1..=MOST_CONCEALED).contains(&frames) {
                for _ in 0..frames {
                    codec.conceal(self.framer.samples());
                }
            } else if (1..=LONGEST_PAUSE).contains(&frames) {
                self.end
                    .pause(Duration::from_millis(20 * u64::from(frames)));
            }
        }
        let before = self.framer.samples().len();
        codec.decode(&packet.payload, self.framer.samples());
        let decoded = self.framer.samples().len().saturating_sub(before);
        let ticks = decoded as u64 * u64::from(clock_rate) / u64::from(SAMPLE_RATE);
        *self.next = Some(timestamp.wrapping_add(u32::try_from(ticks).unwrap_or(0)));
        self.framer.drain(|frame| self.end.hear(frame));
    }
}

/// Frames that were lost and can be guessed.
const MOST_CONCEALED: u32 = 5;
/// Ten seconds in frames. A longer gap is another clock.
const LONGEST_PAUSE: u32 = 500;
