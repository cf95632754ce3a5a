//! Packets in the order of their sequence numbers.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Holds packets that came before one that is missing: a few of them, and not for long.
#[derive(Debug)]
pub(crate) struct Reorder<P> {
    /// The sequence number that comes next.
    next: u16,
    /// Packets behind a gap, in order, and when they came.
    held: VecDeque<(u16, Instant, P)>,
}

impl<P> Reorder<P> {
    /// `first` is the sequence number that the first packet has.
    pub(crate) fn new(first: u16) -> Self {
        Self {
            next: first,
            held: VecDeque::new(),
        }
    }

    /// Takes a packet, and gives those whose turn it is. One that comes twice or too late is dropped.
    pub(crate) fn put(&mut self, sequence: u16, packet: P, now: Instant, give: &mut impl FnMut(P)) {
        let ahead = sequence.wrapping_sub(self.next);
        if ahead == 0 {
            self.next = sequence.wrapping_add(1);
            give(packet);
            return self.give_next(give);
        }
        if ahead.wrapping_neg() < LATEST {
            return;
        }
        if ahead > FARTHEST {
            // The peer counts anew.
            self.give_all(give);
            self.next = sequence.wrapping_add(1);
            return give(packet);
        }
        let next = self.next;
        let place = self
            .held
            .partition_point(|it| it.0.wrapping_sub(next) < ahead);
        if self.held.get(place).is_some_and(|it| it.0 == sequence) {
            return;
        }
        self.held.insert(place, (sequence, now, packet));
        if self.held.len() > MOST_HELD {
            self.skip(give);
        }
    }

    /// Whether packets are held.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives up on what is missing for too long.
    pub(crate) fn flush(&mut self, now: Instant, give: &mut impl FnMut(P)) {
        let is_late = |(_, since, _): &(_, _, P)| now.duration_since(*since) >= LONGEST_WAIT;
        while self.held.iter().any(is_late) {
            self.skip(give);
        }
    }

    /// Goes on behind the first gap.
    fn skip(&mut self, give: &mut impl FnMut(P)) {
        if let Some((sequence, ..)) = self.held.front() {
            self.next = *sequence;
        }
        self.give_next(give);
    }

    fn give_next(&mut self, give: &mut impl FnMut(P)) {
        while let Some((.., packet)) = self.held.pop_front_if(|it| it.0 == self.next) {
            self.next = self.next.wrapping_add(1);
            give(packet);
        }
    }

    fn give_all(&mut self, give: &mut impl FnMut(P)) {
        while !self.held.is_empty() {
            self.skip(give);
        }
    }
}

/// More than this behind a gap, and it is not waited for: 80 ms of packets of 20 ms.
const MOST_HELD: usize = 4;
const LONGEST_WAIT: Duration = Duration::from_millis(80);
/// A number so far behind is late, not new.
const LATEST: u16 = 100;
/// A number so far ahead is of another count.
const FARTHEST: u16 = 1000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(first: u16, sequences: &[u16]) -> Vec<u16> {
        let mut reorder = Reorder::new(first);
        let mut given = Vec::new();
        for sequence in sequences {
            reorder.put(*sequence, *sequence, Instant::now(), &mut |it| {
                given.push(it);
            });
        }
        given
    }

    #[test]
    fn neighbours_change_places_again() {
        assert_eq!(given(1, &[1, 3, 2, 4]), [1, 2, 3, 4]);
        assert_eq!(
            given(65_534, &[65_534, 0, 1, 65_535, 2]),
            [65_534, 65_535, 0, 1, 2]
        );
    }

    #[test]
    fn what_comes_twice_or_late_is_dropped() {
        assert_eq!(given(1, &[1, 1, 3, 3, 2, 2, 1]), [1, 2, 3]);
    }

    #[test]
    fn a_lost_packet_is_not_waited_for_for_ever() {
        assert_eq!(given(1, &[1, 3, 4, 5, 6]), [1]);
        assert_eq!(given(1, &[1, 3, 4, 5, 6, 7, 2, 8]), [1, 3, 4, 5, 6, 7, 8]);

        let start = Instant::now();
        let mut reorder = Reorder::new(1);
        let mut given = Vec::new();
        reorder.put(2, 2, start, &mut |it| given.push(it));
        reorder.flush(start + LONGEST_WAIT / 2, &mut |it| given.push(it));
        assert_eq!(given, []);
        reorder.flush(start + LONGEST_WAIT, &mut |it| given.push(it));
        assert_eq!(given, [2]);
    }

    #[test]
    fn a_second_gap_is_waited_for_as_long_as_the_first() {
        let start = Instant::now();
        let mut reorder = Reorder::new(1);
        let mut given = Vec::new();
        reorder.put(2, 2, start, &mut |it| given.push(it));
        let later = start + LONGEST_WAIT / 2;
        reorder.put(4, 4, later, &mut |it| given.push(it));
        reorder.flush(start + LONGEST_WAIT, &mut |it| given.push(it));
        assert_eq!(given, [2]);
        reorder.flush(later + LONGEST_WAIT / 2, &mut |it| given.push(it));
        reorder.put(3, 3, later, &mut |it| given.push(it));
        assert_eq!(given, [2, 3, 4]);
    }

    #[test]
    fn another_count_begins_at_once() {
        assert_eq!(
            given(1, &[1, 3, 30_000, 30_001, 2]),
            [1, 3, 30_000, 30_001, 2]
        );
    }

    proptest! {
        #[test]
        fn order_is_kept_and_little_is_held(first in any::<u16>(), steps in prop::collection::vec(-3..6_i16, 0..300)) {
            let mut reorder = Reorder::new(first);
            let (mut now, mut at, mut given) = (Instant::now(), 0_i16, Vec::new());
            for step in steps {
                at += step;
                now += Duration::from_millis(20);
                let sequence = first.wrapping_add_signed(at);
                reorder.put(sequence, at, now, &mut |it| given.push(it));
                reorder.flush(now, &mut |it| given.push(it));
                prop_assert!(reorder.held.len() <= MOST_HELD);
            }
            // Nothing but a new count goes back, and that only from far behind.
            prop_assert!(given.windows(2).all(|pair| pair[1] > pair[0] || pair[0] - pair[1] >= 100));
        }

        #[test]
        fn any_numbers_are_taken(sequences in prop::collection::vec(any::<u16>(), 0..300)) {
            let given = given(0, &sequences);
            prop_assert!(given.len() <= sequences.len());
        }
    }
}
