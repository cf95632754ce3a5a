//! One client transaction.

use std::time::Duration;
use std::vec;

use bytes::Bytes;
use offhook_message::{Method, Response};

use super::clients::ClientTransactions;
use super::follow_up::acknowledgement;
use super::host_name::HostName;
use super::step::Step;
use crate::event::{SessionId, TransactionId, TransactionSlot};
use crate::flow::{Channel, Flow, Transport};
use crate::id::{OutgoingInviteId, OutgoingRequestId, SubscriptionId};
use crate::outbox::Outbox;
use crate::random::Token;
use crate::slot::Slot;
use crate::timers::{ClientTimer, Timer};

/// One client transaction, and whom it works for.
///
/// [RFC 3261 §17.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.1) with the Accepted state of
/// [RFC 6026 §7.2](https://www.rfc-editor.org/rfc/rfc6026#section-7.2). Timers A, E and what absorbs repetitions of a
/// refusal or of the response are for UDP: over a stream Completed is over at once. Timer B, F or M runs from the
/// beginning, so that a request whose host is never resolved ends too.
///
/// | state               | what comes | INVITE              | another method            | next                |
/// |---------------------|------------|---------------------|---------------------------|---------------------|
/// | Resolving           | its way    | send, arm A         | send, arm E               | Calling             |
/// | Calling             | A, E       | repeat, T1 doubling | repeat, T1 doubling to T2 |                     |
/// | Proceeding          | E          |                     | repeat, every T2          |                     |
/// | Calling, Proceeding | 1xx        | tell                | tell                      | Proceeding          |
/// | Calling, Proceeding | 2xx        | tell, arm M         | tell, arm K               | Accepted, Completed |
/// | Calling, Proceeding | 300-699    | tell, ACK, arm D    | tell, arm K               | Completed           |
/// | Completed           | 300-699    | ACK again           |                           |                     |
/// | Accepted            | 2xx        | tell                |                           |                     |
/// | Resolving, Calling  | B, F       | tell                | tell                      | Terminated          |
/// | Proceeding          | D, F       | (its user is gone)  | tell                      | Terminated          |
/// | Completed           | D, K       |                     |                           | Terminated          |
/// | Accepted            | M          | tell                |                           | Terminated          |
///
/// A request that cannot be delivered may go elsewhere. Where that is to be looked up, it is Resolving again.
///
/// The ACK of a 2xx gets no response. It stays in Calling until M, and goes out again when its 2xx comes again
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
#[derive(Debug)]
pub(crate) struct ClientTransaction {
    pub(super) branch: Token,
    pub(crate) method: Method,
    /// The way its request goes.
    pub(crate) flow: Flow,
    /// The way over UDP, where the request goes over TCP for its size.
    datagram: Option<Box<Flow>>,
    /// For when the request cannot be delivered.
    pub(super) elsewhere: Option<Box<Elsewhere>>,
    pub(super) state: ClientState,
    /// What goes out again: the request, then the ACK of its refusal, then nothing.
    pub(super) message: Bytes,
    /// How long after the last the next repetition follows.
    interval: Duration,
    pub(crate) user: ClientUser,
}

