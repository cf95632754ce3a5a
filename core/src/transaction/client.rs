//! The table of client transactions.

use std::collections::HashMap;
use std::vec;

use bytes::Bytes;
use offhook_message::{Method, Response};

use super::effects::{Context, Effects};
use super::invite_client::InviteClientTransaction;
use super::non_invite_client::{ClientOutcome, NonInviteClientTransaction};
use crate::event::{SessionId, TransactionId, TransactionSlot};
use crate::fingerprint::Already;
use crate::flow::{Channel, Flow, Transport};
use crate::id::{
    OutgoingInviteId, OutgoingRequestId, PublicationId, RegistrationId, SubscriptionId,
};
use crate::random::Token;
use crate::slot::{Slot, Slots};
use crate::timers::ClientTimer;

/// One client transaction, and whom it works for.
#[derive(Debug)]
pub(crate) struct ClientTransaction {
    branch: Token,
    pub(crate) method: Method,
    /// The way its request goes.
    pub(crate) flow: Flow,
    /// The way over UDP, where the request goes over TCP for its size.
    datagram: Option<Box<Flow>>,
    /// Where else its host is, for when the request cannot be delivered.
    others: Option<Box<vec::IntoIter<Flow>>>,
    machine: Machine,
    pub(crate) user: ClientUser,
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
    /// The REGISTER of a registration.
    Registration(RegistrationId),
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
    /// The PUBLISH of a published state.
    Publication(PublicationId),
}

/// A request that waits for the address of its host, or its transaction.
#[derive(Debug)]
enum Machine {
    Resolving {
        request: Bytes,
    },
    Invite(InviteClientTransaction),
    NonInvite(NonInviteClientTransaction),
    /// The ACK of a 2xx: it gets no response, and goes out again when its 2xx comes again
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    Acknowledgement {
        request: Bytes,
    },
}

/// All client transactions, found by branch. A branch is our own random number, so it is its own
/// hash.
#[derive(Debug)]
pub(crate) struct ClientTransactions {
    slots: Slots<ClientTransaction>,
    by_branch: HashMap<Token, Slot, Already>,
    /// A CANCEL has the branch of its INVITE.
    cancels: HashMap<Token, Slot, Already>,
}

impl ClientTransactions {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slots::new(),
            by_branch: HashMap::default(),
            cancels: HashMap::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&ClientTransaction> {
        self.slots.get(slot)
    }

    pub(crate) fn set_user(&mut self, slot: Slot, user: ClientUser) {
        if let Some(transaction) = self.slots.get_mut(slot) {
            transaction.user = user;
        }
    }

    /// A transaction for `request`, which goes out with [`Self::send`].
    ///
    /// Timer B, F or M runs from here, so that one whose host is never resolved ends too.
    pub(crate) fn insert(
        &mut self,
        branch: Token,
        method: Method,
        request: Bytes,
        flow: Flow,
        user: ClientUser,
        context: &mut Context<'_>,
    ) -> Slot {
        let timer = match method {
            Method::Ack => ClientTimer::M,
            Method::Invite => ClientTimer::B,
            _ => ClientTimer::F,
        };
        let index = match method {
            Method::Cancel => &mut self.cancels,
            _ => &mut self.by_branch,
        };
        let (request, datagram) = match over_tcp(&request, flow) {
            Some(request) => (request, Some(Box::new(flow))),
            None => (request, None),
        };
        let slot = self.slots.insert(ClientTransaction {
            branch,
            method,
            flow,
            datagram,
            others: None,
            machine: Machine::Resolving { request },
            user,
        });
        index.insert(branch, slot);
        let mut effects = effects(flow, slot, context);
        effects.arm_client(timer, effects.times().transaction_life());
        slot
    }

