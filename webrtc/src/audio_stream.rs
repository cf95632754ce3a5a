//! An end of audio on a stream of packets.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::Instant,
};

use offhook_media::{
    AudioEnd, Codec, Encoding, FRAME_TIME, Formats, Framer, KeyReceiver, KeySender, Kind,
};
use sdp_types::Direction;
use str0m::rtp::{RtpPacket, RtpWrite};

/// Lets an [`AudioEnd`] hear the peer's packets, and makes packets of what it says.
pub(crate) struct AudioStream {
    end: AudioEnd,
    direction: Direction,
    formats: Formats,
    speaking: Option<Speaking>,
    hearing: Option<Hearing>,
    keys: KeyReceiver,
}

impl AudioStream {
    pub(crate) fn new(end: AudioEnd) -> Self {
        Self {
            end,
            direction: Direction::Inactive,
            formats: Formats::default(),
            speaking: None,
            hearing: None,
            keys: KeyReceiver::default(),
        }
    }

    /// The same end on another stream.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.end.clone())
    }

    pub(crate) fn follow(&mut self, direction: Direction, formats: Formats) {
        self.direction = direction;
        self.formats = formats;
        match (self.formats.speech(), &mut self.speaking) {
            (Some(speech), Some(speaking)) => speaking.change(speech),
            (Some(speech), None) => self.speaking = Some(Speaking::new(speech)),
            (None, _) => {}
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let sends = matches!(self.direction, Direction::SendRecv | Direction::SendOnly);
        self.speaking.as_ref().filter(|_| sends).map(|it| it.due)
    }

    pub(crate) fn speak(&mut self, now: Instant) -> Option<RtpWrite> {
        self.due().filter(|due| *due <= now)?;
        let speaking = self.speaking.as_mut()?;
        Some(speaking.packet(&self.formats, &self.end, now))
    }

    pub(crate) fn hear(&mut self, packet: &RtpPacket) {
        if !matches!(self.direction, Direction::SendRecv | Direction::RecvOnly) {
            return;
        }
        match self.formats.kind(*packet.header.payload_type) {
            Some(Kind::Speech(encoding)) => {
                if self
                    .hearing
                    .as_ref()
                    .is_none_or(|it| it.encoding != encoding)
                {
                    self.hearing = Some(Hearing::new(encoding));
                }
                if let Some(hearing) = &mut self.hearing {
                    hearing.take(*packet.seq_no, &packet.payload, &self.end);
                }
            }
            Some(Kind::TelephoneEvent { .. }) => {
                let timestamp = packet.header.timestamp;
                if let Some(key) = self.keys.receive(timestamp, &packet.payload) {
                    self.end.key(key);
                }
            }
            None => {}
        }
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioStream")
            .field("direction", &self.direction)
            .field("formats", &self.formats)
            .finish_non_exhaustive()
    }
}

/// Makes a packet of 20 ms at a time, of speech or of a key that is pressed.
struct Speaking {
    payload_type: u8,
    encoding: Encoding,
    codec: Box<dyn Codec>,
    keys: KeySender,
    due: Instant,
    sequence: u64,
    timestamp: u32,
    /// Whether speech begins with the next packet of it.
    is_first: bool,
}

impl Speaking {
    fn new((payload_type, encoding): (u8, Encoding)) -> Self {
        let start = RandomState::new().hash_one(());
        Self {
            payload_type,
            encoding,
            codec: encoding.codec(),
            keys: KeySender::default(),
            due: Instant::now(),
            // The first number stays below 2^16, where no rollover has to be told (RFC 3711 section 3.3.1).
            sequence: start >> 49,
            timestamp: (start & 0xffff_ffff) as u32,
            is_first: true,
        }
    }

    fn change(&mut self, (payload_type, encoding): (u8, Encoding)) {
        self.payload_type = payload_type;
        if self.encoding != encoding {
            self.encoding = encoding;
            self.codec = encoding.codec();
        }
    }

    fn packet(&mut self, formats: &Formats, end: &AudioEnd, now: Instant) -> RtpWrite {
        let ticks = self.encoding.clock_rate() / 1000 * FRAME_TIME.subsec_millis();
        let event_type = formats.telephone_event(self.encoding.clock_rate());
        let event = event_type.and_then(|payload_type| {
            let event = self.keys.next(ticks, || end.press())?;
            Some((payload_type, event))
        });
        let (payload_type, timestamp, is_marked, payload) = if let Some((kind, event)) = event {
            self.is_first = true;
            let begin = self.timestamp.wrapping_sub(event.age);
            (kind, begin, event.is_first(), event.payload.to_vec())
        } else {
            let mut payload = Vec::with_capacity(TYPICAL_PAYLOAD);
            self.codec.encode(&end.speak(), &mut payload);
            let is_marked = std::mem::take(&mut self.is_first);
            (self.payload_type, self.timestamp, is_marked, payload)
        };
        let sequence = self.sequence;
        self.sequence += 1;
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.due += FRAME_TIME;
        if self.due + 5 * FRAME_TIME < now {
            // We were held up, or on hold: what was missed is not made up for.
            self.due = now + FRAME_TIME;
        }
        RtpWrite::new(
            payload_type.into(),
            sequence.into(),
            timestamp,
            now,
            payload,
        )
        .marker(is_marked)
    }
}

/// Makes frames of the peer's packets as they come: what is lost is concealed, what was overtaken is left out.
struct Hearing {
    encoding: Encoding,
    codec: Box<dyn Codec>,
    framer: Framer,
    next: Option<u64>,
}

impl Hearing {
    fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            codec: encoding.codec(),
            framer: Framer::default(),
            next: None,
        }
    }

    fn take(&mut self, sequence: u64, payload: &[u8], end: &AudioEnd) {
        let next = self.next.unwrap_or(sequence);
        if (1..=LONGEST_DELAY).contains(&next.saturating_sub(sequence)) {
            return;
        }
        let lost = sequence.saturating_sub(next);
        if lost <= MOST_CONCEALED {
            (0..lost).for_each(|_| self.codec.conceal(self.framer.samples()));
        }
        self.next = Some(sequence + 1);
        self.codec.decode(payload, self.framer.samples());
        self.framer.drain(|frame| end.hear(frame));
    }
}

const TYPICAL_PAYLOAD: usize = 160;
/// Packets that came this much too late are late; what is further back is another stream.
const LONGEST_DELAY: u64 = 100;
/// A longer gap is a pause.
const MOST_CONCEALED: u64 = 5;
