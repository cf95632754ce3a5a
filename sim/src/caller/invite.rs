//! The INVITEs of a caller and what becomes of them.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{HeaderName, Response};

use super::dialog::{DialogState, header};
use super::plan::{Acknowledge, Offer};
use super::request::Purpose;
use super::timers::{LIFE, T1, Timer};
use super::{CallState, Caller};
use crate::draft::{Draft, OFFER};

/// The INVITE client transaction ([RFC 3261 §17.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1), with Accepted of
/// [RFC 6026 §7.2](https://www.rfc-editor.org/rfc/rfc6026#section-7.2)).
#[derive(Debug)]
pub(super) struct InviteTransaction {
    pub(super) branch: String,
    draft: Draft,
    bytes: Bytes,
    state: InviteState,
    purpose: InvitePurpose,
}

#[derive(Debug)]
enum InviteState {
    Calling { interval: Duration },
    Proceeding,
    Completed { ack: Option<Bytes> },
    Accepted,
    Terminated,
}

/// How an INVITE failed, the worse first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    TimedOut,
    Refused(u16),
}

/// What an INVITE is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvitePurpose {
    Call,
    /// A change of the session in this dialog, with this number.
    Change {
        dialog: usize,
        cseq: u32,
    },
}

impl Caller {
    /// Sends the INVITE.
    pub(super) fn call(&mut self, now: Duration) {
        let mut draft = self.draft.clone();
        if self.plan.offer != Offer::ByServer {
            self.descriptions.offered = Some(OFFER.to_owned());
            draft = draft.body("application/sdp", OFFER);
        }
        if let Some(value) = self.plan.session_expires {
            draft = draft
                .set("Supported", "timer")
                .set("Session-Expires", value);
        }
        if self.plan.is_reliable {
            draft = draft.set("Supported", "100rel");
        }
        for _ in 0..=u8::from(self.plan.is_forked) {
            let branch = self.branch();
            let draft = self.with_branch(draft.clone(), &branch);
            self.invite(now, draft, branch, InvitePurpose::Call);
        }
        if let Some(after) = self.plan.give_up_after {
            self.timers.arm(now + after, Timer::GiveUp);
        }
    }

    pub(super) fn invite_response(&mut self, now: Duration, index: usize, response: &Response) {
        let status = response.status();
        match &self.invites[index].state {
            InviteState::Calling { .. } | InviteState::Proceeding => {
                if status.is_provisional() {
                    self.proceed(now, index, response);
                } else if status.is_success() {
                    self.invites[index].state = InviteState::Accepted;
                    self.timers.arm(now + LIFE, Timer::M(index));
                    self.succeed(now, index, response);
                } else {
                    self.fail(now, index, response);
                }
            }
            InviteState::Accepted if status.is_success() => self.succeed(now, index, response),
            InviteState::Completed { ack } if status.as_u16() >= 300 => {
                self.outbox.extend(ack.clone());
            }
            _ => {}
        }
    }

    pub(super) fn invite_timer(&mut self, now: Duration, timer: Timer, index: usize) {
        let invite = &mut self.invites[index];
        match (&mut invite.state, timer) {
            (InviteState::Calling { interval }, Timer::A(_)) => {
                *interval *= 2;
                self.timers.arm(now + *interval, timer);
                self.outbox.push(invite.bytes.clone());
            }
            (InviteState::Calling { .. }, Timer::B(_))
            | (InviteState::Calling { .. } | InviteState::Proceeding, Timer::Abandon(_)) => {
                invite.state = InviteState::Terminated;
                self.conclude_invite(now, index, Outcome::TimedOut);
            }
            (InviteState::Completed { .. } | InviteState::Accepted, Timer::D(_) | Timer::M(_)) => {
                invite.state = InviteState::Terminated;
            }
            _ => {}
        }
    }

    /// The user does not want the call any more ([RFC 3261 §9.1, §15](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).
    pub(super) fn give_up(&mut self, now: Duration) {
        self.has_given_up = true;
        for index in 0..self.invites.len() {
            if matches!(self.invites[index].state, InviteState::Proceeding) {
                self.cancel(now, index);
            }
        }
    }

    /// A re-INVITE ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
    pub(super) fn reinvite(&mut self, now: Duration, dialog: usize, offer: Option<&str>) {
        let branch = self.branch();
        let mut draft = self.next_in_dialog("INVITE", dialog, &branch);
        if let Some(offer) = offer {
            draft = draft.body("application/sdp", offer);
        }
        let cseq = self.dialogs[dialog].cseq;
        self.invite(now, draft, branch, InvitePurpose::Change { dialog, cseq });
    }

