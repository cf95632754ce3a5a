//! What goes wrong on the way.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What happens to one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Lose,
    /// It arrives twice.
    Duplicate,
    /// It arrives right behind the next one of its direction that is not lost itself; alone after
    /// 4 s, which is less than the T4 a message may stay in the network.
    Overtake,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lose, Self::Duplicate, Self::Overtake];
}

/// Which datagrams suffer which fault. A stream has none.
#[derive(Clone, Debug, Default)]
pub enum Faults {
    /// None does.
    #[default]
    None,
    /// Exactly these do. Packets are numbered from 0 in the order of sending, both directions and
    /// repetitions included.
    Schedule(Vec<(usize, Fault)>),
    /// Each does by chance, the same one for the same seed.
    Random(Box<RandomFaults>),
}

impl Faults {
    /// Faults by chance: percentages of all packets.
    pub fn random(seed: u64, lose: u8, duplicate: u8, overtake: u8) -> Self {
        Self::Random(Box::new(RandomFaults {
            generator: ChaCha8Rng::seed_from_u64(seed),
            lose,
            duplicate,
            overtake,
        }))
    }

    pub(crate) fn of(&mut self, number: usize) -> Option<Fault> {
        match self {
            Self::None => None,
            Self::Schedule(faults) => faults
                .iter()
                .find_map(|(candidate, fault)| (*candidate == number).then_some(*fault)),
            Self::Random(random) => random.next(),
        }
    }
}

/// A seeded source of faults.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    generator: ChaCha8Rng,
    lose: u8,
    duplicate: u8,
    overtake: u8,
}

impl RandomFaults {
    fn next(&mut self) -> Option<Fault> {
        let mut drawn = self.generator.next_u32() % 100;
        for (percentage, fault) in [self.lose, self.duplicate, self.overtake]
            .into_iter()
            .zip(Fault::ALL)
        {
            let percentage = u32::from(percentage);
            if drawn < percentage {
                return Some(fault);
            }
            drawn -= percentage;
        }
        None
    }
}

/// Runs every schedule of at most `most` faults, and counts them.
///
/// `run` takes a schedule and says how many packets were sent under it. What happens up to the
/// last fault of a schedule is the same under every schedule that begins with it, so adding one
/// fault behind the last reaches each schedule that can make a difference, and none twice.
pub fn every_schedule(most: usize, mut run: impl FnMut(&[(usize, Fault)]) -> usize) -> usize {
    extend(&mut Vec::with_capacity(most), most, &mut run)
}

fn extend(
    schedule: &mut Vec<(usize, Fault)>,
    most: usize,
    run: &mut impl FnMut(&[(usize, Fault)]) -> usize,
) -> usize {
    let packets = run(schedule);
    let mut runs = 1;
    if schedule.len() == most {
        return runs;
    }
    let first = schedule.last().map_or(0, |(number, _)| number + 1);
    for number in first..packets {
        for fault in Fault::ALL {
            schedule.push((number, fault));
            runs += extend(schedule, most, run);
            schedule.pop();
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_is_run_once() {
        let mut seen = Vec::new();
        let runs = every_schedule(2, |schedule| {
            seen.push(schedule.to_vec());
            3
        });
        assert_eq!(runs, 1 + 9 + 27, "none, three packets, three pairs of them");
        assert_eq!(seen.len(), runs);
        for (index, schedule) in seen.iter().enumerate() {
            assert!(!seen[..index].contains(schedule), "{schedule:?}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let draw = |seed| {
            let mut faults = Faults::random(seed, 20, 10, 10);
            (0..100).map(|number| faults.of(number)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let drawn = draw(7);
        let lost = drawn.iter().filter(|fault| **fault == Some(Fault::Lose));
        assert!((10..30).contains(&lost.count()));
    }
}
