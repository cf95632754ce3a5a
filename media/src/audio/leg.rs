//! Two calls that hear each other.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Audio, Frame, Key};

/// One leg of a bridge: what one leg hears, the other speaks. Keys go through as well.
///
/// The codecs of the two calls may differ. The delay is 40 ms, and 160 ms at most: a leg that hears faster than the
/// other speaks loses what is oldest.
#[derive(Debug)]
pub struct Leg {
    heard: Arc<Mutex<Queue>>,
    to_say: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Box<Frame>>,
    /// Whether frames go out; not until some are there to bridge the next that are late.
    is_flowing: bool,
    keys: VecDeque<Key>,
}

impl Leg {
    /// Both legs of a new bridge.
    pub fn pair() -> (Self, Self) {
        let (one, other) = (Arc::default(), Arc::default());
        let first = Self {
            heard: Arc::clone(&one),
            to_say: Arc::clone(&other),
        };
        let second = Self {
            heard: other,
            to_say: one,
        };
        (first, second)
    }

    /// A leg that is bridged to itself: the peer hears itself.
    pub fn echo() -> Self {
        let queue = Arc::default();
        Self {
            heard: Arc::clone(&queue),
            to_say: queue,
        }
    }

    /// Whether the other leg is gone; of an echo never.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.heard) == 1
    }
}

impl Audio for Leg {
    fn hear(&mut self, frame: &Frame) {
        let mut queue = lock(&self.heard);
        if queue.frames.len() == MOST_FRAMES {
            queue.frames.pop_front();
        }
        queue.frames.push_back(Box::new(*frame));
        queue.is_flowing |= queue.frames.len() >= FIRST_FRAMES;
    }

    fn speak(&mut self, frame: &mut Frame) {
        let mut queue = lock(&self.to_say);
        if !queue.is_flowing {
            return;
        }
        match queue.frames.pop_front() {
            Some(heard) => *frame = *heard,
            None => queue.is_flowing = false,
        }
    }

    fn key(&mut self, key: Key) {
        let mut queue = lock(&self.heard);
        if queue.keys.len() < MOST_KEYS {
            queue.keys.push_back(key);
        }
    }

    fn press(&mut self) -> Option<Key> {
        lock(&self.to_say).keys.pop_front()
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 40 ms: a packet that is a whole packet late is not missed.
const FIRST_FRAMES: usize = 2;
/// 160 ms.
const MOST_FRAMES: usize = 8;
const MOST_KEYS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(leg: &mut Leg) -> i16 {
        let mut frame = [0; _];
        leg.speak(&mut frame);
        frame[0]
    }

    #[test]
    fn what_one_hears_the_other_says() {
        let (mut a, mut b) = Leg::pair();
        for sample in 1..=3 {
            a.hear(&[sample; _]);
            b.hear(&[-sample; _]);
        }
        a.key(Key::try_from('7').unwrap());
        for sample in 1..=3 {
            assert_eq!((said(&mut b), said(&mut a)), (sample, -sample));
        }
        assert_eq!(b.press().map(char::from), Some('7'));
        assert_eq!((a.press(), b.press()), (None, None));
    }

    #[test]
    fn it_begins_with_two_frames_and_again_when_it_ran_dry() {
        let mut echo = Leg::echo();
        for _ in 0..2 {
            echo.hear(&[1; _]);
            assert_eq!(said(&mut echo), 0);
            echo.hear(&[2; _]);
            let heard: Vec<_> = (0..3).map(|_| said(&mut echo)).collect();
            assert_eq!(heard, [1, 2, 0]);
        }
    }

    #[test]
    fn what_is_oldest_is_lost() {
        let mut echo = Leg::echo();
        (0..1000).for_each(|sample| echo.hear(&[sample; _]));
        assert_eq!(said(&mut echo), 1000 - 8);
        (0..1000).for_each(|_| echo.key(Key::from_event(1).unwrap()));
        assert_eq!(std::iter::from_fn(|| echo.press()).count(), MOST_KEYS);
    }

    #[test]
    fn a_leg_knows_when_the_other_is_gone() {
        let (a, b) = Leg::pair();
        assert!(!a.is_alone());
        drop(b);
        assert!(a.is_alone());
        assert!(!Leg::echo().is_alone());
    }
}