    /// Sends the request over `flow`, unless that is done already.
    pub(crate) fn send(&mut self, slot: Slot, flow: Flow, context: &mut Context<'_>) {
        let Some(transaction) = self.slots.get_mut(slot) else {
            return;
        };
        if let Machine::Resolving { request } = &transaction.machine {
            let request = request.clone();
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
            transaction.start(slot, request, flow, context);
        }
    }

    /// Where else the host is that the request went to.
    pub(crate) fn set_others(&mut self, slot: Slot, flows: Vec<Flow>) {
        if let Some(transaction) = self.slots.get_mut(slot).filter(|_| !flows.is_empty()) {
            transaction.others = Some(Box::new(flows.into_iter()));
        }
    }

    /// An INVITE that got a provisional response: its branch, its way and its octets.
    pub(crate) fn proceeding(&self, slot: Slot) -> Option<(Token, Flow, Bytes)> {
        let transaction = self.slots.get(slot)?;
        match &transaction.machine {
            Machine::Invite(InviteClientTransaction::Proceeding { request }) => {
                Some((transaction.branch, transaction.flow, request.clone()))
            }
            _ => None,
        }
    }

    /// The octets of a request that waits for its final response.
    pub(crate) fn waiting(&self, slot: Slot) -> Option<Bytes> {
        match &self.slots.get(slot)?.machine {
            Machine::Resolving { request }
            | Machine::Invite(
                InviteClientTransaction::Calling { request, .. }
                | InviteClientTransaction::Proceeding { request },
            )
            | Machine::NonInvite(
                NonInviteClientTransaction::Trying { request, .. }
                | NonInviteClientTransaction::Proceeding { request },
            ) => Some(request.clone()),
            _ => None,
        }
    }

    /// Sends an ACK again.
    pub(crate) fn repeat(&self, slot: Slot, context: &mut Context<'_>) {
        if let Some(transaction) = self.slots.get(slot)
            && let Machine::Acknowledgement { request } = &transaction.machine
        {
            effects(transaction.flow, slot, context).transmit(request);
        }
    }

    /// The transaction that a response belongs to: the branch and the method of CSeq are ours
    /// ([RFC 3261 §17.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.3)).
    pub(crate) fn find(&self, branch: &[u8], method: &Method) -> Option<Slot> {
        let token = Token::parse(branch.strip_prefix(BRANCH_PREFIX)?)?;
        let index = match method {
            Method::Cancel => &self.cancels,
            _ => &self.by_branch,
        };
        let slot = *index.get(&token)?;
        (self.slots.get(slot)?.method == *method).then_some(slot)
    }

    pub(crate) fn receive_response(
        &mut self,
        slot: Slot,
        response: &Response,
        context: &mut Context<'_>,
    ) -> ClientOutcome {
        self.step(slot, context, |machine, effects| match machine {
            Machine::Invite(machine) => {
                let (next, outcome) = machine.receive_response(response, effects);
                (Machine::Invite(next), outcome)
            }
            Machine::NonInvite(machine) => {
                let (next, outcome) = machine.receive_response(response.status(), effects);
                (Machine::NonInvite(next), outcome)
            }
            other => (other, ClientOutcome::Pending),
        })
    }

    pub(crate) fn timer(
        &mut self,
        slot: Slot,
        timer: ClientTimer,
        context: &mut Context<'_>,
    ) -> ClientOutcome {
        self.step(slot, context, |machine, effects| match machine {
            Machine::Acknowledgement { .. } => (Machine::TERMINATED, ClientOutcome::Pending),
            Machine::Resolving { .. } => (Machine::TERMINATED, ClientOutcome::Timeout),
            Machine::Invite(machine) => {
                let (next, outcome) = machine.timer(timer, effects);
                (Machine::Invite(next), outcome)
            }
            Machine::NonInvite(machine) => {
                let (next, outcome) = machine.timer(timer, effects);
                (Machine::NonInvite(next), outcome)
            }
        })
    }

