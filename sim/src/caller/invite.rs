//! The INVITE of a caller and what becomes of it.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Contact, HeaderName, Response};

use super::plan::{Acknowledge, Offer};
use super::request::Purpose;
use super::timers::{LIFE, T1, Timer};
use super::{CallState, Caller};
use crate::draft::{ANSWER, Draft, OFFER};

/// The INVITE client transaction ([RFC 3261 §17.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1), with Accepted of
/// [RFC 6026 §7.2](https://www.rfc-editor.org/rfc/rfc6026#section-7.2)).
#[derive(Debug)]
pub(super) struct InviteTransaction {
    pub(super) draft: Draft,
    pub(super) branch: String,
    bytes: Bytes,
    state: InviteState,
}

#[derive(Debug)]
enum InviteState {
    Calling { interval: Duration },
    Proceeding,
    Completed { ack: Option<Bytes> },
    Accepted,
    Terminated,
}

/// What a caller knows of one dialog.
#[derive(Debug)]
pub(super) struct Dialog {
    /// The server's To with its tag.
    pub(super) remote: String,
    pub(super) tag: String,
    pub(super) target: String,
    pub(super) cseq: u32,
    pub(super) state: DialogState,
    /// The ACK of its 2xx, sent again for each repetition.
    ack: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialogState {
    Early,
    Confirmed,
    /// Our BYE is out.
    Terminating,
    Terminated,
}

impl InviteTransaction {
    pub(super) fn new(draft: Draft) -> Self {
        Self {
            draft,
            branch: String::new(),
            bytes: Bytes::new(),
            state: InviteState::Terminated,
        }
    }
}

impl Caller {
    /// Sends the INVITE.
    pub(super) fn call(&mut self, now: Duration) {
        let branch = self.branch();
        let mut draft = self.with_branch(self.invite.draft.clone(), &branch);
        if self.plan.offer == Offer::InInvite {
            draft = draft.body("application/sdp", OFFER);
        }
        self.invite = InviteTransaction {
            bytes: draft.bytes(),
            draft,
            branch,
            state: InviteState::Calling { interval: T1 },
        };
        self.outbox.push(self.invite.bytes.clone());
        if !self.transport.is_reliable() {
            self.timers.arm(now + T1, Timer::A);
        }
        self.timers.arm(now + LIFE, Timer::B);
        if let Some(after) = self.plan.give_up_after {
            self.timers.arm(now + after, Timer::GiveUp);
        }
    }

    pub(super) fn invite_response(&mut self, now: Duration, response: &Response) {
        let status = response.status();
        match &self.invite.state {
            InviteState::Calling { .. } | InviteState::Proceeding => {
                if status.is_provisional() {
                    self.proceed(now, response);
                } else if status.is_success() {
                    self.invite.state = InviteState::Accepted;
                    self.timers.arm(now + LIFE, Timer::M);
                    self.succeed(now, response);
                } else {
                    self.fail(now, response);
                }
            }
            InviteState::Accepted if status.is_success() => self.succeed(now, response),
            InviteState::Completed { ack } if status.as_u16() >= 300 => {
                self.outbox.extend(ack.clone());
            }
            _ => {}
        }
    }

    pub(super) fn invite_timer(&mut self, now: Duration, timer: Timer) {
        match (&mut self.invite.state, timer) {
            (InviteState::Calling { interval }, Timer::A) => {
                *interval *= 2;
                self.timers.arm(now + *interval, Timer::A);
                self.outbox.push(self.invite.bytes.clone());
            }
            (InviteState::Calling { .. }, Timer::B)
            | (InviteState::Calling { .. } | InviteState::Proceeding, Timer::Abandon) => {
                self.invite.state = InviteState::Terminated;
                self.state = CallState::TimedOut;
            }
            (InviteState::Completed { .. }, Timer::D) | (InviteState::Accepted, Timer::M) => {
                self.invite.state = InviteState::Terminated;
            }
            _ => {}
        }
    }

    /// The user does not want the call any more ([RFC 3261 §9.1, §15](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).
    pub(super) fn give_up(&mut self, now: Duration) {
        self.has_given_up = true;
        if matches!(self.invite.state, InviteState::Proceeding) {
            self.cancel(now);
        }
    }

    /// BYE in every dialog that a 2xx made.
    pub(super) fn hang_up(&mut self, now: Duration) {
        for index in 0..self.dialogs.len() {
            if self.dialogs[index].state != DialogState::Confirmed {
                continue;
            }
            let branch = self.branch();
            let dialog = &mut self.dialogs[index];
            dialog.state = DialogState::Terminating;
            dialog.cseq += 1;
            let cseq = dialog.cseq;
            let draft = self.in_dialog("BYE", index).cseq(cseq);
            let draft = self.with_branch(draft, &branch);
            self.request(now, &draft, branch, "BYE", Purpose::Bye { dialog: index });
        }
    }

