//! What a caller knows of its dialogs.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Contact, HeaderName, Response};

use super::plan::{Acknowledge, Offer};
use super::request::Purpose;
use super::{CallState, Caller};
use crate::draft::{ANSWER, Draft, OFFER};
use crate::policy::Verb;

/// What a caller knows of one dialog.
#[derive(Debug)]
pub(super) struct Dialog {
    /// The server's To with its tag.
    pub(super) remote: String,
    pub(super) tag: String,
    pub(super) target: String,
    /// The number of the last request.
    pub(super) cseq: u32,
    pub(super) state: DialogState,
    /// The `RSeq` of the last reliable provisional response that came in order.
    rseq: Option<u32>,
    /// The highest number of a request from the server.
    pub(super) remote_cseq: u32,
    /// Our change that is not answered yet.
    pub(super) change: Option<Verb>,
    /// The ACK of each 2xx by its number, sent again for each repetition.
    acks: Vec<(u32, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialogState {
    Early,
    Confirmed,
    /// Our BYE is out.
    Terminating,
    Terminated,
}

impl Caller {
    /// The dialog of a response with a To tag ([RFC 3261 §12.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.2)).
    pub(super) fn dialog(&mut self, response: &Response, state: DialogState) -> Option<usize> {
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
                rseq: None,
                remote_cseq: 0,
                change: None,
                acks: Vec::new(),
            });
        } else if self.dialogs[index].state == DialogState::Early {
            self.dialogs[index].state = state;
        }
        Some(index)
    }

    /// PRACK, where a provisional response is reliable and the next in order
    /// ([RFC 3262 §4](https://www.rfc-editor.org/rfc/rfc3262#section-4)).
    pub(super) fn acknowledge_provisional(
        &mut self,
        now: Duration,
        index: usize,
        response: &Response,
    ) {
        let Ok(Some(rseq)) = response.headers().rseq() else {
            return;
        };
        let dialog = &mut self.dialogs[index];
        let is_next = dialog.rseq.is_none_or(|last| rseq == last + 1);
        if !is_next || self.plan.acknowledge == Acknowledge::Never {
            return;
        }
        dialog.rseq = Some(rseq);
        let branch = self.branch();
        let mut draft = self.next_in_dialog("PRACK", index, &branch);
        draft = draft.set("RAck", &format!("{rseq} 1 INVITE"));
        if !response.body().is_empty() {
            let theirs = header(Some(response.body()));
            self.descriptions.hear(&theirs);
            draft = match self.plan.offer {
                Offer::InInvite => draft,
                Offer::Twice => {
                    self.descriptions.offered = Some(OFFER.to_owned());
                    draft.body("application/sdp", OFFER)
                }
                Offer::ByServer => {
                    self.descriptions.agree(ANSWER, &theirs);
                    draft.body("application/sdp", ANSWER)
                }
            };
        }
        let purpose = Purpose::Prack { dialog: index };
        self.request(now, &draft, branch, "PRACK", purpose);
    }

    /// ACK for a 2xx to the INVITE of this number, each time it comes
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)). True where it is the first.
    pub(super) fn acknowledge(
        &mut self,
        index: usize,
        cseq: u32,
        invite_branch: &str,
        response: &Response,
    ) -> bool {
        let mut acks = self.dialogs[index].acks.iter();
        if let Some((_, ack)) = acks.find(|(number, _)| *number == cseq) {
            self.outbox.push(ack.clone());
            return false;
        }
        let branch = match self.plan.acknowledge {
            Acknowledge::WithInviteBranch => invite_branch.to_owned(),
            _ => self.branch(),
        };
        let draft = self.in_dialog("ACK", index).cseq(cseq);
        let mut draft = self.with_branch(draft, &branch);
        let theirs = header(Some(response.body()));
        self.descriptions.hear(&theirs);
        if self.plan.offer == Offer::ByServer && cseq == 1 && !theirs.is_empty() {
            self.descriptions.agree(ANSWER, &theirs);
            draft = draft.body("application/sdp", ANSWER);
        } else if self.dialogs[index].change == Some(Verb::Ask) && cseq > 1 {
            let ours = self.descriptions.answer(&theirs);
            draft = draft.body("application/sdp", &ours);
        }
        let ack = draft.bytes();
        self.dialogs[index].acks.push((cseq, ack.clone()));
        self.outbox.push(ack);
        true
    }

    /// BYE in every dialog that a 2xx made.
    pub(super) fn hang_up(&mut self, now: Duration) {
        for index in 0..self.dialogs.len() {
            if self.dialogs[index].state != DialogState::Confirmed {
                continue;
            }
            self.dialogs[index].state = DialogState::Terminating;
            let branch = self.branch();
            let draft = self.next_in_dialog("BYE", index, &branch);
            self.request(now, &draft, branch, "BYE", Purpose::Bye { dialog: index });
        }
    }

    pub(super) fn end_dialog(&mut self, index: usize) {
        self.dialogs[index].state = DialogState::Terminated;
        self.state = CallState::Ended;
    }

    pub(super) fn end_early_dialogs(&mut self) {
        for dialog in &mut self.dialogs {
            if dialog.state == DialogState::Early {
                dialog.state = DialogState::Terminated;
            }
        }
    }

    /// The next request inside a dialog.
    pub(super) fn next_in_dialog(&mut self, method: &str, index: usize, branch: &str) -> Draft {
        let dialog = &mut self.dialogs[index];
        dialog.cseq += 1;
        let cseq = dialog.cseq;
        let draft = self.in_dialog(method, index).cseq(cseq);
        self.with_branch(draft, branch)
    }

    fn in_dialog(&self, method: &str, index: usize) -> Draft {
        let dialog = &self.dialogs[index];
        let draft = self.draft.with_method(method);
        draft.uri(&dialog.target).set("To", &dialog.remote)
    }
}

pub(super) fn header(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}
