//! What we say.

use std::collections::VecDeque;

use super::{Audio, Frame, Key, Sound};

/// Plays a [`Sound`] from its begin, and presses keys.
///
/// It begins when the stream may send: with the pair of descriptions, before the 200 is out, or where the handler is
/// [wary](crate::AudioHandler::wary) with the ACK. An [`AudioEnd`](crate::AudioEnd) takes it away: to learn that it is
/// over, put it into an [`Audio`] of yours that asks [`Player::is_over`] as it speaks.
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
