//! One server transaction.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Method, Request, StatusCode};

use super::host_name::HostName;
use super::servers::ServerTransactions;
use super::step::Step;
use crate::digest::is_challenge;
use crate::event::{InviteId, TransactionId, TransactionSlot};
use crate::fingerprint::Fingerprint;
use crate::flow::Flow;
use crate::outbox::Outbox;
use crate::slot::Slot;
use crate::tag::Tag;
use crate::timers::{ServerTimer, Timer};

/// One server transaction.
///
/// [RFC 3261 §17.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.2) with the Accepted state of
/// [RFC 6026 §7.1](https://www.rfc-editor.org/rfc/rfc6026#section-7.1). An INVITE begins in Proceeding, another method in
/// Trying. For that no provisional response is sent but a late 100, which
/// [RFC 4320 §4.1](https://www.rfc-editor.org/rfc/rfc4320#section-4.1) allows and nothing here needs, so it never
/// proceeds. Timer G and what absorbs repetitions are for UDP: over a stream I and J are over at once.
///
/// | state                          | what comes            | what is done                  | next       |
/// |--------------------------------|-----------------------|-------------------------------|------------|
/// | Trying, Confirmed, Accepted    | the request again     | absorb                        |            |
/// | Proceeding, Completed          | the request again     | send the last response again  |            |
/// | Trying                         | 200-699 from the user | send, arm J                   | Completed  |
/// | Proceeding                     | 1xx from the user     | send                          |            |
/// | Proceeding                     | 2xx from the user     | send, arm L                   | Accepted   |
/// | Proceeding                     | 300-699 from the user | send, arm G* and H            | Completed  |
/// | Completed                      | G                     | send again, T1 doubling to T2 |            |
/// | Completed                      | ACK                   | arm I                         | Confirmed  |
/// | Completed                      | H                     | tell that nobody acknowledged | Terminated |
/// | Completed, Confirmed, Accepted | J, I, L               |                               | Terminated |
///
/// * Not for a challenge that is our first word: the caller may be anybody, and repeats its INVITE until it hears of us
///   ([RFC 3261 §26.3.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-26.3.2.4)).
#[derive(Debug)]
pub(crate) struct ServerTransaction {
    pub(super) key: Fingerprint,
    pub(super) merge_key: Option<Fingerprint>,
    state: TransactionState,
    /// What goes out again when the request comes again.
    response: Option<Bytes>,
    /// How long after the last the next repetition of the response follows.
    interval: Duration,
    /// What it holds, about: the request, and a response that repeats most of its headers.
    pub(super) octets: usize,
    /// Where its responses go.
    pub(crate) flow: Flow,
    /// The To tag of its responses.
    pub(crate) to_tag: Tag,
    /// Who answers its request.
    pub(crate) user: TransactionUser,
    /// Where the client may be found once its connection is gone.
    pub(crate) sent_by: Option<Box<HostName>>,
}

/// Who answers the request of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionUser {
    /// The core has answered it.
    Core,
    /// The application, as a new call.
    Invite(InviteId),
    /// The application, as an offer inside a session.
    Offer(Slot),
}

/// The states of RFC 3261 §17.2 and RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// A request other than INVITE, not answered yet.
    Trying,
    /// An INVITE, not finally answered yet.
    Proceeding,
    /// A 2xx to INVITE was sent; repetitions of the INVITE are absorbed.
    Accepted,
    /// The final response was sent (for INVITE: 300 to 699).
    Completed,
    /// The ACK of a 300-699 came.
    Confirmed,
    /// Over.
    Terminated,
}

impl ServerTransaction {
    pub(crate) fn new(
        request: &Request,
        key: Fingerprint,
        merge_key: Option<Fingerprint>,
        flow: Flow,
        to_tag: Tag,
    ) -> Self {
        Self {
            key,
            merge_key,
            state: match request.method() {
                Method::Invite => TransactionState::Proceeding,
                _ => TransactionState::Trying,
            },
            response: None,
            interval: Duration::ZERO,
            octets: 2 * request.as_bytes().len(),
            flow,
            to_tag,
            user: TransactionUser::Core,
            sent_by: None,
        }
    }

    pub(crate) fn state(&self) -> TransactionState {
        self.state
    }

