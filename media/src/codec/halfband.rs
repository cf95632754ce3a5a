//! Between 8,000 and 16,000 samples a second.

/// Twice as many samples; half a millisecond late.
#[derive(Debug)]
pub(super) struct Doubler(Vec<f32>);

/// Half as many samples, and nothing above half of their rate.
#[derive(Debug)]
pub(super) struct Halver {
    even: Vec<f32>,
    odd: Vec<f32>,
}

impl Doubler {
    pub(super) fn new() -> Self {
        Self(vec![0.0; PAST])
    }

    pub(super) fn double(&mut self, samples: impl Iterator<Item = i16>, doubled: &mut Vec<i16>) {
        self.0.extend(samples.map(f32::from));
        for (middle, between) in self.0.array_windows::<WINDOW>().map(filter) {
            doubled.extend([sample(middle), sample(between)]);
        }
        forget(&mut self.0);
    }
}

impl Halver {
    pub(super) fn new() -> Self {
        Self {
            even: vec![0.0; PAST],
            odd: vec![0.0; PAST],
        }
    }

    /// Of an even number of samples.
    pub(super) fn halve<'a>(&'a mut self, samples: &[i16]) -> impl Iterator<Item = i16> + 'a {
        forget(&mut self.even);
        forget(&mut self.odd);
        let (pairs, _) = samples.as_chunks::<2>();
        self.even
            .extend(pairs.iter().map(|pair| f32::from(pair[0])));
        self.odd.extend(pairs.iter().map(|pair| f32::from(pair[1])));
        // Of two neighbours the even one comes first, so it stands between this window's halves.
        let even = self.even.iter().skip(TAPS);
        let odd = self.odd.array_windows::<WINDOW>().map(filter);
        even.zip(odd)
            .map(|(even, (_, between))| sample(f32::midpoint(*even, between)))
    }
}

/// The sample before the middle of the window, and the one in the middle.
fn filter(window: &[f32; WINDOW]) -> (f32, f32) {
    let (before, after) = window.split_at(TAPS);
    let pairs = before.iter().rev().zip(after);
    let between = pairs.zip(COEFFICIENTS);
    let between = between.map(|((a, b), coefficient)| (a + b) * coefficient);
    (window[TAPS - 1], between.sum())
}

/// Keeps what the next window begins with.
fn forget(line: &mut Vec<f32>) {
    line.drain(..line.len().saturating_sub(PAST));
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates")]
fn sample(value: f32) -> i16 {
    value.round() as i16
}

/// Of the odd taps of a half-band filter: a sinc under a Kaiser window of 5, -53 dB at 3 kHz.
const COEFFICIENTS: [f32; TAPS] = [
    0.631_843, -0.196_297, 0.102, -0.058_234, 0.032_999, -0.017_529, 0.008_202, -0.002_984,
];
const TAPS: usize = 8;
const WINDOW: usize = 2 * TAPS;
const PAST: usize = WINDOW - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::{loudness, tone};

    #[test]
    fn a_tone_is_the_same_at_both_rates() {
        let wide = &mut Vec::new();
        let mut doubler = Doubler::new();
        for packet in tone(1000.0, 8000, 8000).chunks(160) {
            doubler.double(packet.iter().copied(), wide);
        }
        assert_eq!(wide.len(), 16_000);
        let loud = loudness(&wide[1000..9000], 1000.0, 16_000);
        assert!((8100.0..8300.0).contains(&loud), "{loud}");
        let image = loudness(&wide[1000..9000], 7000.0, 16_000);
        assert!(image < 10.0, "{image}");

        let mut halver = Halver::new();
        let mut narrow = Vec::new();
        for frame in wide.chunks(320) {
            narrow.extend(halver.halve(frame));
        }
        assert_eq!(narrow.len(), 8000);
        let loud = loudness(&narrow[1000..5000], 1000.0, 8000);
        assert!((8100.0..8300.0).contains(&loud), "{loud}");
    }

    #[test]
    fn nothing_is_left_of_what_is_too_high() {
        let high = tone(6000.0, 16_000, 16_000);
        let narrow: Vec<_> = Halver::new().halve(&high).collect();
        let alias = loudness(&narrow[1000..5000], 2000.0, 8000);
        assert!(alias < 20.0, "{alias}");
    }

    #[test]
    fn the_loudest_samples_stay_within_bounds() {
        let mut wide = Vec::new();
        let square = (0..800).map(|n| if n % 40 < 20 { i16::MAX } else { i16::MIN });
        Doubler::new().double(square, &mut wide);
        assert!(wide.contains(&i16::MAX) && wide.contains(&i16::MIN));
    }
}
