//! What we hear of a caller.

use std::sync::{Arc, Mutex, PoisonError};

/// The speech of a call: 8,000 samples of 16 bits a second, one hour at most. Clones are the same
/// recording.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Mutex<Track>>);

#[derive(Debug, Default)]
struct Track {
    samples: Vec<i16>,
    /// The RTP timestamp of the first sample.
    start: Option<u32>,
}

impl Recording {
    /// What was heard so far. Packets that were lost are silence.
    pub fn samples(&self) -> Vec<i16> {
        let track = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        track.samples.clone()
    }

    pub(crate) fn put(&self, timestamp: u32, samples: impl Iterator<Item = i16>) {
        let mut track = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        track.put(timestamp, samples);
    }
}

impl Track {
    fn put(&mut self, timestamp: u32, samples: impl Iterator<Item = i16>) {
        let end = self.samples.len();
        let start = self.start.get_or_insert(timestamp);
        let mut place = timestamp.wrapping_sub(*start) as usize;
        if place > end + LONGEST_GAP {
            // Another sender, whose clock began elsewhere.
            place = end;
            *start = timestamp.wrapping_sub(u32::try_from(end).unwrap_or(0));
        }
        for sample in samples {
            if place >= LONGEST {
                return;
            }
            if place >= self.samples.len() {
                self.samples.resize(place + 1, 0);
            }
            if let Some(kept) = self.samples.get_mut(place) {
                *kept = sample;
            }
            place += 1;
        }
    }
}

/// One hour.
const LONGEST: usize = 3600 * 8000;
/// Ten seconds, as when somebody holds the call.
const LONGEST_GAP: usize = 10 * 8000;

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(packets: &[(u32, &[i16])]) -> Vec<i16> {
        let recording = Recording::default();
        for (timestamp, samples) in packets {
            recording.put(*timestamp, samples.iter().copied());
        }
        recording.samples()
    }

    #[test]
    fn packets_go_to_their_places() {
        let last = u32::MAX;
        assert_eq!(
            recorded(&[(last, &[1, 2]), (5, &[7]), (1, &[3, 4])]),
            [1, 2, 3, 4, 0, 0, 7]
        );
    }

    #[test]
    fn another_clock_goes_on_where_the_last_ended() {
        assert_eq!(
            recorded(&[
                (9, &[1, 2]),
                (1_000_000, &[3]),
                (1_000_001, &[4]),
                (0, &[5])
            ]),
            [1, 2, 3, 4, 5]
        );
    }
}
