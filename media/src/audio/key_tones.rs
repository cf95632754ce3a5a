//! Keys said back as tones.

use std::collections::VecDeque;

use super::{Audio, Frame, Key, Player, Sound};

/// Says each key that it gets as the tone of that key, one after the other.
#[derive(Debug, Default)]
pub struct KeyTones {
    keys: VecDeque<Key>,
    playing: Option<Player>,
}

impl Audio for KeyTones {
    fn key(&mut self, key: Key) {
        if self.keys.len() < MOST_KEYS {
            self.keys.push_back(key);
        }
    }

    fn speak(&mut self, frame: &mut Frame) {
        if self.playing.as_ref().is_none_or(Player::is_over) {
            let next = self.keys.pop_front();
            self.playing = next.map(|key| Player::new(Sound::key(key)));
        }
        if let Some(player) = &mut self.playing {
            player.speak(frame);
        }
    }
}

/// What waits to be said; a minute is long enough to press keys ahead.
const MOST_KEYS: usize = 64;
