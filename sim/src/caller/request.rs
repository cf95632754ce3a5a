//! Requests of a caller other than INVITE and ACK.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::Response;

use super::Caller;
use super::timers::{LIFE, T1, T2, T4, Timer};
use crate::draft::Draft;

/// The client transaction of every method but INVITE
/// ([RFC 3261 §17.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.2)).
#[derive(Debug)]
pub(super) struct RequestTransaction {
    pub(super) branch: String,
    pub(super) method: &'static str,
    purpose: Purpose,
    bytes: Bytes,
    state: RequestState,
}

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Cancel,
    Prack { dialog: usize },
    Bye { dialog: usize },
    Update { dialog: usize },
    Refer { dialog: usize },
    Notify,
}

#[derive(Clone, Copy, Debug)]
enum RequestState {
    Trying { interval: Duration },
    Proceeding,
    Completed,
    Terminated,
}

impl Caller {
    pub(super) fn request(
        &mut self,
        now: Duration,
        draft: &Draft,
        branch: String,
        method: &'static str,
        purpose: Purpose,
    ) {
        let bytes = draft.bytes();
        self.outbox.push(bytes.clone());
        let index = self.requests.len();
        self.requests.push(RequestTransaction {
            branch,
            method,
            purpose,
            bytes,
            state: RequestState::Trying { interval: T1 },
        });
        if !self.transport.is_reliable() {
            self.timers.arm(now + T1, Timer::E(index));
        }
        self.timers.arm(now + LIFE, Timer::F(index));
    }

    pub(super) fn request_response(&mut self, now: Duration, index: usize, response: &Response) {
        let status = response.status();
        let transaction = &mut self.requests[index];
        let purpose = transaction.purpose;
        match transaction.state {
            RequestState::Trying { .. } if status.is_provisional() => {
                transaction.state = RequestState::Proceeding;
            }
            RequestState::Trying { .. } | RequestState::Proceeding if status.is_final() => {
                transaction.state = RequestState::Completed;
                self.timers.arm(now + T4, Timer::K(index));
                self.conclude(now, purpose, Some(response));
            }
            _ => {}
        }
    }

    pub(super) fn request_timer(&mut self, now: Duration, timer: Timer, index: usize) {
        let transaction = &mut self.requests[index];
        let purpose = transaction.purpose;
        match (transaction.state, timer) {
            (RequestState::Trying { interval }, Timer::E(_)) => {
                let interval = (interval * 2).min(T2);
                transaction.state = RequestState::Trying { interval };
                self.timers.arm(now + interval, timer);
                self.outbox.push(transaction.bytes.clone());
            }
            (RequestState::Proceeding, Timer::E(_)) => {
                self.timers.arm(now + T2, timer);
                self.outbox.push(transaction.bytes.clone());
            }
            (RequestState::Trying { .. } | RequestState::Proceeding, Timer::F(_)) => {
                transaction.state = RequestState::Terminated;
                self.conclude(now, purpose, None);
            }
            (RequestState::Completed, Timer::K(_)) => {
                transaction.state = RequestState::Terminated;
            }
            _ => {}
        }
    }
}
