//! Requests that come to a caller.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{HeaderName, Method, Request};

use super::Caller;
use super::dialog::{DialogState, header};
use super::timers::{LIFE, T1, T2, Timer};
use crate::clock::seconds;
use crate::packet::respond_with;

/// A request that was answered and may be repeated
/// ([RFC 3261 §17.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.2)).
#[derive(Debug)]
pub(super) struct Answered {
    branch: Vec<u8>,
    method: Method,
    /// `None` once no repetition is expected any more.
    response: Option<Bytes>,
}

/// A 2xx to a re-INVITE, repeated until its ACK comes
/// ([RFC 3261 §14.2](https://www.rfc-editor.org/rfc/rfc3261#section-14.2)).
#[derive(Debug)]
pub(super) struct Success {
    cseq: u32,
    /// `None` once its ACK is here.
    response: Option<Bytes>,
    interval: Duration,
    until: Duration,
}

impl Caller {
    pub(super) fn answer(&mut self, now: Duration, request: &Request) {
        let Ok(via) = request.headers().via() else {
            return;
        };
        if *request.method() == Method::Ack {
            return self.receive_ack(request);
        }
        let branch = via.branch().unwrap_or_default();
        let repeated = self
            .answered
            .iter()
            .find(|answered| answered.branch == branch && answered.method == *request.method());
        if let Some(response) = repeated.and_then(|answered| answered.response.clone()) {
            return self.outbox.push(response);
        }
        let response = match self.find_dialog(request) {
            Ok(dialog) => self.treat(now, dialog, request),
            Err(status) => respond_with(request, status, &[], ""),
        };
        self.outbox.push(response.clone());
        if self.transport.is_reliable() {
            return;
        }
        self.timers.arm(now + LIFE, Timer::J(self.answered.len()));
        self.answered.push(Answered {
            branch: branch.to_vec(),
            method: request.method().clone(),
            response: Some(response),
        });
    }

    pub(super) fn forget_answer(&mut self, index: usize) {
        self.answered[index].response = None;
    }

    /// Whether a 2xx of ours to a re-INVITE has no ACK yet.
    pub(super) fn awaits_ack(&self) -> bool {
        let mut successes = self.successes.iter();
        successes.any(|success| success.response.is_some())
    }

    pub(super) fn repeat_success(&mut self, now: Duration, index: usize) {
        let success = &mut self.successes[index];
        if now >= success.until && success.response.take().is_some() {
            return self.hang_up(now);
        }
        if let Some(response) = success.response.clone() {
            success.interval = (success.interval * 2).min(T2);
            let at = (now + success.interval).min(success.until);
            self.timers.arm(at, Timer::Success(index));
            self.outbox.push(response);
        }
    }

    fn receive_ack(&mut self, request: &Request) {
        let cseq = request.headers().cseq().map_or(0, |cseq| cseq.number);
        for success in &mut self.successes {
            if success.cseq == cseq && success.response.take().is_some() {
                self.descriptions.hear(&header(Some(request.body())));
            }
        }
    }

    /// The dialog that a request names, where its number is in order
    /// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)).
    fn find_dialog(&mut self, request: &Request) -> Result<usize, &'static str> {
        let headers = request.headers();
        let (Ok(call_id), Ok(from), Ok(cseq)) = (headers.call_id(), headers.from(), headers.cseq())
        else {
            return Err("400 Bad Request");
        };
        let tag = from.tag().unwrap_or_default();
        let mut dialogs = self.dialogs.iter();
        let dialog = dialogs.position(|dialog| dialog.tag.as_bytes() == tag);
        let dialog = dialog.filter(|_| call_id == self.call_id.as_bytes());
        let Some(dialog) = dialog else {
            return Err("481 Call/Transaction Does Not Exist");
        };
        let last = &mut self.dialogs[dialog].remote_cseq;
        if cseq.number < *last {
            return Err("500 Server Internal Error");
        }
        *last = cseq.number;
        Ok(dialog)
    }

    /// What it says to a request of a dialog. NOTIFYs come even when the session is over
    /// ([RFC 5057 §4.2](https://www.rfc-editor.org/rfc/rfc5057#section-4.2)).
    fn treat(&mut self, now: Duration, dialog: usize, request: &Request) -> Bytes {
        let state = self.dialogs[dialog].state;
        let is_live = !matches!(state, DialogState::Terminated);
        let refuse = |status| respond_with(request, status, &[], "");
        match request.method() {
            Method::Notify => refuse("200 OK"),
            _ if !is_live => refuse("481 Call/Transaction Does Not Exist"),
            Method::Bye => {
                self.end_dialog(dialog);
                refuse("200 OK")
            }
            _ if state == DialogState::Terminating => refuse("481 Call/Transaction Does Not Exist"),
            Method::Refer => {
                self.notify(now, dialog, None);
                self.timers.arm(now + seconds(1), Timer::Referral(dialog));
                refuse("202 Accepted")
            }
            Method::Invite | Method::Update => self.treat_change(now, dialog, request),
            _ => refuse("405 Method Not Allowed"),
        }
    }

    /// A re-INVITE or UPDATE ([RFC 3261 §14.2](https://www.rfc-editor.org/rfc/rfc3261#section-14.2), [RFC 3311 §5.2](https://www.rfc-editor.org/rfc/rfc3311#section-5.2)).
    fn treat_change(&mut self, now: Duration, dialog: usize, request: &Request) -> Bytes {
        let is_invite = *request.method() == Method::Invite;
        let is_offer = is_invite || !request.body().is_empty();
        if is_offer && self.dialogs[dialog].change.is_some() {
            return respond_with(request, "491 Request Pending", &[], "");
        }
        if is_offer && (self.awaits_ack() || self.descriptions.offered.is_some()) {
            let retry = [("Retry-After", "1".to_owned())];
            return respond_with(request, "500 Server Internal Error", &retry, "");
        }
        let body = if is_offer {
            self.descriptions.treat(&header(Some(request.body())))
        } else {
            String::new()
        };
        let mut headers = vec![("Contact", format!("<sip:alice@{}>", self.local))];
        let expires = header(request.headers().raw(HeaderName::SessionExpires));
        if !expires.is_empty() {
            headers.push(("Session-Expires", expires));
            headers.push(("Require", "timer".to_owned()));
        }
        let response = respond_with(request, "200 OK", &headers, &body);
        if is_invite {
            self.timers
                .arm(now + T1, Timer::Success(self.successes.len()));
            self.successes.push(Success {
                cseq: request.headers().cseq().map_or(0, |cseq| cseq.number),
                response: Some(response.clone()),
                interval: T1,
                until: now + LIFE,
            });
        }
        response
    }
}
