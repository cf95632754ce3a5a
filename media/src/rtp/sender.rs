//! The RTP packets that we send.

use crate::{
    audio::{AudioEnd, FRAME_TIME},
    codec::{Codec, Encoding},
    formats::Formats,
    random::random,
    rtp::KeySender,
};

/// Makes a packet of 20 ms at a time, of speech or of a key that is pressed.
pub(crate) struct Sender {
    payload_type: u8,
    encoding: Encoding,
    codec: Box<dyn Codec>,
    keys: KeySender,
    sequence: u16,
    timestamp: u32,
    source: u32,
    /// Whether speech begins with the next packet of it.
    is_first: bool,
}

impl Sender {
    /// A sender of the speech that the peer likes best; `None` where there is none.
    pub(crate) fn new(formats: &Formats) -> Option<Self> {
        let (payload_type, encoding) = formats.speech()?;
        let start = random();
        Some(Self {
            payload_type,
            encoding,
            codec: encoding.codec(),
            keys: KeySender::default(),
            sequence: (start >> 48) as u16,
            timestamp: (start & 0xffff_ffff) as u32,
            source: (random() >> 32) as u32,
            is_first: true,
        })
    }

    /// Writes the packet of the next 20 ms.
    pub(crate) fn packet(&mut self, formats: &Formats, end: &AudioEnd, packet: &mut Vec<u8>) {
        let ticks = self.encoding.clock_rate() / 1000 * FRAME_TIME.subsec_millis();
        let event_type = formats.telephone_event(self.encoding.clock_rate());
        let event = event_type.and_then(|payload_type| {
            let event = self.keys.next(ticks, || end.press())?;
            Some((payload_type, event))
        });
        packet.clear();
        if let Some((payload_type, event)) = event {
            let begin = self.timestamp.wrapping_sub(event.age);
            self.header(payload_type, event.is_first(), begin, packet);
            packet.extend(event.payload);
            self.is_first = true;
        } else {
            self.header(self.payload_type, self.is_first, self.timestamp, packet);
            self.codec.encode(&end.speak(), packet);
            self.is_first = false;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    fn header(&self, payload_type: u8, is_marked: bool, timestamp: u32, packet: &mut Vec<u8>) {
        let marker = if is_marked { 0x80 } else { 0 };
        packet.extend([0x80, payload_type | marker]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
    }
}
