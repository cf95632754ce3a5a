//! Sessions that outlive the core that made them.

mod octets;

use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_message::{Body, Text};

use crate::dialog::{Dialog, DialogParts, OfferAnswer};
use crate::event::SessionId;
use crate::flow::{Channel, Flow, Transport};
use crate::session::{Agreement, InviteSession, Party, Phase, RefreshByInvite, Role, SessionTimer};
use crate::state::State;
use crate::timers::Deadline;
use crate::uac::{InsideError, refresh};
use octets::{Cursor, Octets};

/// A confirmed session as another core can go on with it: the dialog, the way to the peer, and the
/// session timer.
///
/// It has no credentials ([`Session::set_credentials`](crate::Session::set_credentials) gives them again), no requests that
/// were under way, no subscriptions of REFER, and no media.
///
/// The octets have a version and a checksum, which finds damage and not malice: whoever can write a
/// snapshot can send requests in the dialog. Keep it as you keep the dialog's identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// The way to the peer, on [`Channel::NONE`]. Set the channel, and the address of ours where it
    /// is another one now.
    pub flow: Flow,
    /// How long ago the snapshot was taken. The session timer counts it. Default zero.
    pub age: Duration,
    role: Role,
    dialog: DialogParts,
    timer: Option<TimerParts>,
    /// Our session description, where a refresh repeats it.
    description: Option<Body>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimerParts {
    agreed: Agreement,
    is_least: bool,
    attempts: u8,
    /// From the snapshot on.
    due_in: Duration,
}

impl SessionSnapshot {
    /// Reads what [`Session::snapshot`](crate::Session::snapshot) gave.
    ///
    /// # Errors
    ///
    /// Any octets but those of a snapshot of this version.
    pub fn read(octets: &[u8]) -> Result<Self, SnapshotError> {
        if octets.len() > LONGEST {
            return Err(SnapshotError::TooLarge);
        }
        let content = octets.strip_prefix(MAGIC);
        let (&version, content) = content
            .and_then(<[u8]>::split_first)
            .ok_or(SnapshotError::NoSnapshot)?;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let (content, sum) = content.split_last_chunk().ok_or(SnapshotError::Damaged)?;
        if u64::from_be_bytes(*sum) != checksum(content) {
            return Err(SnapshotError::Damaged);
        }
        Self::parse(&mut Cursor(content)).ok_or(SnapshotError::Damaged)
    }

    /// The Call-ID of its dialog.
    pub fn call_id(&self) -> &[u8] {
        let [call_id, ..] = &self.dialog.texts;
        call_id
    }

    fn of(session: &InviteSession, now: Instant) -> Self {
        let refresh = session.refresh_by_invite.as_ref();
        Self {
            flow: session.flow,
            age: Duration::ZERO,
            role: session.role,
            dialog: session.dialog.parts(),
            timer: session.timer.map(|timer| TimerParts {
                agreed: timer.agreed(),
                is_least: timer.is_least,
                attempts: timer.attempts,
                due_in: timer.due.at.saturating_duration_since(now),
            }),
            description: refresh.and_then(|refresh| refresh.description.clone()),
        }
    }

    fn write(&self) -> Bytes {
        let mut content = Octets::default();
        content.byte(self.role as u8);
        content.text(self.flow.transport.as_str().as_bytes());
        content.address(self.flow.local);
        content.address(self.flow.remote);
        for text in &self.dialog.texts {
            content.text(text);
        }
        content.number(self.dialog.local_cseq);
        content.optional(self.dialog.remote_cseq, Octets::number);
        content.optional(self.timer, |content, timer| {
            content.number(timer.agreed.seconds);
            content.byte(timer.agreed.refresher as u8);
            content.byte(timer.is_least.into());
            content.byte(timer.attempts);
            content.long(u64::try_from(timer.due_in.as_millis()).unwrap_or(u64::MAX));
        });
        content.optional(self.description.as_ref(), |content, description| {
            content.text(description.content_type().as_str().as_bytes());
            content.optional(description.disposition(), |content, disposition| {
                content.text(disposition.as_str().as_bytes());
            });
            content.text(description.content());
        });
        let sum = checksum(&content.0).to_be_bytes();
        let octets = [MAGIC, &[VERSION], &content.0, &sum].concat();
        octets.into()
    }

    fn parse(content: &mut Cursor<'_>) -> Option<Self> {
        let role = *[Role::Caller, Role::Callee].get(usize::from(content.byte()?))?;
        let flow = Flow {
            transport: Transport::parse(content.text()?)?,
            channel: Channel::NONE,
            local: content.address()?,
            remote: content.address()?,
        };
        let mut texts = <[Vec<u8>; 6]>::default();
        for text in &mut texts {
            *text = content.text()?.to_vec();
        }
        let dialog = DialogParts {
            texts,
            local_cseq: content.number()?,
            remote_cseq: content.optional(Cursor::number)?,
        };
        let timer = content.optional(TimerParts::parse)?;
        let description = content.optional(parse_description)?;
        let is_whole = content.0.is_empty() && dialog.is_sound();
        is_whole.then_some(Self {
            flow,
            age: Duration::ZERO,
            role,
            dialog,
            timer,
            description,
        })
    }
}

