use std::{f64::consts::TAU, fs, path::Path};

use anyhow::{Context, Result, ensure};

/// Sound of one channel with 16 bits a sample, as it lies in a RIFF WAVE file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Samples per second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Wave {
    /// The bytes of a file with this sound.
    pub fn to_bytes(&self) -> Vec<u8> {
        let data: Vec<u8> = self
            .samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let data_length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut file = Vec::with_capacity(HEAD + data.len());
        file.extend(b"RIFF");
        file.extend((data_length + 36).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        file.extend(PCM.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(self.rate.to_le_bytes());
        file.extend((self.rate * 2).to_le_bytes());
        file.extend(2_u16.to_le_bytes());
        file.extend(16_u16.to_le_bytes());
        file.extend(b"data");
        file.extend(data_length.to_le_bytes());
        file.extend(data);
        file
    }

    /// Reads a file that a peer recorded; of several channels the first.
    pub fn read(path: &Path) -> Result<Self> {
        let file = fs::read(path).with_context(|| format!("no recording at {}", path.display()))?;
        Self::parse(&file).with_context(|| format!("{} is not 16-bit sound", path.display()))
    }

    fn parse(file: &[u8]) -> Result<Self> {
        ensure!(
            file.get(..4) == Some(b"RIFF") && file.get(8..12) == Some(b"WAVE"),
            "not a WAVE file"
        );
        let mut format = None;
        let mut rest = &file[12..];
        while let Some((head, body)) = rest.split_at_checked(8) {
            let length = u32_at(head, 4).context("a chunk without length")? as usize;
            // A recorder that was stopped early leaves a length behind that is too large.
            let chunk = body.get(..length).unwrap_or(body);
            match &head[..4] {
                b"fmt " => {
                    ensure!(chunk.get(14..16) == Some(&[16, 0]), "not 16 bits a sample");
                    let channels = chunk.get(2).filter(|channels| **channels > 0);
                    format = u32_at(chunk, 4).zip(channels.copied());
                }
                b"data" => {
                    let (rate, channels) = format.context("no format before the data")?;
                    let samples = chunk
                        .chunks_exact(2 * usize::from(channels))
                        .map(|samples| i16::from_le_bytes([samples[0], samples[1]]))
                        .collect();
                    return Ok(Self { rate, samples });
                }
                _ => {}
            }
            rest = body.get(length + length % 2..).unwrap_or_default();
        }
        anyhow::bail!("no data")
    }
}

/// A sine of `frequency` Hz at a quarter of full scale.
pub fn tone(rate: u32, frequency: f64, seconds: u32) -> Wave {
    let step = TAU * frequency / f64::from(rate);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a quarter of full scale fits"
    )]
    let samples = (0..rate * seconds)
        .map(|n| ((step * f64::from(n)).sin() * LOUDNESS) as i16)
        .collect();
    Wave { rate, samples }
}

/// The longest stretch, in seconds, through which `wave` is a loud tone of `frequency` Hz and little else.
pub fn longest_tone(wave: &Wave, frequency: f64) -> f64 {
    let window = (wave.rate / WINDOWS_PER_SECOND) as usize;
    let mut longest = 0_u32;
    let mut current = 0;
    for samples in wave.samples.chunks_exact(window.max(1)) {
        current = if is_tone(samples, wave.rate, frequency) {
            current + 1
        } else {
            0
        };
        longest = longest.max(current);
    }
    f64::from(longest) / f64::from(WINDOWS_PER_SECOND)
}

/// Compares the power at `frequency`, by Goertzel's algorithm, with the power of the whole window.
fn is_tone(samples: &[i16], rate: u32, frequency: f64) -> bool {
    let coefficient = 2.0 * (TAU * frequency / f64::from(rate)).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        (before, last) = (last, sample + coefficient * last - before);
        energy += sample * sample;
    }
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    let power = last * last + before * before - coefficient * last * before;
    let share = if energy > 0.0 {
        2.0 * power / (energy * count)
    } else {
        0.0
    };
    (energy / count).sqrt() > LOUDNESS / 4.0 && share > 0.9
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

const HEAD: usize = 44;
const PCM: u16 = 1;
const LOUDNESS: f64 = 8192.0;
/// Windows of 100 ms hold 44 periods of 440 Hz.
const WINDOWS_PER_SECOND: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        let wave = tone(8000, 440.0, 1);
        assert_eq!(Wave::parse(&wave.to_bytes())?, wave);
        Ok(())
    }

    #[test]
    fn hears_a_tone_and_its_length() {
        let mut wave = tone(8000, 440.0, 2);
        wave.samples.extend([0; 8000]);
        assert!((longest_tone(&wave, 440.0) - 2.0).abs() < 0.01);
    }

    #[test]
    fn hears_neither_silence_nor_another_tone_nor_a_whisper() {
        let silence = Wave {
            rate: 8000,
            samples: vec![0; 16_000],
        };
        let mut whisper = tone(8000, 440.0, 2);
        whisper.samples.iter_mut().for_each(|sample| *sample /= 100);
        for wave in [silence, tone(8000, 600.0, 2), whisper] {
            assert!(longest_tone(&wave, 440.0) < 0.01);
        }
    }
}
