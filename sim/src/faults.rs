//! What goes wrong on the way.

use std::time::Duration;

use offhook_core::Transport;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What happens to one message: a datagram may be lost, doubled or overtaken; a stream may only
/// stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Lose,
    /// It arrives twice.
    Duplicate,
    /// It arrives right behind the next one of its direction that is not lost itself; alone after
    /// 4 s, which is less than the T4 a message may stay in the network.
    Overtake,
    /// It arrives 1.2 s late, and what is sent behind it not before it: long enough for what waits
    /// for an answer to be repeated.
    Stall,
    /// The same for 40 s: long enough for every transaction to give up.
    Freeze,
}

impl Fault {
    /// What may happen to a datagram.
    pub const DATAGRAM: [Self; 3] = [Self::Lose, Self::Duplicate, Self::Overtake];
    /// What may happen to a message on a stream.
    pub const STREAM: [Self; 2] = [Self::Stall, Self::Freeze];

    /// What may happen on a transport.
    pub const fn on(transport: Transport) -> &'static [Self] {
        if transport.is_reliable() {
            &Self::STREAM
        } else {
            &Self::DATAGRAM
        }
    }

    /// How schedules and ladders draw it.
    pub(crate) const fn sign(self) -> char {
        match self {
            Self::Lose => 'x',
            Self::Duplicate => '=',
            Self::Overtake => '~',
            Self::Stall => '.',
            Self::Freeze => ':',
        }
    }

    /// What a sign draws.
    pub(crate) fn of_sign(sign: char) -> Option<Self> {
        let mut all = Self::DATAGRAM.into_iter().chain(Self::STREAM);
        all.find(|fault| fault.sign() == sign)
    }

    /// How long a stream stands still.
    pub(crate) const fn delay(self) -> Duration {
        match self {
            Self::Stall => Duration::from_millis(1200),
            Self::Freeze => Duration::from_secs(40),
            Self::Lose | Self::Duplicate | Self::Overtake => Duration::ZERO,
        }
    }
}

/// Which messages suffer which fault. One that the transport does not know does nothing.
#[derive(Clone, Debug)]
pub enum Faults {
    /// Exactly these do. Messages are numbered from 0 in the order of sending, both directions and
    /// repetitions included.
    Schedule(Vec<(usize, Fault)>),
    /// Each does by chance, the same one for the same seed.
    Random(Box<RandomFaults>),
}

impl Faults {
    /// Faults by chance: percentages of all messages. On a stream what would be lost is sent again
    /// below, so it stalls, and nothing else happens.
    pub fn random(seed: u64, lose: u8, duplicate: u8, overtake: u8) -> Self {
        Self::Random(Box::new(RandomFaults {
            generator: ChaCha8Rng::seed_from_u64(seed),
            lose,
            duplicate,
            overtake,
        }))
    }

    pub(crate) fn of(&mut self, number: usize, transport: Transport) -> Option<Fault> {
        let fault = match self {
            Self::Schedule(faults) => faults
                .iter()
                .find_map(|(candidate, fault)| (*candidate == number).then_some(*fault)),
            Self::Random(random) => random.next(transport),
        };
        fault.filter(|fault| Fault::on(transport).contains(fault))
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
    fn next(&mut self, transport: Transport) -> Option<Fault> {
        let mut drawn = self.generator.next_u32() % 100;
        for (percentage, fault) in [self.lose, self.duplicate, self.overtake]
            .into_iter()
            .zip(Fault::DATAGRAM)
        {
            let percentage = u32::from(percentage);
            if drawn < percentage {
                let is_stall = transport.is_reliable() && fault == Fault::Lose;
                return Some(if is_stall { Fault::Stall } else { fault });
            }
            drawn -= percentage;
        }
        None
    }
}

/// Runs every schedule of at most `most` faults of these kinds that begins with `schedule`, and
/// counts them.
///
/// `run` takes a schedule and says how many messages were sent under it. What happens up to the
/// last fault of a schedule is the same under every schedule that begins with it, so adding one
/// fault behind the last reaches each schedule that can make a difference, and none twice.
pub fn every_schedule(
    schedule: &mut Vec<(usize, Fault)>,
    most: usize,
    kinds: &[Fault],
    run: &mut impl FnMut(&[(usize, Fault)]) -> usize,
) -> usize {
    let packets = run(schedule);
    let mut runs = 1;
    if schedule.len() >= most {
        return runs;
    }
    let first = schedule.last().map_or(0, |(number, _)| number + 1);
    for number in first..packets {
        for &fault in kinds {
            schedule.push((number, fault));
            runs += every_schedule(schedule, most, kinds, run);
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
        let runs = every_schedule(&mut Vec::new(), 2, &Fault::DATAGRAM, &mut |schedule| {
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
            (0..100)
                .map(|number| faults.of(number, Transport::Udp))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let drawn = draw(7);
        let lost = drawn.iter().filter(|fault| **fault == Some(Fault::Lose));
        assert!((10..30).contains(&lost.count()));
    }
}
