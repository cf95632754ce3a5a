//! Sound files: RIFF WAVE with samples of 16 bits.

use std::{fs::OpenOptions, path::Path, time::Duration};

use anyhow::{Context, ensure};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use offhook_media::{SAMPLE_RATE, Sound};

/// The sound of a file of any rate; of several channels the first is heard.
pub(crate) fn read(file: &Path) -> anyhow::Result<Sound> {
    let name = file.display();
    let reader = WavReader::open(file).with_context(|| format!("{name} cannot be played"))?;
    let spec = reader.spec();
    ensure!(
        (spec.sample_format, spec.bits_per_sample) == (SampleFormat::Int, 16),
        "{name} has {} bits a sample; 16 of a whole number are wanted, as `sox IN.wav -b 16 -e \
         signed-integer OUT.wav` makes it",
        spec.bits_per_sample
    );
    let rate = spec.sample_rate;
    let samples = reader.into_samples().step_by(spec.channels.max(1).into());
    let samples: Result<Vec<i16>, _> = samples.collect();
    let samples = samples.with_context(|| format!("{name} breaks off"))?;
    Ok(Sound::at_rate(&samples, rate))
}

/// Sees that a file can be written, whose content stays until then.
pub(crate) fn prepare(file: &Path) -> anyhow::Result<()> {
    if !file.exists() {
        return write(file, &[]);
    }
    let opened = OpenOptions::new().append(true).open(file).map(drop);
    opened.with_context(|| format!("{} cannot be written", file.display()))
}

/// Writes a file of these samples.
pub(crate) fn write(file: &Path, samples: &[i16]) -> anyhow::Result<()> {
    let name = file.display();
    write_all(file, samples).with_context(|| format!("{name} cannot be written"))
}

fn write_all(file: &Path, samples: &[i16]) -> hound::Result<()> {
    let mut writer = WavWriter::create(file, SPEC)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()
}

const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};
/// What is recorded.
pub(crate) const LONGEST: Duration = Duration::from_hours(1);