impl TimerParts {
    fn parse(content: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            agreed: Agreement {
                seconds: content.number()?,
                refresher: *[Party::Us, Party::Peer].get(usize::from(content.byte()?))?,
            },
            is_least: content.byte()? != 0,
            attempts: content.byte()?,
            due_in: Duration::from_millis(content.long()?),
        })
    }

    /// The timer as it goes on, where `age` has passed since the snapshot.
    fn into_timer(self, now: Instant, age: Duration) -> SessionTimer {
        let most = Duration::from_secs(self.agreed.seconds.into());
        let after = self.due_in.saturating_sub(age).min(most);
        SessionTimer {
            seconds: self.agreed.seconds,
            refresher: self.agreed.refresher,
            due: Deadline::new(now + after),
            is_least: self.is_least,
            attempts: self.attempts,
        }
    }
}

fn parse_description(content: &mut Cursor<'_>) -> Option<Body> {
    let content_type = str::from_utf8(content.text()?).ok()?;
    let disposition = content.optional(Cursor::text)?;
    let body = Body::new(content_type, content.text()?.to_vec()).ok()?;
    match disposition {
        Some(disposition) => {
            let disposition = str::from_utf8(disposition).ok()?;
            Some(body.with_disposition(Text::new(disposition.to_owned()).ok()?))
        }
        None => Some(body),
    }
}

/// The octets of a confirmed session.
pub(crate) fn take(state: &State, id: SessionId) -> Result<Bytes, InsideError> {
    let session = state.sessions.get(id);
    let session = session.filter(|session| matches!(session.phase, Phase::Confirmed));
    let session = session.ok_or(InsideError::NotConfirmed)?;
    if session.change.is_some() || !session.is_settled() || !session.accepted.is_empty() {
        return Err(InsideError::OfferPending);
    }
    Ok(SessionSnapshot::of(session, state.timers.now()).write())
}

/// Goes on with the session of a snapshot.
pub(crate) fn restore(
    state: &mut State,
    snapshot: SessionSnapshot,
) -> Result<SessionId, SnapshotError> {
    let dialog: Dialog = snapshot.dialog.into_dialog(&state.fingerprinter);
    if state.sessions.find(dialog.id).is_some() {
        return Err(SnapshotError::Exists);
    }
    if state.sessions.len() >= state.config.limits.sessions {
        return Err(SnapshotError::Full);
    }
    let description = snapshot.description;
    let timer = snapshot.timer;
    let timer = timer.map(|timer| timer.into_timer(state.timers.now(), snapshot.age));
    let (flow, role, phase) = (snapshot.flow, snapshot.role, Phase::Confirmed);
    let id = state.sessions.insert(InviteSession {
        timer,
        refresh_by_invite: description.map(|description| {
            Box::new(RefreshByInvite {
                description: Some(description),
            })
        }),
        ..InviteSession::new(dialog, flow, role, phase, OfferAnswer::Stable)
    });
    refresh::arm(state, id);
    Ok(id)
}

/// Why a snapshot is none, or no session came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It has more octets than any snapshot.
    #[error("no snapshot has more than {LONGEST} octets")]
    TooLarge,
    /// The octets are no snapshot.
    #[error("these octets are no snapshot of a session")]
    NoSnapshot,
    /// The snapshot is of this other version.
    #[error(
        "the snapshot has version {0}, and only version {VERSION} is read: restore it with the release that wrote it"
    )]
    Version(u8),
    /// Octets are missing, were changed, or make no dialog.
    #[error("the snapshot is damaged: take another copy of it")]
    Damaged,
    /// The core has this session already.
    #[error("the session of the snapshot is here already")]
    Exists,
    /// The core has as many sessions as [`Limits`](crate::Limits) allows.
    #[error("there are as many sessions as the limits allow: try again later")]
    Full,
}

/// FNV-1a of 64 bits: another machine and another release find the same, whatever becomes of the hash
/// of our tables. It sees each change of one octet.
fn checksum(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &octet| {
        (sum ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a snapshot begins with; its version follows.
const MAGIC: &[u8] = b"offhook session ";

/// 1 had a checksum that depended on the hash of our tables, 2 had not the user of our Contact.
const VERSION: u8 = 3;

/// A message that made the dialog has 64 KiB at the most, and so has a session description.
const LONGEST: usize = 256 * 1024;

#[cfg(test)]
mod tests;
