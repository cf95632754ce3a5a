//! The life of a session without a refresh
//! ([RFC 4028](https://www.rfc-editor.org/rfc/rfc4028)).

use std::time::{Duration, Instant};

use offhook_message::{Body, Refresher, ValueWriter};

use crate::timers::Deadline;

/// What a 2xx says of the session timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) seconds: u32,
    pub(crate) refresher: Party,
}

/// An agreed session timer. It lies in each session, and an [`Agreement`] in it would take 8 octets more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    pub(crate) seconds: u32,
    pub(crate) refresher: Party,
    /// When to refresh, or when to give the session up. A refresh moves it.
    pub(crate) due: Deadline,
    /// Whether somebody on the way refused less (422), so that Min-SE says it from then on.
    pub(crate) is_least: bool,
    /// How often we have tried to refresh it since that succeeded.
    pub(crate) attempts: u8,
}

/// Marks a session whose peer takes no UPDATE: where we refresh it, we do so by re-INVITE. Until the 2xx to
/// an INVITE of ours says which peer that is, each may be one.
#[derive(Debug, Default)]
pub(crate) struct RefreshByInvite {
    /// Our last session description, which the re-INVITE repeats.
    pub(crate) description: Option<Body>,
}

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Us,
    Peer,
}

impl Party {
    /// Who is meant where a message says this, in a transaction in which we have that part.
    pub(crate) fn of(refresher: Refresher, ours: Refresher) -> Self {
        if refresher == ours {
            Self::Us
        } else {
            Self::Peer
        }
    }
}

impl Agreement {
    /// Writes the value of Session-Expires, in a transaction in which we have that part.
    pub(crate) fn write(self, value: &mut ValueWriter<'_>, ours: Refresher) {
        value.put_number(self.seconds.into());
        let is_uac = Party::of(Refresher::Uac, ours) == self.refresher;
        value.put(if is_uac {
            b";refresher=uac"
        } else {
            b";refresher=uas"
        });
    }
}

impl SessionTimer {
    /// One that begins now, in the place of another or as the first.
    pub(crate) fn new(before: Option<Self>, agreed: Agreement, now: Instant) -> Self {
        let life = Duration::from_secs(agreed.seconds.into());
        // §10: the refresher is early by half, and the other one gives up a little before the end.
        let after = match agreed.refresher {
            Party::Us => life / 2,
            Party::Peer => life.saturating_sub((life / 3).min(LAST_CALL)),
        };
        let due = before.map(|before| before.due);
        let Agreement { seconds, refresher } = agreed;
        Self {
            seconds,
            refresher,
            due: Deadline::replacing(due, now + after),
            is_least: before.is_some_and(|before| before.is_least),
            attempts: 0,
        }
    }

    pub(crate) fn agreed(&self) -> Agreement {
        let Self {
            seconds, refresher, ..
        } = *self;
        Agreement { seconds, refresher }
    }
}

/// How long before its end a session that nobody refreshed gets its BYE, at the most
/// ([RFC 4028 §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)).
const LAST_CALL: Duration = Duration::from_secs(32);
