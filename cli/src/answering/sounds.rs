//! What callers hear where no file is named.

use std::f64::consts::TAU;

use offhook_media::{SAMPLE_RATE, Sound};

/// A few plucked notes, and a second of silence.
pub(crate) fn melody() -> Sound {
    let notes = NOTES.iter().flat_map(|frequency| note(*frequency));
    let pause = (0..SAMPLE_RATE).map(|_| 0);
    Sound::once(notes.chain(pause).collect())
}

/// After this the caller speaks.
pub(super) fn beep() -> Sound {
    tone_and_silence(1000, SAMPLE_RATE / 5, SAMPLE_RATE / 5)
}

/// One second in five, while nobody is there.
pub(super) fn ringing() -> Sound {
    tone_and_silence(425, SAMPLE_RATE, 5 * SAMPLE_RATE).repeated()
}

fn tone_and_silence(frequency: u16, tone: u32, whole: u32) -> Sound {
    let mut samples = Sound::tone(frequency).samples().to_vec();
    samples.truncate(tone as usize);
    samples.resize(whole as usize, 0);
    Sound::once(samples)
}

fn note(frequency: f64) -> impl Iterator<Item = i16> {
    let rate = f64::from(SAMPLE_RATE);
    (0..NOTE).map(move |n| {
        let seconds = f64::from(n) / rate;
        let wave =
            (TAU * frequency * seconds).sin() + (2.0 * TAU * frequency * seconds).sin() / 4.0;
        let begin = (seconds * 200.0).min(1.0);
        let end = (f64::from(NOTE - n) / rate * 200.0).min(1.0);
        sample(wave * begin * end * (-3.0 * seconds).exp() * LOUDNESS)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates")]
fn sample(value: f64) -> i16 {
    value as i16
}

/// C, E, G, C, G, E, C, in Hz.
const NOTES: [f64; 7] = [523.25, 659.26, 783.99, 1046.5, 783.99, 659.26, 523.25];
/// A third of a second.
const NOTE: u32 = SAMPLE_RATE / 3;
const LOUDNESS: f64 = 9000.0;