    fn invite(&mut self, now: Duration, draft: Draft, branch: String, purpose: InvitePurpose) {
        let index = self.invites.len();
        let bytes = draft.bytes();
        self.outbox.push(bytes.clone());
        self.invites.push(InviteTransaction {
            branch,
            draft,
            bytes,
            state: InviteState::Calling { interval: T1 },
            purpose,
        });
        if !self.transport.is_reliable() {
            self.timers.arm(now + T1, Timer::A(index));
        }
        self.timers.arm(now + LIFE, Timer::B(index));
    }

    fn proceed(&mut self, now: Duration, index: usize, response: &Response) {
        let invite = &mut self.invites[index];
        let is_first = matches!(invite.state, InviteState::Calling { .. });
        invite.state = InviteState::Proceeding;
        if invite.purpose != InvitePurpose::Call {
            return;
        }
        if self.state == CallState::Calling {
            self.state = CallState::Proceeding;
        }
        if let Some(dialog) = self.dialog(response, DialogState::Early) {
            self.acknowledge_provisional(now, dialog, response);
        }
        if is_first && self.has_given_up {
            self.cancel(now, index);
        }
    }

    fn cancel(&mut self, now: Duration, index: usize) {
        let invite = &self.invites[index];
        let (draft, branch) = (invite.draft.cancel(), invite.branch.clone());
        self.request(now, &draft, branch, "CANCEL", Purpose::Cancel);
        self.timers.arm(now + LIFE, Timer::Abandon(index));
    }

    /// ACK inside the transaction ([RFC 3261 §17.1.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.3)).
    fn fail(&mut self, now: Duration, index: usize, response: &Response) {
        let outcome = Outcome::Refused(response.status().as_u16());
        let to = header(response.headers().raw(HeaderName::To));
        let invite = &mut self.invites[index];
        let draft = invite.draft.with_method("ACK").without("Contact");
        let ack = draft.set("To", &to).bytes();
        let ack = (self.plan.acknowledge != Acknowledge::Never).then_some(ack);
        self.outbox.extend(ack.clone());
        if self.transport.is_reliable() {
            invite.state = InviteState::Terminated;
        } else {
            invite.state = InviteState::Completed { ack };
            self.timers.arm(now + LIFE, Timer::D(index));
        }
        self.conclude_invite(now, index, outcome);
    }

    /// A user who gave up hangs up as soon as the call is up
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    fn succeed(&mut self, now: Duration, index: usize, response: &Response) {
        let invite = &self.invites[index];
        let branch = invite.branch.clone();
        let (dialog, cseq) = match invite.purpose {
            InvitePurpose::Change { dialog, cseq } => (Some(dialog), cseq),
            InvitePurpose::Call => (self.dialog(response, DialogState::Confirmed), 1),
        };
        let Some(dialog) = dialog.filter(|_| self.plan.acknowledge != Acknowledge::Never) else {
            return;
        };
        let is_first = self.acknowledge(dialog, cseq, &branch, response);
        if cseq > 1 {
            self.dialogs[dialog].change.take_if(|_| is_first);
        }
        let is_up = self.dialogs[dialog].state == DialogState::Confirmed;
        if !is_first || !is_up || cseq != 1 {
            return;
        }
        self.state = CallState::Established;
        if self.has_given_up {
            return self.hang_up(now);
        }
        for (after, verb) in &self.plan.talk {
            self.timers.arm(now + *after, Timer::Talk(*verb));
        }
    }

    /// An INVITE failed. A call has failed when all its branches have; a session outlives a change
    /// that was refused, but not one that nobody answered or knew the dialog of
    /// ([RFC 3261 §12.2.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.2)).
    fn conclude_invite(&mut self, now: Duration, index: usize, outcome: Outcome) {
        match self.invites[index].purpose {
            InvitePurpose::Call => {
                self.failures.push(outcome);
                let branches = self.invites.iter();
                let branches = branches.filter(|other| other.purpose == InvitePurpose::Call);
                if self.failures.len() == branches.count() {
                    let worst = self.failures.iter().min().unwrap_or(&outcome);
                    self.state = (*worst).into();
                    self.end_early_dialogs();
                }
            }
            InvitePurpose::Change { dialog, .. } => match outcome {
                Outcome::TimedOut => self.hang_up(now),
                Outcome::Refused(481) => self.end_dialog(dialog),
                Outcome::Refused(status) => self.changed(now, dialog, status),
            },
        }
    }
}

impl From<Outcome> for CallState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Refused(status) => Self::Refused(status),
        }
    }
}
