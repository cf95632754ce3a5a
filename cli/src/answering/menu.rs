//! A choice of keys.

use offhook::Flow;
use offhook_media::{Audio, Frame, Key, Leg, Player, Sound};
use tokio::sync::mpsc;

use super::Cue;
use crate::configuration::Target;

/// What is played until a key is pressed, and what each key does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Menu {
    pub(crate) sound: Sound,
    pub(crate) choices: Vec<(Key, Choice)>,
}

/// What a key of a menu does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    /// The caller hears itself from now on.
    Echo,
    HangUp,
    /// The caller is sent there.
    Transfer(Target),
}

/// A menu in a call.
pub(super) struct Choosing {
    /// Without a cue the caller hears itself.
    choices: Vec<(Key, Option<Cue>)>,
    now: Box<dyn Audio>,
    cue: mpsc::Sender<Cue>,
}

impl Choosing {
    /// The menu of a call that came that way.
    pub(super) fn new(menu: &Menu, flow: &Flow, cue: mpsc::Sender<Cue>) -> Self {
        let cue_of = |(key, choice): &(Key, Choice)| match choice {
            Choice::Echo => Some((*key, None)),
            Choice::HangUp => Some((*key, Some(Cue::HangUp))),
            Choice::Transfer(target) => {
                let contact = target.contact(flow.transport, flow.local).ok()?;
                Some((*key, Some(Cue::Transfer(contact.uri))))
            }
        };
        Self {
            choices: menu.choices.iter().filter_map(cue_of).collect(),
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
        match chosen {
            Some((_, None)) => self.now = Box::new(Leg::echo()),
            // Where there is no room, the call is about to leave the menu.
            Some((_, Some(cue))) => drop(self.cue.try_send(cue.clone())),
            None => {}
        }
    }
}
