//! Samples in frames.

use crate::audio::{FRAME_SAMPLES, Frame};

/// Cuts what a codec decodes into frames of 20 ms. What is short of a frame waits for the next samples.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    samples: Vec<i16>,
}

impl Framer {
    /// Where to append samples.
    pub(crate) fn samples(&mut self) -> &mut Vec<i16> {
        &mut self.samples
    }

    /// Gives the frames that are complete, in order.
    pub(crate) fn drain(&mut self, mut frame: impl FnMut(&Frame)) {
        let (frames, _) = self.samples.as_chunks::<FRAME_SAMPLES>();
        let complete = frames.len() * FRAME_SAMPLES;
        frames.iter().for_each(&mut frame);
        self.samples.drain(..complete);
    }
}
