//! What we hear of a peer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Audio, Frame, SAMPLE_RATE};

/// What the peer says, [`SAMPLE_RATE`] samples of 16 bits a second. Clones are the same recording.
#[derive(Clone, Debug)]
pub struct Recording {
    samples: Arc<Mutex<Vec<i16>>>,
    most: usize,
}

impl Recording {
    /// An empty recording that ends when it is this long.
    pub fn up_to(longest: Duration) -> Self {
        Self {
            samples: Arc::default(),
            most: count(longest),
        }
    }

    /// What was heard so far.
    pub fn samples(&self) -> Vec<i16> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i16>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audio for Recording {
    fn hear(&mut self, frame: &Frame) {
        let mut samples = self.lock();
        let room = self.most.saturating_sub(samples.len());
        samples.extend(frame.iter().take(room));
    }

    fn pause(&mut self, length: Duration) {
        let mut samples = self.lock();
        let end = samples.len().saturating_add(count(length)).min(self.most);
        samples.resize(end, 0);
    }
}

/// The samples of this time.
fn count(time: Duration) -> usize {
    let count = time.as_millis() * u128::from(SAMPLE_RATE) / 1000;
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_no_longer_than_asked_for() {
        let mut recording = Recording::up_to(Duration::from_millis(50));
        (0..10).for_each(|_| recording.hear(&[7; _]));
        assert_eq!(recording.samples(), [7; 800]);
        recording.pause(Duration::MAX);
        assert_eq!(recording.samples().len(), 800);
    }

    #[test]
    fn a_pause_is_silence() {
        let mut recording = Recording::up_to(Duration::MAX);
        recording.pause(Duration::from_millis(10));
        recording.hear(&[7; _]);
        assert_eq!(
            recording.samples()[..161],
            [[0; 160].as_slice(), &[7]].concat()
        );
    }
}