    fn proceed(&mut self, now: Duration, response: &Response) {
        let is_first = matches!(self.invite.state, InviteState::Calling { .. });
        self.invite.state = InviteState::Proceeding;
        self.state = CallState::Proceeding;
        self.dialog(response, DialogState::Early);
        if is_first && self.has_given_up {
            self.cancel(now);
        }
    }

    fn cancel(&mut self, now: Duration) {
        let draft = self.invite.draft.cancel();
        let branch = self.invite.branch.clone();
        self.request(now, &draft, branch, "CANCEL", Purpose::Cancel);
        self.timers.arm(now + LIFE, Timer::Abandon);
    }

    /// ACK inside the transaction ([RFC 3261 §17.1.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.3)).
    fn fail(&mut self, now: Duration, response: &Response) {
        let to = header(response.headers().raw(HeaderName::To));
        let draft = self.invite.draft.with_method("ACK").without("Contact");
        let ack = draft.set("To", &to).bytes();
        let ack = (self.plan.acknowledge != Acknowledge::Never).then_some(ack);
        self.outbox.extend(ack.clone());
        self.state = CallState::Refused(response.status().as_u16());
        self.end_early_dialogs();
        if self.transport.is_reliable() {
            self.invite.state = InviteState::Terminated;
        } else {
            self.invite.state = InviteState::Completed { ack };
            self.timers.arm(now + LIFE, Timer::D);
        }
    }

    /// Each 2xx is acknowledged, and a user who gave up hangs up then
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    fn succeed(&mut self, now: Duration, response: &Response) {
        let Some(index) = self.dialog(response, DialogState::Confirmed) else {
            return;
        };
        if self.plan.acknowledge == Acknowledge::Never {
            return;
        }
        if let Some(ack) = &self.dialogs[index].ack {
            return self.outbox.push(ack.clone());
        }
        let branch = match self.plan.acknowledge {
            Acknowledge::WithInviteBranch => self.invite.branch.clone(),
            _ => self.branch(),
        };
        let mut draft = self.with_branch(self.in_dialog("ACK", index), &branch);
        if self.plan.offer == Offer::InSuccess {
            draft = draft.body("application/sdp", ANSWER);
        }
        let ack = draft.bytes();
        self.dialogs[index].ack = Some(ack.clone());
        self.outbox.push(ack);
        self.state = CallState::Established;
        if self.has_given_up {
            self.hang_up(now);
        } else if let Some(after) = self.plan.hang_up_after {
            self.timers.arm(now + after, Timer::HangUp);
        }
    }

    /// The dialog of a response with a To tag ([RFC 3261 §12.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.2)).
    fn dialog(&mut self, response: &Response, state: DialogState) -> Option<usize> {
        let headers = response.headers();
        let tag = header(headers.to().ok()?.tag());
        if tag.is_empty() {
            return None;
        }
        let known = self.dialogs.iter().position(|dialog| dialog.tag == tag);
        let index = known.unwrap_or(self.dialogs.len());
        if known.is_none() {
            let contact = headers.contacts().find_map(Result::ok);
            let Some(Contact::Address(contact)) = contact else {
                return None;
            };
            self.dialogs.push(Dialog {
                remote: header(headers.raw(HeaderName::To)),
                tag,
                target: header(Some(contact.uri_bytes())),
                cseq: 1,
                state,
                ack: None,
            });
        } else if self.dialogs[index].state == DialogState::Early {
            self.dialogs[index].state = state;
        }
        Some(index)
    }

    fn end_early_dialogs(&mut self) {
        for dialog in &mut self.dialogs {
            if dialog.state == DialogState::Early {
                dialog.state = DialogState::Terminated;
            }
        }
    }

    /// A request inside a dialog, with the number of the INVITE.
    fn in_dialog(&self, method: &str, index: usize) -> Draft {
        let dialog = &self.dialogs[index];
        let draft = self.invite.draft.with_method(method);
        draft.uri(&dialog.target).set("To", &dialog.remote)
    }

    /// The end of a request of ours.
    pub(super) fn conclude(&mut self, purpose: Purpose) {
        if let Purpose::Bye { dialog } = purpose {
            self.dialogs[dialog].state = DialogState::Terminated;
            self.state = CallState::Ended;
        }
    }
}

fn header(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}
