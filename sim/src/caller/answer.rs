//! Requests that come to a caller.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Method, Request};

use super::Caller;
use super::dialog::DialogState;
use super::timers::{LIFE, Timer};
use crate::packet::respond;

/// A request that was answered and may be repeated
/// ([RFC 3261 §17.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.2)).
#[derive(Debug)]
pub(super) struct Answered {
    branch: Vec<u8>,
    method: Method,
    /// `None` once no repetition is expected any more.
    response: Option<Bytes>,
}

impl Caller {
    pub(super) fn answer(&mut self, now: Duration, request: &Request) {
        let Ok(via) = request.headers().via() else {
            return;
        };
        if *request.method() == Method::Ack {
            return;
        }
        let branch = via.branch().unwrap_or_default();
        let repeated = self
            .answered
            .iter()
            .find(|answered| answered.branch == branch && answered.method == *request.method());
        if let Some(response) = repeated.and_then(|answered| answered.response.clone()) {
            return self.outbox.push(response);
        }
        let response = respond(request, self.treat(request));
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

    /// BYE ends the dialog it names; nothing else is served.
    fn treat(&mut self, request: &Request) -> &'static str {
        let headers = request.headers();
        let (Ok(call_id), Ok(from)) = (headers.call_id(), headers.from()) else {
            return "400 Bad Request";
        };
        let tag = from.tag().unwrap_or_default();
        let is_live = |state| !matches!(state, DialogState::Terminated);
        let dialog = self
            .dialogs
            .iter()
            .position(|dialog| dialog.tag.as_bytes() == tag && is_live(dialog.state));
        let Some(dialog) = dialog.filter(|_| call_id == self.call_id.as_bytes()) else {
            return "481 Call/Transaction Does Not Exist";
        };
        if *request.method() != Method::Bye {
            return "405 Method Not Allowed";
        }
        self.end_dialog(dialog);
        "200 OK"
    }
}
