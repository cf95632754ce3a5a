//! What we hear of a peer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Audio, Frame, SAMPLE_RATE};

/// What the peer says, [`SAMPLE_RATE`] samples of 16 bits a second. Clones are the same recording.
///
/// It takes memory for what was said and not for the pauses, so that a few packets far apart are no burden.
#[derive(Clone, Debug)]
pub struct Recording {
    heard: Arc<Mutex<Heard>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Heard {
    /// The samples without the pauses.
    samples: Vec<i16>,
    /// Behind how many samples they are, and how long.
    pauses: Vec<(usize, usize)>,
    /// With the pauses.
    length: usize,
}

impl Recording {
    /// An empty recording that ends when it is this long.
    pub fn up_to(longest: Duration) -> Self {
        Self {
            heard: Arc::default(),
            most: count(longest),
        }
    }

    /// What was heard so far, with silence in the pauses.
    pub fn samples(&self) -> Vec<i16> {
        let heard = self.lock();
        let mut samples = Vec::with_capacity(heard.length);
        let mut rest = heard.samples.as_slice();
        let mut place = 0;
        for (end, pause) in &heard.pauses {
            let (before, behind) = rest.split_at(end - place);
            samples.extend(before);
            samples.resize(samples.len() + pause, 0);
            (rest, place) = (behind, *end);
        }
        samples.extend(rest);
        samples
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audio for Recording {
    fn hear(&mut self, frame: &Frame) {
        let mut heard = self.lock();
        let room = frame.len().min(self.most.saturating_sub(heard.length));
        heard.samples.extend(frame.iter().take(room));
        heard.length += room;
    }

    fn pause(&mut self, length: Duration) {
        let mut heard = self.lock();
        let pause = count(length).min(self.most.saturating_sub(heard.length));
        if pause > 0 {
            let place = heard.samples.len();
            heard.pauses.push((place, pause));
            heard.length += pause;
        }
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
        recording.pause(Duration::from_millis(5));
        recording.pause(Duration::from_millis(5));
        recording.hear(&[8; _]);
        let parts = [&[0; 160][..], &[7; 320], &[0; 160], &[8; 320]];
        assert_eq!(recording.samples(), parts.concat());
    }

    #[test]
    fn a_pause_takes_no_memory() {
        let mut recording = Recording::up_to(Duration::from_mins(1));
        for _ in 0..5 {
            recording.hear(&[7; _]);
            recording.pause(Duration::from_secs(10));
        }
        assert!(recording.lock().samples.capacity() < 10 * 320);
        assert_eq!(recording.samples().len(), 5 * (320 + 160_000));
    }
}
