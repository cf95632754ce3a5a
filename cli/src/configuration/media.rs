use std::{collections::BTreeMap, path::PathBuf};

use offhook_media::{Key, Sound};
use serde::{Deserialize, Deserializer, de::Error};

use super::target::Target;
use crate::{answering::Choice, wave};

/// What `answer` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Echo,
    Bare,
    Play,
    Record,
    Dtmf,
    Menu,
    Bridge,
}

/// A sound that is read once, with the configuration.
pub(super) struct SoundFile(pub(super) Sound);

impl<'de> Deserialize<'de> for SoundFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = PathBuf::deserialize(deserializer)?;
        let sound = wave::read(&file).map_err(|error| D::Error::custom(format!("{error:#}")))?;
        Ok(Self(sound))
    }
}

/// What the keys of a menu do.
#[derive(Debug, Default)]
pub(super) struct Choices(pub(super) Vec<(Key, Choice)>);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = BTreeMap::<String, String>::deserialize(deserializer)?;
        let choices: Result<Vec<_>, _> = table.into_iter().map(choice).collect();
        choices.map(Self).map_err(D::Error::custom)
    }
}

fn choice((key, what): (String, String)) -> Result<(Key, Choice), String> {
    let key = single(&key)
        .ok_or_else(|| format!("{key:?} is no key; expected 0 to 9, *, # or A to D"))?;
    let choice = match what.as_str() {
        "echo" => Choice::Echo,
        "hangup" => Choice::HangUp,
        _ => Choice::Transfer(Target::to(what)?),
    };
    Ok((key, choice))
}

fn single(text: &str) -> Option<Key> {
    let mut letters = text.chars();
    let key = letters.next()?.try_into().ok()?;
    letters.next().is_none().then_some(key)
}
