//! Provisional responses that the caller acknowledges
//! ([RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3)).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Method, RAck, StatusCode};

use crate::slot::Slot;

/// The reliable provisional responses of one INVITE: one that is out and not acknowledged, and
/// those that wait for it.
#[derive(Debug)]
pub(crate) struct Reliable {
    /// The CSeq number of the INVITE.
    cseq: u32,
    /// The RSeq of the response that was written last.
    last: u32,
    /// The offer of a PRACK that met one of ours, and waits until that has its answer.
    pub(crate) offer: Option<Slot>,
    unacknowledged: Option<ReliableProvisional>,
    waiting: VecDeque<ReliableProvisional>,
}

/// One reliable provisional response.
#[derive(Debug)]
pub(crate) struct ReliableProvisional {
    pub(crate) rseq: u32,
    pub(crate) status: StatusCode,
    pub(crate) bytes: Bytes,
    /// The time to its next repetition.
    pub(crate) interval: Duration,
    /// Whether it has a session description, which holds a 2xx back.
    pub(crate) is_description: bool,
}

impl Reliable {
    /// `first` is random, from 1 to 2^31 - 1.
    pub(crate) fn new(cseq: u32, first: u32) -> Self {
        Self {
            cseq,
            last: first.wrapping_sub(1),
            offer: None,
            unacknowledged: None,
            waiting: VecDeque::new(),
        }
    }

    /// The RSeq of the next response.
    pub(crate) fn next_rseq(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Whether there is no room for another response.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// Takes a response. True where it is to be sent now: nothing is out before it.
    #[must_use]
    pub(crate) fn push(&mut self, provisional: ReliableProvisional) -> bool {
        if self.unacknowledged.is_some() {
            self.waiting.push_back(provisional);
            return false;
        }
        self.unacknowledged = Some(provisional);
        true
    }

    /// Whether no response waits for its PRACK.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.unacknowledged.is_none()
    }

    /// The response that is out, where it has this RSeq.
    pub(crate) fn unacknowledged(&mut self, rseq: u32) -> Option<&mut ReliableProvisional> {
        let provisional = self.unacknowledged.as_mut()?;
        (provisional.rseq == rseq).then_some(provisional)
    }

    /// Whether the response of this RSeq waits for its PRACK.
    pub(crate) fn awaits_prack(&self, rseq: u32) -> bool {
        let out = self.unacknowledged.as_ref();
        out.is_some_and(|provisional| provisional.rseq == rseq)
    }

    /// Whether a PRACK acknowledges the response that is out.
    #[must_use]
    pub(crate) fn matches(&self, rack: &RAck) -> bool {
        let rseq = self.unacknowledged.as_ref().map(|out| out.rseq);
        rseq == Some(rack.rseq) && rack.cseq == self.cseq && rack.method == Method::Invite
    }

    /// Whether the response that is out has a session description.
    pub(crate) fn is_description(&self) -> bool {
        let out = self.unacknowledged.as_ref();
        out.is_some_and(|out| out.is_description)
    }

    /// The response that is out is acknowledged. Gives the one to send next.
    pub(crate) fn acknowledge(&mut self) -> Option<&ReliableProvisional> {
        self.unacknowledged = self.waiting.pop_front();
        self.unacknowledged.as_ref()
    }

    /// A final response is out: what waits is never sent, and what is out is not repeated. Its PRACK
    /// may still come, or never (RFC 3262 §4).
    pub(crate) fn finish(&mut self) {
        self.waiting = VecDeque::new();
        if let Some(out) = &mut self.unacknowledged {
            out.bytes = Bytes::new();
        }
    }

    /// Whether a 2xx must wait for a PRACK, or for the answer to the offer of one.
    pub(crate) fn holds_success(&self) -> bool {
        if self.offer.is_some() {
            return true;
        }
        let out = self.unacknowledged.iter().chain(&self.waiting);
        out.into_iter()
            .any(|provisional| provisional.is_description)
    }
}

/// How many responses may wait behind one that is not acknowledged.
const MOST_WAITING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn provisional(rseq: u32) -> ReliableProvisional {
        ReliableProvisional {
            rseq,
            status: StatusCode::RINGING,
            bytes: Bytes::new(),
            interval: Duration::ZERO,
            is_description: rseq == 2,
        }
    }

    #[test]
    fn one_is_out_and_the_others_wait() {
        let mut reliable = Reliable::new(7, 1);
        assert_eq!(reliable.next_rseq(), 1);
        assert!(reliable.push(provisional(1)));
        assert!(!reliable.push(provisional(2)));
        assert!(reliable.holds_success());
        let rack = |rseq, cseq, method| RAck { rseq, cseq, method };
        assert!(!reliable.matches(&rack(2, 7, Method::Invite)));
        assert!(!reliable.matches(&rack(1, 8, Method::Invite)));
        assert!(!reliable.matches(&rack(1, 7, Method::Update)));
        assert!(reliable.matches(&rack(1, 7, Method::Invite)));
        assert_eq!(reliable.acknowledge().map(|next| next.rseq), Some(2));
        assert!(reliable.acknowledge().is_none());
        assert!(!reliable.holds_success());
    }
}
