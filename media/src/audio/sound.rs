//! What a peer is to hear.

use std::{f64::consts::TAU, sync::Arc, time::Duration};

use super::{Frame, Key, SAMPLE_RATE};
use crate::codec::resample;

/// Speech, music or a tone. Silence follows where it ends. Clones share their samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    samples: Arc<[i16]>,
    /// Whether it begins again where it ends.
    is_endless: bool,
}

impl Sound {
    /// Nothing to hear.
    pub fn silence() -> Self {
        Self::once(Vec::new())
    }

    /// One channel of 16-bit samples at [`SAMPLE_RATE`].
    pub fn once(samples: Vec<i16>) -> Self {
        Self {
            samples: samples.into(),
            is_endless: false,
        }
    }

    /// One channel of 16-bit samples, `rate` a second.
    pub fn at_rate(samples: &[i16], rate: u32) -> Self {
        Self::once(resample(samples, rate))
    }

    /// A sine of so many Hz at a quarter of full scale, without end.
    pub fn tone(frequency: u16) -> Self {
        // A whole second has a whole number of waves.
        let samples = (0..SAMPLE_RATE).map(|n| sine(frequency, n, LOUDNESS));
        Self {
            samples: samples.collect(),
            is_endless: true,
        }
    }

    /// The tone of a key for 100 ms, and as much silence.
    pub fn key(key: Key) -> Self {
        let (low, high) = key.frequencies();
        let tone = |n| sine(low, n, LOUDNESS / 2.0) + sine(high, n, LOUDNESS / 2.0);
        let mut samples: Vec<_> = (0..KEY_SAMPLES).map(tone).collect();
        samples.resize(samples.len() * 2, 0);
        Self::once(samples)
    }

    /// The same sound without end.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.is_endless = true;
        self
    }

    /// What it is, once.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// How long it is, once.
    pub fn duration(&self) -> Duration {
        let micros = self.samples.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE);
        Duration::from_micros(micros)
    }

    /// Whether nothing is to be heard from this place on.
    pub(super) fn ends_before(&self, place: usize) -> bool {
        place >= self.samples.len() && !self.is_endless
    }

    /// The samples from this place on; what is behind the end stays.
    pub(super) fn copy(&self, mut place: usize, frame: &mut Frame) {
        let mut rest = &mut frame[..];
        while !rest.is_empty() {
            if self.is_endless {
                place = place.checked_rem(self.samples.len()).unwrap_or(0);
            }
            let samples = self.samples.get(place..).unwrap_or_default();
            let count = samples.len().min(rest.len());
            let Some((written, left)) = rest.split_at_mut_checked(count) else {
                return;
            };
            let Some(samples) = samples.get(..count).filter(|it| !it.is_empty()) else {
                return;
            };
            written.copy_from_slice(samples);
            place += count;
            rest = left;
        }
    }
}

/// The `n`th sample of a sine.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no loudness in use is above full scale"
)]
fn sine(frequency: u16, n: u32, loudness: f64) -> i16 {
    let step = TAU * f64::from(frequency) / f64::from(SAMPLE_RATE);
    ((step * f64::from(n)).sin() * loudness) as i16
}

/// A quarter of full scale.
const LOUDNESS: f64 = 8192.0;
/// 100 ms.
const KEY_SAMPLES: u32 = SAMPLE_RATE / 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sound: &Sound, place: usize) -> Frame {
        let mut frame = [-1; _];
        sound.copy(place, &mut frame);
        frame
    }

    #[test]
    fn it_ends_or_begins_again() {
        let sound = Sound::once((0..400).collect());
        assert_eq!(frame(&sound, 0)[..], (0..320).collect::<Vec<_>>());
        let last = frame(&sound, 320);
        assert_eq!(last[..80], (320..400).collect::<Vec<_>>());
        assert_eq!(last[80..], [-1; 240]);
        assert!(!sound.ends_before(399) && sound.ends_before(400));

        let sound = sound.repeated();
        let last = frame(&sound, 320 + 400);
        assert_eq!(last[80..], (0..240).collect::<Vec<_>>());
        assert_eq!(frame(&Sound::silence().repeated(), 9), [-1; _]);
    }

    #[test]
    fn it_has_a_length() {
        assert_eq!(Sound::tone(440).duration(), Duration::from_secs(1));
        let sound = Sound::at_rate(&vec![0; 22_050], 44_100);
        assert_eq!(sound.duration(), Duration::from_millis(500));
    }
}
