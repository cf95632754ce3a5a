//! The table of client transactions.

use std::collections::HashMap;

use bytes::Bytes;
use offhook_message::{Method, StatusCode};

use super::effects::{Context, Effects};
use super::non_invite_client::{ClientOutcome, NonInviteClientTransaction};
use crate::event::{SessionId, TransactionId, TransactionSlot};
use crate::fingerprint::Already;
use crate::flow::Flow;
use crate::random::Token;
use crate::slot::{Slot, Slots};
use crate::timers::ClientTimer;

/// One client transaction, and the session it works for.
#[derive(Debug)]
pub(crate) struct ClientTransaction {
    branch: Token,
    method: Method,
    /// The way its request goes.
    pub(crate) flow: Flow,
    machine: Machine,
    /// The session whose request it is.
    pub(crate) session: SessionId,
}

/// A request that waits for the address of its host, or its transaction.
#[derive(Debug)]
enum Machine {
    Resolving { request: Bytes },
    NonInvite(NonInviteClientTransaction),
}

/// All client transactions, found by branch. A branch is our own random number, so it is its own
/// hash.
#[derive(Debug)]
pub(crate) struct ClientTransactions {
    slots: Slots<ClientTransaction>,
    by_branch: HashMap<Token, Slot, Already>,
}

impl ClientTransactions {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slots::new(),
            by_branch: HashMap::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&ClientTransaction> {
        self.slots.get(slot)
    }

    /// A transaction for `request`, which goes out with [`Self::send`].
    ///
    /// Timer F runs from here, so that one whose host is never resolved ends too.
    pub(crate) fn insert(
        &mut self,
        branch: Token,
        method: Method,
        request: Bytes,
        flow: Flow,
        session: SessionId,
        context: &mut Context<'_>,
    ) -> Slot {
        let slot = self.slots.insert(ClientTransaction {
            branch,
            method,
            flow,
            machine: Machine::Resolving { request },
            session,
        });
        self.by_branch.insert(branch, slot);
        let mut effects = effects(flow, slot, context);
        effects.arm_client(ClientTimer::F, effects.times().transaction_life());
        slot
    }

    /// Sends the request over `flow`, unless that is done already.
    pub(crate) fn send(&mut self, slot: Slot, flow: Flow, context: &mut Context<'_>) {
        let Some(transaction) = self.slots.get_mut(slot) else {
            return;
        };
        if let Machine::Resolving { request } = &transaction.machine {
            let request = request.clone();
            transaction.flow = flow;
            let mut effects = effects(flow, slot, context);
            transaction.machine =
                Machine::NonInvite(NonInviteClientTransaction::start(request, &mut effects));
        }
    }

    /// The transaction that a response belongs to: the branch and the method of CSeq are ours
    /// ([RFC 3261 §17.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.3)).
    pub(crate) fn find(&self, branch: &[u8], method: &Method) -> Option<Slot> {
        let token = Token::parse(branch.strip_prefix(BRANCH_PREFIX)?)?;
        let slot = *self.by_branch.get(&token)?;
        (self.slots.get(slot)?.method == *method).then_some(slot)
    }

    pub(crate) fn receive_response(
        &mut self,
        slot: Slot,
        status: StatusCode,
        context: &mut Context<'_>,
    ) -> ClientOutcome {
        self.step(slot, context, |machine, effects| {
            machine.receive_response(status, effects)
        })
    }

    pub(crate) fn timer(
        &mut self,
        slot: Slot,
        timer: ClientTimer,
        context: &mut Context<'_>,
    ) -> ClientOutcome {
        if timer == ClientTimer::F && self.is_resolving(slot) {
            self.remove(slot);
            return ClientOutcome::Timeout;
        }
        self.step(slot, context, |machine, effects| {
            machine.timer(timer, effects)
        })
    }

    /// Ends a transaction whose request cannot be delivered.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<ClientTransaction> {
        let transaction = self.slots.remove(slot)?;
        self.by_branch.remove(&transaction.branch);
        Some(transaction)
    }

    fn is_resolving(&self, slot: Slot) -> bool {
        let machine = self.slots.get(slot).map(|transaction| &transaction.machine);
        matches!(machine, Some(Machine::Resolving { .. }))
    }

    fn step(
        &mut self,
        slot: Slot,
        context: &mut Context<'_>,
        step: impl FnOnce(
            NonInviteClientTransaction,
            &mut Effects<'_, '_>,
        ) -> (NonInviteClientTransaction, ClientOutcome),
    ) -> ClientOutcome {
        let Some(transaction) = self.slots.get_mut(slot) else {
            return ClientOutcome::Pending;
        };
        let Machine::NonInvite(machine) = &mut transaction.machine else {
            return ClientOutcome::Pending;
        };
        let mut effects = effects(transaction.flow, slot, context);
        let current = std::mem::replace(machine, NonInviteClientTransaction::Terminated);
        let (next, outcome) = step(current, &mut effects);
        let is_over = matches!(next, NonInviteClientTransaction::Terminated);
        *machine = next;
        if is_over {
            self.remove(slot);
        }
        outcome
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

/// What our branches begin with; 16 hexadecimal digits follow.
const BRANCH_PREFIX: &[u8] = b"z9hG4bK";
