//! Whole sounds of any rate at ours.

use std::f32::consts::PI;

use crate::audio::SAMPLE_RATE;

/// These samples, `rate` a second, as they are at [`SAMPLE_RATE`]: filtered by a sinc under a Hann window. A rate of
/// zero has no samples.
pub(crate) fn resample(samples: &[i16], rate: u32) -> Vec<i16> {
    if rate == SAMPLE_RATE {
        return samples.to_vec();
    }
    let length = samples.len() as u64 * u64::from(SAMPLE_RATE);
    let Some(length) = length.checked_div(rate.into()) else {
        return Vec::new();
    };
    let kernel = Kernel::new(rate);
    (0..length).map(|n| kernel.sample(samples, n)).collect()
}

struct Kernel {
    rate: u64,
    /// How far the filter reaches to each side, in samples of the sound.
    reach: usize,
    /// One side of the filter, [`STEPS`] values for a sample of the sound.
    values: Vec<f32>,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nothing here is negative, and what is lost is far below a bit of a sample"
)]
impl Kernel {
    fn new(rate: u32) -> Self {
        // Above half of the lower rate nothing may pass.
        let pass = (SAMPLE_RATE as f32 / rate as f32).min(1.0) * PASS_BAND;
        let reach = (ZERO_CROSSINGS / pass).ceil().min(LONGEST_REACH) as usize;
        let count = reach * STEPS;
        let value = |step: usize| {
            let place = step as f32 / STEPS as f32;
            let window = 0.5 + 0.5 * (PI * step as f32 / count as f32).cos();
            pass * window * sinc(PI * pass * place)
        };
        Self {
            rate: rate.into(),
            reach,
            values: (0..=count).map(value).collect(),
        }
    }

    /// The `n`th sample at our rate.
    fn sample(&self, samples: &[i16], n: u64) -> i16 {
        let numerator = n * self.rate;
        let base = (numerator / u64::from(SAMPLE_RATE)) as usize;
        let fraction = (numerator % u64::from(SAMPLE_RATE)) as f32 / SAMPLE_RATE as f32;
        let offset = (fraction * STEPS as f32) as usize;
        let first = (base + 1).saturating_sub(self.reach);
        let taps = samples.iter().enumerate().skip(first).take(2 * self.reach);
        let sum: f32 = taps
            .map(|(place, sample)| {
                let step = (place * STEPS).abs_diff(base * STEPS + offset);
                f32::from(*sample) * self.values.get(step).copied().unwrap_or(0.0)
            })
            .sum();
        sum.round() as i16
    }
}

fn sinc(x: f32) -> f32 {
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// The share of the band that is kept; the filter needs the rest to fall off.
const PASS_BAND: f32 = 0.95;
const ZERO_CROSSINGS: f32 = 16.0;
/// Of a rate that is no rate of sound.
const LONGEST_REACH: f32 = 1024.0;
/// Finer than this nobody hears.
const STEPS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::{loudness, tone};

    #[test]
    fn a_tone_keeps_its_pitch_and_its_loudness() {
        for rate in [8000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            let samples = resample(&tone(1000.0, rate, rate), rate);
            assert_eq!(samples.len(), 16_000);
            let heard = loudness(&samples[4000..12_000], 1000.0, SAMPLE_RATE);
            assert!((7900.0..8400.0).contains(&heard), "{rate} Hz: {heard}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let samples = resample(&tone(12_000.0, 48_000, 48_000), 48_000);
        let heard = loudness(&samples[4000..12_000], 4000.0, SAMPLE_RATE);
        assert!(heard < 50.0, "{heard}");
    }

    #[test]
    fn an_odd_rate_is_no_trouble() {
        assert!(resample(&[1; 100], 0).is_empty());
        assert_eq!(resample(&[1; 10], 1).len(), 160_000);
        assert_eq!(resample(&vec![1; 1_000_000], u32::MAX).len(), 3);
    }
}
