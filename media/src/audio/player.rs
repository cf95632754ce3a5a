//! What we say.

use std::collections::VecDeque;

use super::{Audio, Frame, Key, Sound};

/// Plays a [`Sound`] from its begin, and presses keys.
#[derive(Debug)]
pub struct Player {
    sound: Sound,
    place: usize,
    keys: VecDeque<Key>,
}

impl Player {
    /// Plays `sound` and then silence.
    pub fn new(sound: Sound) -> Self {
        Self {
            sound,
            place: 0,
            keys: VecDeque::new(),
        }
    }

    /// Presses these keys as well, one after the other from the start.
    #[must_use]
    pub fn pressing(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.keys.extend(keys);
        self
    }

    /// Whether the sound was played to its end.
    pub fn is_over(&self) -> bool {
        self.sound.ends_before(self.place)
    }
}

impl Audio for Player {
    fn speak(&mut self, frame: &mut Frame) {
        self.sound.copy(self.place, frame);
        self.place += frame.len();
    }

    fn press(&mut self) -> Option<Key> {
        self.keys.pop_front()
    }
}
