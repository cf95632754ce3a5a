//! Opus: wideband speech of one channel.

use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder};

use super::Codec;
use crate::audio::{Frame, SAMPLE_RATE};

pub(super) struct Opus {
    encoder: Encoder,
    decoder: Decoder,
}

impl Opus {
    #[expect(clippy::expect_used, reason = "16 kHz and one channel are allowed")]
    pub(super) fn new() -> Self {
        let encoder = Encoder::builder(SAMPLE_RATE, Channels::Mono, Application::Voip)
            .bitrate(Bitrate::Bits(BITS_PER_SECOND))
            .complexity(COMPLEXITY)
            .build();
        Self {
            encoder: encoder.expect("an encoder"),
            decoder: Decoder::new(SAMPLE_RATE, Channels::Mono).expect("a decoder"),
        }
    }

    fn append(&mut self, payload: &[u8], room: usize, samples: &mut Vec<i16>) {
        let start = samples.len();
        samples.resize(start + room, 0);
        let place = samples.get_mut(start..).unwrap_or_default();
        let decoded = self.decoder.decode(payload, place, DecodeMode::Normal);
        samples.truncate(start + decoded.unwrap_or(0));
    }
}

impl Codec for Opus {
    fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        let mut octets = [0; LONGEST_PAYLOAD];
        let length = self.encoder.encode(frame, &mut octets).unwrap_or(0);
        payload.extend(octets.iter().take(length));
    }

    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        // Without octets it would conceal a loss as long as its room.
        if !payload.is_empty() {
            self.append(payload, LONGEST_FRAME, samples);
        }
    }

    fn conceal(&mut self, samples: &mut Vec<i16>) {
        self.append(&[], crate::FRAME_SAMPLES, samples);
    }
}

/// Good wideband speech (RFC 7587 section 3.1.1).
const BITS_PER_SECOND: u32 = 24_000;
/// Of 10; above this the ear gains little for the time it takes.
const COMPLEXITY: u8 = 5;
/// One frame is no longer (RFC 6716 section 3.4).
const LONGEST_PAYLOAD: usize = 1275;
/// 120 ms.
const LONGEST_FRAME: usize = 120 * SAMPLE_RATE as usize / 1000;
