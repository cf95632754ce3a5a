//! What a caller hears of us.

use std::{f64::consts::TAU, sync::Arc};

/// Speech, music or a tone: 8,000 samples of 16 bits a second. Silence follows where it ends.
#[derive(Clone, Debug)]
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

    /// These samples, and then silence.
    pub fn once(samples: Vec<i16>) -> Self {
        Self {
            samples: samples.into(),
            is_endless: false,
        }
    }

    /// A sine of so many Hz at a quarter of full scale, without end.
    pub fn tone(frequency: u16) -> Self {
        let step = TAU * f64::from(frequency) / f64::from(SAMPLE_RATE);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a quarter of full scale fits"
        )]
        let sample = |n: u32| ((step * f64::from(n)).sin() * f64::from(i16::MAX) / 4.0) as i16;
        Self {
            // A whole second has a whole number of waves.
            samples: (0..SAMPLE_RATE).map(sample).collect(),
            is_endless: true,
        }
    }

    /// The sample at this place, counted from the start.
    pub(crate) fn sample(&self, place: usize) -> i16 {
        let place = if self.is_endless {
            place.checked_rem(self.samples.len()).unwrap_or(0)
        } else {
            place
        };
        self.samples.get(place).copied().unwrap_or(0)
    }
}

/// Samples in a second.
const SAMPLE_RATE: u32 = 8000;