    /// Takes out a transaction whose request could not be delivered. `None` where that does not
    /// matter: an INVITE has a response already, an ACK is asked for again if it is missed, what
    /// went over TCP for its size is tried over UDP ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1)),
    /// and the host has another address ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)).
    pub(crate) fn undelivered(
        &mut self,
        slot: Slot,
        context: &mut Context<'_>,
    ) -> Option<ClientTransaction> {
        let transaction = self.slots.get_mut(slot)?;
        if let Some(request) = transaction.machine.unanswered().cloned()
            && let Some(datagram) = transaction.datagram.take()
        {
            let request = with_transport(&request, *b"UDP");
            transaction.start(slot, request, *datagram, context);
            return None;
        }
        if let Some(request) = transaction.machine.unanswered().cloned()
            && let Some(flow) = transaction.others.as_mut().and_then(Iterator::next)
        {
            let Flow {
                channel, remote, ..
            } = flow;
            transaction.flow.channel = channel;
            transaction.flow.remote = remote;
            // The timers go on.
            effects(transaction.flow, slot, context).transmit(&request);
            return None;
        }
        match &self.slots.get(slot)?.machine {
            Machine::Invite(machine) if !machine.is_calling() => None,
            Machine::Acknowledgement { .. } => None,
            _ => self.remove(slot),
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<ClientTransaction> {
        let transaction = self.slots.remove(slot)?;
        let index = match transaction.method {
            Method::Cancel => &mut self.cancels,
            _ => &mut self.by_branch,
        };
        index.remove(&transaction.branch);
        Some(transaction)
    }

    fn step(
        &mut self,
        slot: Slot,
        context: &mut Context<'_>,
        step: impl FnOnce(Machine, &mut Effects<'_, '_>) -> (Machine, ClientOutcome),
    ) -> ClientOutcome {
        let Some(transaction) = self.slots.get_mut(slot) else {
            return ClientOutcome::Pending;
        };
        let mut effects = effects(transaction.flow, slot, context);
        let current = std::mem::replace(&mut transaction.machine, Machine::TERMINATED);
        let (next, outcome) = step(current, &mut effects);
        transaction.machine = next;
        if transaction.machine.is_terminated() {
            self.remove(slot);
        }
        outcome
    }
}

impl ClientTransaction {
    fn start(&mut self, slot: Slot, request: Bytes, flow: Flow, context: &mut Context<'_>) {
        self.flow = flow;
        let mut effects = effects(flow, slot, context);
        self.machine = match self.method {
            Method::Invite => {
                Machine::Invite(InviteClientTransaction::start(request, &mut effects))
            }
            Method::Ack => {
                effects.transmit(&request);
                Machine::Acknowledgement { request }
            }
            _ => Machine::NonInvite(NonInviteClientTransaction::start(request, &mut effects)),
        };
    }
}

impl Machine {
    /// The request, once it is sent and while there is no response.
    fn unanswered(&self) -> Option<&Bytes> {
        match self {
            Self::Invite(InviteClientTransaction::Calling { request, .. })
            | Self::NonInvite(NonInviteClientTransaction::Trying { request, .. })
            | Self::Acknowledgement { request } => Some(request),
            _ => None,
        }
    }

    const TERMINATED: Self = Self::NonInvite(NonInviteClientTransaction::Terminated);

    fn is_terminated(&self) -> bool {
        matches!(
            self,
            Self::NonInvite(NonInviteClientTransaction::Terminated)
                | Self::Invite(InviteClientTransaction::Terminated)
        )
    }
}

fn effects<'a, 'core>(
    flow: Flow,
    slot: Slot,
    context: &'a mut Context<'core>,
) -> Effects<'a, 'core> {
    Effects {
        context,
        flow,
        slot,
        transaction: TransactionId(TransactionSlot::Client(slot)),
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

/// What our branches begin with; 16 hexadecimal digits follow.
const BRANCH_PREFIX: &[u8] = b"z9hG4bK";
