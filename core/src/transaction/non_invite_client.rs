//! The client transaction of every method but INVITE and ACK.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::StatusCode;

use super::effects::Effects;
use crate::timers::ClientTimer;

/// [RFC 3261 §17.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.2).
///
/// ```text
///        request: send, arm F, E (UDP)
///           |
///      +----v-------+
///      |   Trying   |<--+ E: repeat, T1 doubling to T2
///      +--+------+--+---+
///         |      | 1xx
///         |   +--v---------+
///         |   | Proceeding |<--+ E: repeat, every T2
///         |   +--+------+--+---+
///         |      |      |
///  final  |      | final| F: timeout (from Trying too)
///  arm K  |      |      |
///      +--v------v-+    |
///      | Completed |    |
///      +----+------+    |
///           | K         |
///      +----v-----------v-+
///      |    Terminated    |
///      +------------------+
/// ```
#[derive(Debug)]
pub(crate) enum NonInviteClientTransaction {
    Trying { request: Bytes, interval: Duration },
    Proceeding { request: Bytes },
    Completed,
    Terminated,
}

/// What a step means to the user of the transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClientOutcome {
    /// Nothing new.
    Pending,
    /// A provisional response.
    Provisional(StatusCode),
    /// The final response; for INVITE each 2xx.
    Final(StatusCode),
    /// Timer B or F.
    Timeout,
    /// Timer M: no further 2xx to this INVITE will be heard.
    Terminated,
}

impl NonInviteClientTransaction {
    /// Sends the request.
    pub(crate) fn start(request: Bytes, effects: &mut Effects<'_, '_>) -> Self {
        effects.transmit(&request);
        let interval = effects.times().t1;
        if !effects.is_reliable() {
            effects.arm_client(ClientTimer::E, interval);
        }
        Self::Trying { request, interval }
    }

    pub(crate) fn receive_response(
        self,
        status: StatusCode,
        effects: &mut Effects<'_, '_>,
    ) -> (Self, ClientOutcome) {
        match self {
            Self::Trying { request, .. } | Self::Proceeding { request }
                if status.is_provisional() =>
            {
                let outcome = ClientOutcome::Provisional(status);
                (Self::Proceeding { request }, outcome)
            }
            Self::Trying { .. } | Self::Proceeding { .. } => {
                (Self::complete(effects), ClientOutcome::Final(status))
            }
            done => (done, ClientOutcome::Pending),
        }
    }

    pub(crate) fn timer(
        self,
        timer: ClientTimer,
        effects: &mut Effects<'_, '_>,
    ) -> (Self, ClientOutcome) {
        let next = match (self, timer) {
            (Self::Trying { request, interval }, ClientTimer::E) => {
                effects.transmit(&request);
                let interval = effects.times().next_interval(interval);
                effects.arm_client(ClientTimer::E, interval);
                Self::Trying { request, interval }
            }
            (Self::Proceeding { request }, ClientTimer::E) => {
                effects.transmit(&request);
                effects.arm_client(ClientTimer::E, effects.times().t2);
                Self::Proceeding { request }
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, ClientTimer::F) => {
                return (Self::Terminated, ClientOutcome::Timeout);
            }
            (Self::Completed, ClientTimer::K) => Self::Terminated,
            (other, _) => other,
        };
        (next, ClientOutcome::Pending)
    }

    fn complete(effects: &mut Effects<'_, '_>) -> Self {
        if effects.is_reliable() {
            return Self::Terminated;
        }
        effects.arm_client(ClientTimer::K, effects.times().t4);
        Self::Completed
    }
}
