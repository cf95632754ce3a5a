//! Sound files: RIFF WAVE of one channel, 8,000 samples of 16 bits a second.

use std::path::Path;

use anyhow::{Context, ensure};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// The samples of a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<i16>> {
    let name = file.display();
    let mut reader = WavReader::open(file).with_context(|| format!("{name} cannot be played"))?;
    let spec = reader.spec();
    ensure!(
        spec == SPEC,
        "{name} has {} channel(s) and {} samples of {} bits a second; one of 8000 and 16 is \
         wanted, as `sox IN.wav -r 8000 -c 1 -b 16 OUT.wav` makes it",
        spec.channels,
        spec.sample_rate,
        spec.bits_per_sample
    );
    let samples: Result<_, _> = reader.samples().take(LONGEST).collect();
    samples.with_context(|| format!("{name} breaks off"))
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
    sample_rate: 8000,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};
/// One hour.
const LONGEST: usize = 3600 * 8000;
