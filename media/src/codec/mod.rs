//! Codecs: between frames of linear audio and the payloads of RTP packets.

mod framer;
mod g711;
mod g722;
mod halfband;
#[cfg(feature = "opus")]
mod opus;
mod resample;

pub(crate) use self::{framer::Framer, resample::resample};
use self::{g711::G711, g722::G722};
use crate::audio::Frame;

/// An encoder and a decoder of one stream. Both remember what went before.
pub trait Codec: Send {
    /// Appends the payload of the next 20 ms.
    fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>);

    /// Appends the samples of a payload, [`SAMPLE_RATE`](crate::SAMPLE_RATE) a second. A payload may have any length of
    /// time; one that makes no sense gives silence or nothing.
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>);

    /// Appends 20 ms in the place of what was lost: silence, unless the codec knows better.
    fn conceal(&mut self, samples: &mut Vec<i16>) {
        samples.extend([0; crate::FRAME_SAMPLES]);
    }
}

/// A codec as session descriptions name it (RFC 3551 section 6, RFC 7587).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// G.711 μ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716), of which we send one channel.
    #[cfg(feature = "opus")]
    Opus,
}

impl Encoding {
    /// Every encoding that is built in, those with the better sound first.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "opus")]
        Self::Opus,
        Self::G722,
        Self::Pcmu,
        Self::Pcma,
    ];

    /// What an `a=rtpmap` line says: name, clock rate, and where there are several the channels. Opus always says two.
    pub const fn mapping(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
            Self::G722 => "G722/8000",
            #[cfg(feature = "opus")]
            Self::Opus => "opus/48000/2",
        }
    }

    /// The encoding name of an `a=rtpmap` line.
    pub fn name(self) -> &'static str {
        self.mapping().split('/').next().unwrap_or_default()
    }

    /// Ticks of the RTP timestamp in a second. G.722 has 8,000 though it is sampled twice as fast
    /// ([RFC 3551 §4.5.2](https://www.rfc-editor.org/rfc/rfc3551#section-4.5.2)).
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8000,
            #[cfg(feature = "opus")]
            Self::Opus => 48_000,
        }
    }

    /// The payload type of RFC 3551 section 6, or the one we offer where that has none.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            #[cfg(feature = "opus")]
            Self::Opus => 111,
        }
    }

    /// Whether each octet of a payload is one tick of the clock, and a payload may be cut anywhere.
    pub(crate) const fn is_divisible(self) -> bool {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => true,
            #[cfg(feature = "opus")]
            Self::Opus => false,
        }
    }

    /// A new encoder and decoder.
    pub fn codec(self) -> Box<dyn Codec> {
        match self {
            Self::Pcmu => Box::new(G711::new(g711::Law::Mu)),
            Self::Pcma => Box::new(G711::new(g711::Law::A)),
            Self::G722 => Box::<G722>::default(),
            #[cfg(feature = "opus")]
            Self::Opus => Box::new(opus::Opus::new()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;
    use crate::{FRAME_SAMPLES, SAMPLE_RATE};

    /// A sine of 8,192 at most.
    #[expect(clippy::cast_possible_truncation, reason = "it fits")]
    pub(crate) fn tone(frequency: f64, rate: u32, samples: u32) -> Vec<i16> {
        let step = TAU * frequency / f64::from(rate);
        let sample = |n| ((step * f64::from(n)).sin() * 8192.0) as i16;
        (0..samples).map(sample).collect()
    }

    /// The peak of the sine of this frequency that is in `samples` (Goertzel).
    pub(crate) fn loudness(samples: &[i16], frequency: f64, rate: u32) -> f64 {
        let coefficient = 2.0 * (TAU * frequency / f64::from(rate)).cos();
        let (mut before, mut last) = (0.0, 0.0);
        for &sample in samples {
            (before, last) = (last, f64::from(sample) + coefficient * last - before);
        }
        let power = last * last + before * before - coefficient * last * before;
        let count = u32::try_from(samples.len()).unwrap();
        2.0 * power.sqrt() / f64::from(count)
    }

    #[test]
    fn each_codec_says_what_it_hears() {
        for &encoding in Encoding::ALL {
            let mut codec = encoding.codec();
            let samples = &mut Vec::new();
            for frame in tone(440.0, SAMPLE_RATE, 16_000).as_chunks().0 {
                let mut payload = Vec::new();
                codec.encode(frame, &mut payload);
                assert!(payload.len() <= 160, "{encoding:?}");
                codec.decode(&payload, samples);
            }
            assert_eq!(samples.len(), 16_000, "{encoding:?}");
            let heard = loudness(&samples[8000..], 440.0, SAMPLE_RATE);
            assert!((7400.0..9000.0).contains(&heard), "{encoding:?}: {heard}");
        }
    }

    #[test]
    fn what_is_lost_is_20_ms_long() {
        for &encoding in Encoding::ALL {
            let mut samples = Vec::new();
            encoding.codec().conceal(&mut samples);
            assert_eq!(samples.len(), FRAME_SAMPLES, "{encoding:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_gives_no_more_than_it_could(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1400), 1..8)) {
            for &encoding in Encoding::ALL {
                let mut codec = encoding.codec();
                for payload in &payloads {
                    let mut samples = Vec::new();
                    codec.decode(payload, &mut samples);
                    prop_assert!(samples.len() <= 2 * payload.len().max(960));
                }
            }
        }

        #[test]
        fn frames_are_cut_in_order(lengths in prop::collection::vec(0..1000_usize, 1..20)) {
            let mut framer = Framer::default();
            let (mut next, mut heard) = (0_i16, Vec::<i16>::new());
            for length in lengths {
                let samples = (0..length).map(|_| { next = next.wrapping_add(1); next });
                framer.samples().extend(samples);
                framer.drain(|frame| heard.extend(frame));
                prop_assert!(framer.samples().len() < FRAME_SAMPLES);
            }
            prop_assert!(heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
        }
    }
}
