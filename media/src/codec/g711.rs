//! Speech as G.711 writes it, one octet a sample.

use super::{
    Codec,
    halfband::{Doubler, Halver},
};
use crate::audio::Frame;

/// PCMU or PCMA: 8,000 samples a second.
pub(super) struct G711 {
    law: Law,
    halver: Halver,
    doubler: Doubler,
}

impl G711 {
    pub(super) fn new(law: Law) -> Self {
        Self {
            law,
            halver: Halver::new(),
            doubler: Doubler::new(),
        }
    }
}

impl Codec for G711 {
    fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        let law = self.law;
        payload.extend(self.halver.halve(frame).map(|sample| law.encode(sample)));
    }

    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let linear = payload.iter().map(|octet| self.law.decode(*octet));
        self.doubler.double(linear, samples);
    }
}

/// The two laws of G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// PCMU.
    Mu,
    /// PCMA.
    A,
}

impl Law {
    pub(super) fn encode(self, sample: i16) -> u8 {
        let magnitude = i32::from(sample).abs().min(32_767);
        let sign = if sample < 0 { 0x80 } else { 0 };
        match self {
            Self::Mu => {
                let biased = (magnitude + MU_BIAS).min(32_767);
                !(sign | floating(biased >> 3))
            }
            Self::A => {
                // Positive samples have the sign bit here, and every other bit is inverted.
                let octet = match magnitude >> 8 {
                    0 => low_octet(magnitude >> 4),
                    _ => floating(magnitude >> 4) + 0x10,
                };
                (sign | octet) ^ A_INVERTED
            }
        }
    }

    pub(super) fn decode(self, octet: u8) -> i16 {
        let (octet, bias) = match self {
            Self::Mu => (!octet, MU_BIAS),
            Self::A => (octet ^ A_INVERTED, 0),
        };
        let exponent = i32::from(octet >> 4 & 7);
        let mantissa = i32::from(octet & 0x0f);
        let magnitude = match (self, exponent) {
            (Self::Mu, _) => (((mantissa << 3) + 0x84) << exponent) - bias,
            (Self::A, 0) => (mantissa << 4) + 8,
            (Self::A, _) => ((mantissa << 4) + 0x108) << (exponent - 1),
        };
        let sample = if octet & 0x80 == 0 {
            magnitude
        } else {
            -magnitude
        };
        i16::try_from(sample).unwrap_or(i16::MAX)
    }
}

/// Three bits of exponent and four of mantissa for a number of 5 to 12 bits.
fn floating(magnitude: i32) -> u8 {
    let exponent = (27 - magnitude.max(16).leading_zeros()).min(7);
    let mantissa = magnitude >> exponent & 0x0f;
    low_octet(mantissa) | u8::try_from(exponent).unwrap_or(7) << 4
}

fn low_octet(value: i32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

const MU_BIAS: i32 = 0x84;
const A_INVERTED: u8 = 0xd5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_octets() {
        // G.711 tables 1 and 2: silence, and the loudest sample of each sign.
        for (law, sample, octet) in [
            (Law::Mu, 0, 0xff),
            (Law::Mu, 32_767, 0x80),
            (Law::Mu, -32_768, 0x00),
            (Law::A, 0, 0xd5),
            (Law::A, 32_767, 0xaa),
            (Law::A, -32_768, 0x2a),
        ] {
            assert_eq!(law.encode(sample), octet, "{law:?} {sample}");
        }
    }

    #[test]
    fn every_octet_comes_back() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=u8::MAX {
                let again = law.encode(law.decode(octet));
                // PCMU has two zeros.
                let is_same = again == octet || (law, octet) == (Law::Mu, 0x7f);
                assert!(is_same, "{law:?} {octet:#x} {again:#x}");
            }
        }
    }

    #[test]
    fn a_sample_is_kept_within_its_step() {
        for law in [Law::Mu, Law::A] {
            for sample in (i16::MIN..=i16::MAX).step_by(7) {
                let error = i32::from(law.decode(law.encode(sample))) - i32::from(sample);
                let step = 16 + (i32::from(sample).abs() >> 5);
                assert!(error.abs() <= step, "{law:?} {sample} {error}");
            }
        }
    }
}
