//! What is at our end of a call's audio.

mod end;
mod key;
mod key_tones;
mod leg;
mod player;
mod recording;
mod sound;

use std::time::Duration;

pub use self::{
    end::AudioEnd,
    key::{InvalidKey, Key},
    key_tones::KeyTones,
    leg::Leg,
    player::Player,
    recording::Recording,
    sound::Sound,
};

/// 20 ms of one channel, linear, [`SAMPLE_RATE`] samples of 16 bits a second.
pub type Frame = [i16; FRAME_SAMPLES];

/// Hears the peer and speaks to it: a player, a recorder, a leg of a bridge, or what an application makes of its own.
///
/// A stream calls it with [`Frame`]s of linear audio, whatever the codec: `speak` every 20 ms while we may send, `hear`
/// for each 20 ms of the peer's audio, in order and as they come. Nothing here may block: one thread serves many calls.
///
/// Each method has a default that does nothing. Two ends in a tuple are both asked.
pub trait Audio: Send {
    /// Takes the next 20 ms of what the peer says. What was lost on the way is concealed.
    fn hear(&mut self, _frame: &Frame) {}

    /// Takes that the peer said nothing for so long before what is heard next.
    fn pause(&mut self, _length: Duration) {}

    /// Gives the next 20 ms of what the peer is to hear. `frame` is silence when it comes: an end that has nothing to
    /// say leaves it.
    fn speak(&mut self, _frame: &mut Frame) {}

    /// Takes a key that the peer pressed, once for each time it is pressed.
    fn key(&mut self, _key: Key) {}

    /// Gives the next key to press, taken when the one before it is let go. What is spoken meanwhile is not heard.
    fn press(&mut self) -> Option<Key> {
        None
    }
}

impl<A: Audio, B: Audio> Audio for (A, B) {
    fn hear(&mut self, frame: &Frame) {
        self.0.hear(frame);
        self.1.hear(frame);
    }

    fn pause(&mut self, length: Duration) {
        self.0.pause(length);
        self.1.pause(length);
    }

    fn speak(&mut self, frame: &mut Frame) {
        self.0.speak(frame);
        self.1.speak(frame);
    }

    fn key(&mut self, key: Key) {
        self.0.key(key);
        self.1.key(key);
    }

    fn press(&mut self) -> Option<Key> {
        self.0.press().or_else(|| self.1.press())
    }
}

/// Nothing is heard, and silence said.
impl Audio for () {}

/// Samples in a second: wideband speech, which is what G.722 has and Opus is asked for. PCMU and PCMA have half of it.
pub const SAMPLE_RATE: u32 = 16_000;
/// Samples in [`FRAME_TIME`].
pub const FRAME_SAMPLES: usize = 320;
/// How much audio is in a [`Frame`].
pub const FRAME_TIME: Duration = Duration::from_millis(20);
