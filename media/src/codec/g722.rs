//! G.722 at 64 kbit/s: two samples an octet.

use audio_codec::{
    Decoder, Encoder,
    g722::{G722Decoder, G722Encoder},
};

use super::Codec;
use crate::audio::{FRAME_SAMPLES, Frame};

#[derive(Default)]
pub(super) struct G722 {
    encoder: G722Encoder,
    decoder: G722Decoder,
}

impl Codec for G722 {
    fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        let mut octets = [0; FRAME_SAMPLES];
        let length = self.encoder.encode_into(frame, &mut octets);
        payload.extend(octets.iter().take(length.unwrap_or(0)));
    }

    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let start = samples.len();
        samples.resize(start + payload.len() * 2, 0);
        let room = samples.get_mut(start..).unwrap_or_default();
        let length = self.decoder.decode_into(payload, room).unwrap_or(0);
        samples.truncate(start + length);
    }
}
