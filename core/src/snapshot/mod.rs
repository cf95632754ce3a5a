//! Sessions that outlive the core that made them.

mod octets;

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use offhook_message::{Body, Text};

use crate::dialog::{Dialog, DialogParts, OfferAnswer};
use crate::event::SessionId;
use crate::flow::{Channel, Flow, Transport};
use crate::session::{
    Agreement, InviteSession, Party, Phase, Refers, RefreshByInvite, Role, SessionTimer,
};
use crate::state::State;
use crate::timers::Deadline;
use crate::uac::{InsideError, refresh};
use octets::{put_address, put_optional, put_text, take_address, take_optional, take_text};

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
        let (mut content, sum) = content.split_last_chunk().ok_or(SnapshotError::Damaged)?;
        if u64::from_be_bytes(*sum) != checksum(content) {
            return Err(SnapshotError::Damaged);
        }
        Self::parse(&mut content).ok_or(SnapshotError::Damaged)
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
        let mut content = Vec::new();
        content.put_u8(self.role as u8);
        put_text(&mut content, self.flow.transport.as_str().as_bytes());
        put_address(&mut content, self.flow.local);
        put_address(&mut content, self.flow.remote);
        for text in &self.dialog.texts {
            put_text(&mut content, text);
        }
        content.put_u32(self.dialog.local_cseq);
        put_optional(&mut content, self.dialog.remote_cseq, Vec::put_u32);
        put_optional(&mut content, self.timer, |content, timer| {
            content.put_u32(timer.agreed.seconds);
            content.put_u8(timer.agreed.refresher as u8);
            content.put_u8(timer.is_least.into());
            content.put_u8(timer.attempts);
            content.put_u64(u64::try_from(timer.due_in.as_millis()).unwrap_or(u64::MAX));
        });
        put_optional(&mut content, self.description.as_ref(), |content, body| {
            put_text(content, body.content_type().as_str().as_bytes());
            put_optional(content, body.disposition(), |content, disposition| {
                put_text(content, disposition.as_str().as_bytes());
            });
            put_text(content, body.content());
        });
        let sum = checksum(&content).to_be_bytes();
        let octets = [MAGIC, &[VERSION], &content, &sum].concat();
        octets.into()
    }

    fn parse(content: &mut &[u8]) -> Option<Self> {
        let role = content.try_get_u8().ok()?;
        let role = *[Role::Caller, Role::Callee].get(usize::from(role))?;
        let flow = Flow {
            transport: Transport::parse(take_text(content)?)?,
            channel: Channel::NONE,
            local: take_address(content)?,
            remote: take_address(content)?,
        };
        let mut texts = <[Vec<u8>; 6]>::default();
        for text in &mut texts {
            *text = take_text(content)?.to_vec();
        }
        let dialog = DialogParts {
            texts,
            local_cseq: content.try_get_u32().ok()?,
            remote_cseq: take_optional(content, |content| content.try_get_u32().ok())?,
        };
        let timer = take_optional(content, TimerParts::parse)?;
        let description = take_optional(content, parse_description)?;
        let is_whole = content.is_empty() && dialog.is_sound();
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
    fn parse(content: &mut &[u8]) -> Option<Self> {
        let seconds = content.try_get_u32().ok()?;
        let refresher = content.try_get_u8().ok()?;
        let refresher = *[Party::Us, Party::Peer].get(usize::from(refresher))?;
        Some(Self {
            agreed: Agreement { seconds, refresher },
            is_least: content.try_get_u8().ok()? != 0,
            attempts: content.try_get_u8().ok()?,
            due_in: Duration::from_millis(content.try_get_u64().ok()?),
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

fn parse_description(content: &mut &[u8]) -> Option<Body> {
    let content_type = str::from_utf8(take_text(content)?).ok()?;
    let disposition = take_optional(content, take_text)?;
    let body = Body::new(content_type, take_text(content)?.to_vec()).ok()?;
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
    if state.refusing.is_some() {
        return Err(SnapshotError::Leaving);
    }
    // Who knows whether a REFER was among what the peer has sent.
    let first = snapshot.dialog.remote_cseq;
    let dialog: Dialog = snapshot.dialog.into_dialog(&state.fingerprinter);
    if state.sessions.find(dialog.id).is_some() {
        return Err(SnapshotError::Exists);
    }
    if state.sessions.len() >= state.config.limits.sessions {
        return Err(SnapshotError::Full);
    }
    let refers = first.map(|_| {
        Box::new(Refers {
            first,
            ..Refers::default()
        })
    });
    let description = snapshot.description;
    let timer = snapshot.timer;
    let timer = timer.map(|timer| timer.into_timer(state.timers.now(), snapshot.age));
    let (flow, role, phase) = (snapshot.flow, snapshot.role, Phase::Confirmed);
    let id = state.sessions.insert(InviteSession {
        timer,
        refers,
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
    /// New calls are refused: this core ends soon, and would end the session with it.
    #[error("new calls are refused, so no session goes on here any more")]
    Leaving,
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