/// Where else a host is.
#[derive(Debug)]
pub(super) enum Elsewhere {
    Addresses(vec::IntoIter<Flow>),
    /// Wherever its name leads to.
    Name(HostName),
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientUser {
    /// The BYE of a session.
    Session(SessionId),
    /// A re-INVITE or UPDATE of a session.
    Change(SessionId),
    /// Another request inside a session.
    Inside(SessionId),
    /// An INVITE outside of a dialog.
    Invite(OutgoingInviteId),
    /// Another request outside of a dialog.
    Request(OutgoingRequestId),
    /// The REGISTER of a registration, or the PUBLISH of a published state.
    Kept(Slot),
    /// A REFER of ours, by its name.
    Refer(SessionId, u32),
    /// A NOTIFY about a REFER of the peer's, by the number of that.
    Referral(SessionId, u32),
    /// A CANCEL or an ACK: nobody waits for an outcome.
    Nobody,
    /// A PRACK: what it says comes again where it is missed.
    Prack(SessionId),
    /// A re-INVITE that is acknowledged by this ACK, which goes out again when the 2xx comes again.
    Acknowledged(Slot),
    /// A SUBSCRIBE of a subscription, by its number among those.
    Subscription(SubscriptionId, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientState {
    /// The address of its host is not known yet.
    Resolving,
    /// Sent, and without a response; Trying of other methods than INVITE.
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// What a step means to the user of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientOutcome {
    /// Nothing new.
    Pending,
    /// A provisional response.
    Provisional,
    /// The final response, once; for INVITE each 2xx, repetitions included: only the user knows which dialog it
    /// belongs to.
    Final,
    /// Timer B or F.
    Timeout,
    /// Timer M: no further 2xx to this INVITE will be heard.
    Terminated,
}

impl ClientTransaction {
    /// One for `request`, which goes out with [`ClientStep::send`].
    pub(crate) fn new(
        branch: Token,
        method: Method,
        request: Bytes,
        flow: Flow,
        user: ClientUser,
    ) -> Self {
        let (message, datagram) = match over_tcp(&request, flow) {
            Some(request) => (request, Some(Box::new(flow))),
            None => (request, None),
        };
        Self {
            branch,
            method,
            flow,
            datagram,
            elsewhere: None,
            state: ClientState::Resolving,
            message,
            interval: Duration::ZERO,
            user,
        }
    }

    /// Sends the message that it repeats, if any.
    fn transmit(&self, slot: Slot, outbox: &mut Outbox) {
        if !self.message.is_empty() {
            let name = TransactionId(TransactionSlot::Client(slot));
            outbox.transmit(self.flow, self.message.clone(), Some(name));
        }
    }
}

/// A client transaction at work.
pub(crate) type ClientStep<'a> = Step<'a, ClientTransactions>;

impl ClientStep<'_> {
    /// The wait begins.
    pub(crate) fn begin(&mut self) {
        self.totals.requests_sent += 1;
        let timer = match self.transactions.get(self.slot).map(|it| &it.method) {
            Some(Method::Invite) => ClientTimer::B,
            Some(Method::Ack) => ClientTimer::M,
            _ => ClientTimer::F,
        };
        self.arm(timer, self.times.transaction_life());
    }

    /// Sends the request over `flow`, unless that is done already.
    pub(crate) fn send(&mut self, flow: Flow) {
        let transaction = self.transactions.get_mut(self.slot);
        let Some(transaction) = transaction.filter(|it| it.state == ClientState::Resolving) else {
            return;
        };
        let flow = match &mut transaction.datagram {
            Some(datagram) => {
                **datagram = flow;
                Flow {
                    transport: Transport::Tcp,
                    channel: Channel::NONE,
                    ..flow
                }
            }
            None => flow,
        };
        self.start(flow);
    }

    /// The 2xx of an ACK came again.
    pub(crate) fn repeat(&mut self) {
        let transaction = self.transactions.get(self.slot);
        if let Some(sent) = transaction.filter(|it| it.state == ClientState::Calling) {
            sent.transmit(self.slot, self.outbox);
        }
    }

    pub(crate) fn receive(&mut self, response: &Response) -> ClientOutcome {
        use ClientState::{Accepted, Calling, Completed, Proceeding, Resolving};
        let transaction = self.transactions.get_mut(self.slot);
        let Some(transaction) = transaction.filter(|it| it.method != Method::Ack) else {
            return ClientOutcome::Pending;
        };
        let status = response.status();
        match transaction.state {
            Calling | Proceeding if status.is_provisional() => {
                transaction.state = Proceeding;
                transaction.interval = self.times.t2;
                ClientOutcome::Provisional
            }
            Calling | Proceeding => {
                self.finish(response);
                ClientOutcome::Final
            }
            Completed if status.is_final() && !status.is_success() => {
                transaction.transmit(self.slot, self.outbox);
                ClientOutcome::Pending
            }
            Accepted if status.is_success() => ClientOutcome::Final,
            Resolving | Completed | Accepted => ClientOutcome::Pending,
        }
    }

    pub(crate) fn timer(&mut self, timer: ClientTimer) -> ClientOutcome {
        use ClientState::{Accepted, Calling, Completed, Proceeding, Resolving};
        use ClientTimer::{A, B, D, E, F, K, M};
        let Some(transaction) = self.transactions.get_mut(self.slot) else {
            return ClientOutcome::Pending;
        };
        let outcome = match (transaction.state, timer) {
            (Calling, A) | (Calling | Proceeding, E) => {
                transaction.transmit(self.slot, self.outbox);
                self.totals.repeated_requests_sent += 1;
                transaction.interval = match timer {
                    A => transaction.interval * 2,
                    _ => self.times.next_interval(transaction.interval),
                };
                let after = transaction.interval;
                self.arm(timer, after);
                return ClientOutcome::Pending;
            }
            (Resolving | Calling, B) | (Resolving | Calling | Proceeding, F) => {
                ClientOutcome::Timeout
            }
            (Proceeding | Completed, D) | (Completed, K) | (Resolving | Calling, M) => {
                ClientOutcome::Pending
            }
            (Accepted, M) => ClientOutcome::Terminated,
            _ => return ClientOutcome::Pending,
        };
        self.transactions.remove(self.slot);
        outcome
    }

    /// Takes out a transaction whose request could not be delivered. `None` where that does not
    /// matter: a response has come already, an ACK is asked for again if it is missed, what
    /// went over TCP for its size is tried over UDP ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1)),
    /// and the host has another address ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)) or a name
    /// that says where it is now.
    pub(crate) fn undelivered(&mut self) -> Option<ClientTransaction> {
        let transaction = self.transactions.get_mut(self.slot)?;
        let matters = match transaction.state {
            // An ACK may have gone out again before it was known that the first was lost.
            ClientState::Resolving => transaction.method != Method::Ack,
            ClientState::Calling => {
                let is_ack = transaction.method == Method::Ack;
                if let Some(datagram) = transaction.datagram.take() {
                    transaction.message = with_transport(&transaction.message, *b"UDP");
                    self.start(*datagram);
                    return None;
                }
                if self.go_elsewhere() {
                    return None;
                }
                !is_ack
            }
            ClientState::Proceeding => transaction.method != Method::Invite,
            ClientState::Completed | ClientState::Accepted => false,
        };
        if matters {
            self.transactions.remove(self.slot)
        } else {
            None
        }
    }

    /// Takes out a transaction whose host has no address. `None` where that does not matter: an ACK that went out once
    /// may go the same way again when its 2xx comes again.
    pub(crate) fn not_found(&mut self) -> Option<ClientTransaction> {
        let transaction = self.transactions.get_mut(self.slot)?;
        if transaction.state != ClientState::Resolving {
            return None;
        }
        let was_sent = !transaction.interval.is_zero();
        if transaction.method == Method::Ack && was_sent {
            transaction.state = ClientState::Calling;
            return None;
        }
        self.transactions.remove(self.slot)
    }

    /// Sends the request to the next address of its host, or looks for that. False where it is nowhere else.
    #[must_use]
    fn go_elsewhere(&mut self) -> bool {
        let Some(transaction) = self.transactions.get_mut(self.slot) else {
            return false;
        };
        if let Some(Elsewhere::Addresses(others)) = transaction.elsewhere.as_deref_mut() {
            let Some(other) = others.next() else {
                return false;
            };
            transaction.flow.channel = other.channel;
            transaction.flow.remote = other.remote;
            transaction.transmit(self.slot, self.outbox); // The timers go on.
            return true;
        }
        let Some(Elsewhere::Name(name)) = transaction.elsewhere.take().map(|it| *it) else {
            return false;
        };
        transaction.state = ClientState::Resolving;
        let id = TransactionId(TransactionSlot::Client(self.slot));
        let resolve = name.resolve(id, transaction.flow.transport);
        self.outbox.resolve(resolve);
        true
    }

    fn start(&mut self, flow: Flow) {
        let Some(transaction) = self.transactions.get_mut(self.slot) else {
            return;
        };
        let t1 = self.times.t1;
        transaction.flow = flow;
        transaction.state = ClientState::Calling;
        transaction.interval = t1;
        transaction.transmit(self.slot, self.outbox);
        match transaction.method {
            _ if flow.transport.is_reliable() => {}
            Method::Invite => self.arm(ClientTimer::A, t1),
            Method::Ack => {}
            _ => self.arm(ClientTimer::E, t1),
        }
    }

    /// The first final response is here.
    fn finish(&mut self, response: &Response) {
        let Some(transaction) = self.transactions.get_mut(self.slot) else {
            return;
        };
        let life = self.times.transaction_life();
        let request = std::mem::take(&mut transaction.message);
        transaction.state = ClientState::Completed;
        if transaction.method != Method::Invite {
            self.absorb(ClientTimer::K, self.times.t4);
        } else if response.status().is_success() {
            transaction.state = ClientState::Accepted;
            self.arm(ClientTimer::M, life);
        } else {
            transaction.message = acknowledgement(request, response).unwrap_or_default();
            transaction.transmit(self.slot, self.outbox);
            self.absorb(ClientTimer::D, life);
        }
    }

    /// Absorbs repetitions until this timer ends it: of what came over a stream there are none.
    fn absorb(&mut self, timer: ClientTimer, after: Duration) {
        let transaction = self.transactions.get(self.slot);
        if transaction.is_some_and(|it| it.flow.transport.is_reliable()) {
            self.transactions.remove(self.slot);
        } else {
            self.arm(timer, after);
        }
    }

    fn arm(&mut self, timer: ClientTimer, after: Duration) {
        self.timers.arm(after, Timer::Client(self.slot, timer));
    }
}

/// The request as it goes over TCP, where it is too large for a datagram and would go by one
/// ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1)).
fn over_tcp(request: &Bytes, flow: Flow) -> Option<Bytes> {
    let is_too_large = flow.transport == Transport::Udp && request.len() > LARGEST_DATAGRAM;
    is_too_large.then(|| with_transport(request, *b"TCP"))
}

/// The request with another transport in its Via, which is ours and its first.
fn with_transport(request: &Bytes, name: [u8; 3]) -> Bytes {
    let mut request = request.to_vec();
    let via = request.windows(VIA.len()).position(|octets| octets == VIA);
    let place = via.and_then(|via| request.get_mut(via + VIA.len()..)?.first_chunk_mut());
    if let Some(place) = place {
        *place = name;
    }
    request.into()
}

/// In octets.
const LARGEST_DATAGRAM: usize = 1300;
const VIA: &[u8] = b"\r\nVia: SIP/2.0/";