    /// Sends the response that it repeats, if any.
    fn transmit(&self, slot: Slot, outbox: &mut Outbox) {
        if let Some(response) = &self.response {
            let name = TransactionId(TransactionSlot::Server(slot));
            outbox.transmit(self.flow, response.clone(), Some(name));
        }
    }
}

/// A server transaction at work.
pub(crate) type ServerStep<'a> = Step<'a, ServerTransactions>;

impl ServerStep<'_> {
    /// The request came again.
    pub(crate) fn repeat(&mut self) {
        if let Some(transaction) = self.transactions.get(self.slot) {
            transaction.transmit(self.slot, self.outbox);
        }
    }

    /// A response again that its user repeats. Where the client can still be looked for by its name, it is to be heard
    /// of when this one does not arrive.
    pub(crate) fn send_again(&mut self, response: Bytes) {
        if let Some(transaction) = self.transactions.get(self.slot) {
            let name = TransactionId(TransactionSlot::Server(self.slot));
            let name = transaction.sent_by.is_some().then_some(name);
            self.outbox.transmit(transaction.flow, response, name);
        }
    }

    /// A response from the user. Past Proceeding it is ignored: the owner asks first.
    pub(crate) fn respond(&mut self, status: StatusCode, response: Bytes) {
        use TransactionState::{Accepted, Completed, Proceeding, Trying};
        self.totals.responses += 1;
        let transaction = self.transactions.get_mut(self.slot);
        let Some(transaction) = transaction.filter(|it| matches!(it.state, Trying | Proceeding))
        else {
            return;
        };
        let is_first = transaction.response.replace(response).is_none();
        transaction.transmit(self.slot, self.outbox);
        let (t1, life) = (self.times.t1, self.times.transaction_life());
        if transaction.state == Trying {
            transaction.state = Completed;
            self.absorb(ServerTimer::J, life);
        } else if status.is_success() {
            transaction.state = Accepted;
            transaction.response = None;
            self.arm(ServerTimer::L, life);
        } else if status.is_final() {
            transaction.state = Completed;
            transaction.interval = t1;
            let is_had_again = is_first && is_challenge(status);
            if !transaction.flow.transport.is_reliable() && !is_had_again {
                self.arm(ServerTimer::G, t1);
            }
            self.arm(ServerTimer::H, life);
        }
    }

    /// An ACK with the branch of the INVITE. In Accepted it is the dialog's and does not come here.
    pub(crate) fn acknowledge(&mut self) {
        let transaction = self.transactions.get_mut(self.slot);
        if let Some(refused) = transaction.filter(|it| it.state == TransactionState::Completed) {
            refused.state = TransactionState::Confirmed;
            refused.response = None;
            self.absorb(ServerTimer::I, self.times.t4);
        }
    }

    /// The INVITE that ends with it, where nobody acknowledged the final response.
    pub(crate) fn timer(&mut self, timer: ServerTimer) -> Option<InviteId> {
        use ServerTimer::{G, H, I, J, L};
        use TransactionState::{Accepted, Completed, Confirmed};
        let transaction = self.transactions.get_mut(self.slot)?;
        match (transaction.state, timer) {
            (Completed, G) => {
                transaction.transmit(self.slot, self.outbox);
                transaction.interval = self.times.next_interval(transaction.interval);
                let after = transaction.interval;
                self.arm(G, after);
                None
            }
            (Completed, H) => match self.transactions.remove(self.slot)?.user {
                TransactionUser::Invite(invite) => Some(invite),
                TransactionUser::Core | TransactionUser::Offer(_) => None,
            },
            (Completed, J) | (Confirmed, I) | (Accepted, L) => {
                self.transactions.remove(self.slot);
                None
            }
            _ => None,
        }
    }

    /// Absorbs repetitions until this timer ends it: of what came over a stream there are none.
    fn absorb(&mut self, timer: ServerTimer, after: Duration) {
        let transaction = self.transactions.get(self.slot);
        if transaction.is_some_and(|it| it.flow.transport.is_reliable()) {
            self.transactions.remove(self.slot);
        } else {
            self.arm(timer, after);
        }
    }

    fn arm(&mut self, timer: ServerTimer, after: Duration) {
        self.timers.arm(after, Timer::Server(self.slot, timer));
    }
}
