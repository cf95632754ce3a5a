//! A choice of keys.

use offhook_media::{Audio, Frame, Key, Leg, Player, Sound};
use tokio::sync::mpsc;

use super::Cue;

/// What is played until a key is pressed, and what each key does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Menu {
    pub(crate) sound: Sound,
    pub(crate) choices: Vec<(Key, Choice)>,
}

/// What a key of a menu does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The caller hears itself from now on.
    Echo,
    HangUp,
}

/// A menu in a call.
pub(super) struct Choosing {
    choices: Vec<(Key, Choice)>,
    now: Box<dyn Audio>,
    cue: mpsc::Sender<Cue>,
}

impl Choosing {
    pub(super) fn new(menu: &Menu, cue: mpsc::Sender<Cue>) -> Self {
        Self {
            choices: menu.choices.clone(),
            now: Box::new(Player::new(menu.sound.clone().repeated())),
            cue,
        }
    }
}

impl Audio for Choosing {
    fn hear(&mut self, frame: &Frame) {
        self.now.hear(frame);
    }

    fn speak(&mut self, frame: &mut Frame) {
        self.now.speak(frame);
    }

    fn key(&mut self, key: Key) {
        let chosen = self.choices.iter().find(|(it, _)| *it == key);
        match chosen.map(|(_, choice)| choice) {
            Some(Choice::Echo) => self.now = Box::new(Leg::echo()),
            // Where there is no room, the end of the call is on its way already.
            Some(Choice::HangUp) => drop(self.cue.try_send(Cue::HangUp)),
            None => {}
        }
    }
}
