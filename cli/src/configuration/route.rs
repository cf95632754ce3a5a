use std::time::Duration;

use offhook::message::Rejection;
use offhook_media::Sound;
use serde::{Deserialize, Deserializer};

use super::{
    media::{Choices, Kind, SoundFile},
    target::{self, Target},
    values::{self, Wait},
};
use crate::answering::{Menu, melody};

/// What happens to the calls for one user.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub(crate) struct Route {
    pub(crate) user: String,
    /// 180 first, then this wait.
    pub(crate) ring: Option<Duration>,
    pub(crate) outcome: Outcome,
    /// Whether the caller has to be one of the users.
    pub(crate) authenticate: bool,
}

impl Route {
    /// How long the caller waits for the final response.
    pub(crate) fn wait(&self) -> Duration {
        let early = match &self.outcome {
            Outcome::Answer(answer) => answer.early,
            Outcome::Reject(_) | Outcome::Redirect(_) => None,
        };
        self.ring.unwrap_or_default() + early.unwrap_or_default()
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Answer(Answer),
    Reject(Rejection),
    Redirect(Vec<Target>),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) media: Media,
    /// 183 with the answer, then this wait before the 200.
    pub(crate) early: Option<Duration>,
    /// Our BYE, this long after the 200.
    pub(crate) hangup_after: Option<Duration>,
    /// The caller is put on hold, this long after the 200.
    pub(crate) hold_after: Option<Duration>,
    /// The hold ends, this long after the 200.
    pub(crate) resume_after: Option<Duration>,
    /// How often the session is to be refreshed, in seconds.
    pub(crate) session_expires: Option<u32>,
    /// The caller is sent there, this long after the 200.
    pub(crate) transfer: Option<(Duration, Target)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Media {
    /// The caller's audio comes back.
    Echo,
    /// Inactive streams and no port.
    Bare,
    /// The caller hears a sound, and then we hang up.
    Play(Sound),
    /// What the caller says is written to a file, and then we hang up.
    Record,
    /// The keys that the caller presses come back as tones.
    Dtmf,
    /// The caller chooses by a key.
    Menu(Menu),
    /// Two callers are joined.
    Bridge,
}

impl TryFrom<Keys> for Route {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        if keys.user.is_empty() {
            return Err("`user` is empty; write \"*\" for every user that has no route");
        }
        Ok(Self {
            user: keys.user.clone(),
            ring: keys.ring.map(Duration::from),
            authenticate: keys.authenticate,
            outcome: keys.outcome()?,
        })
    }
}

/// The keys of a `[[route]]` before it is known that they go together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    user: String,
    ring: Option<Wait>,
    answer: Option<Kind>,
    file: Option<SoundFile>,
    choices: Option<Choices>,
    #[serde(default, deserialize_with = "reject")]
    reject: Option<Rejection>,
    redirect: Option<Vec<Target>>,
    early: Option<Wait>,
    hangup_after: Option<Wait>,
    hold_after: Option<Wait>,
    resume_after: Option<Wait>,
    #[serde(default, deserialize_with = "session_expires")]
    session_expires: Option<u32>,
    #[serde(default, deserialize_with = "target::alone")]
    transfer_to: Option<Target>,
    transfer_after: Option<Wait>,
    #[serde(default)]
    authenticate: bool,
}

impl Keys {
    fn outcome(self) -> Result<Outcome, &'static str> {
        let has_audio = self.answer.is_some_and(|kind| kind != Kind::Bare);
        if self.early.is_some() && !has_audio {
            return Err("`early` needs an `answer` with audio");
        }
        if self.hangup_after.is_some() && self.answer.is_none() {
            return Err("`hangup_after` needs `answer`");
        }
        if self.session_expires.is_some() && self.answer.is_none() {
            return Err("`session_expires` needs `answer`");
        }
        if self.hold_after.is_some() && !has_audio {
            return Err("`hold_after` needs an `answer` with audio");
        }
        if self.file.is_some() && !matches!(self.answer, Some(Kind::Play | Kind::Menu)) {
            return Err("`file` needs `answer = \"play\"` or `answer = \"menu\"`");
        }
        if self.choices.is_some() != (self.answer == Some(Kind::Menu)) {
            return Err("`answer = \"menu\"` and `choices` need each other");
        }
        let (hold_after, resume_after) = (
            self.hold_after.map(Duration::from),
            self.resume_after.map(Duration::from),
        );
        if resume_after.is_some() && resume_after <= hold_after.or(resume_after) {
            return Err("`resume_after` needs a shorter `hold_after`");
        }
        let transfer = match (self.transfer_to, self.transfer_after) {
            (Some(_), _) if self.answer.is_none() => {
                return Err("`transfer_to` needs `answer`");
            }
            (Some(target), after) => Some((after.map_or(SOON, Duration::from), target)),
            (None, Some(_)) => return Err("`transfer_after` needs `transfer_to`"),
            (None, None) => None,
        };
        match (self.answer, self.reject, self.redirect) {
            (Some(kind), None, None) => Ok(Outcome::Answer(Answer {
                media: media(kind, self.file, self.choices),
                early: self.early.map(Duration::from),
                hangup_after: self.hangup_after.map(Duration::from),
                hold_after,
                resume_after,
                session_expires: self.session_expires,
                transfer,
            })),
            (None, Some(status), None) => Ok(Outcome::Reject(status)),
            (None, None, Some(targets)) if targets.is_empty() => {
                Err("`redirect` is empty; list at least one { uri = \"sip:…\" }")
            }
            (None, None, Some(targets)) => Ok(Outcome::Redirect(targets)),
            (None, None, None) => Err("one of `answer`, `reject` and `redirect` is needed"),
            _ => Err("only one of `answer`, `reject` and `redirect` can be set"),
        }
    }
}

fn media(kind: Kind, file: Option<SoundFile>, choices: Option<Choices>) -> Media {
    let sound = || file.map_or_else(melody, |file| file.0);
    match kind {
        Kind::Echo => Media::Echo,
        Kind::Bare => Media::Bare,
        Kind::Play => Media::Play(sound()),
        Kind::Record => Media::Record,
        Kind::Dtmf => Media::Dtmf,
        Kind::Menu => Media::Menu(Menu {
            sound: sound(),
            choices: choices.unwrap_or_default().0,
        }),
        Kind::Bridge => Media::Bridge,
    }
}

fn session_expires<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    values::read(
        deserializer,
        "a number of seconds from 90 to 86400",
        |value| {
            let seconds = u32::try_from(value.as_integer()?).ok()?;
            (90..=86_400).contains(&seconds).then_some(Some(seconds))
        },
    )
}

fn reject<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rejection>, D::Error> {
    values::read(deserializer, "a status from 400 to 699", |value| {
        let code = u16::try_from(value.as_integer()?).ok()?;
        Rejection::new(code).map(Some)
    })
}

/// When a caller is transferred unless told.
const SOON: Duration = Duration::from_secs(1);
