//! The server transaction of every method but INVITE and ACK.

use bytes::Bytes;

use super::effects::Effects;
use crate::timers::ServerTimer;

/// [RFC 3261 §17.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.2). No provisional response is sent but a
/// late 100, which [RFC 4320 §4.1](https://www.rfc-editor.org/rfc/rfc4320#section-4.1) allows and nothing here needs, so the
/// state Proceeding does not exist.
///
/// ```text
///        request
///           |
///      +----v-----+
///      |  Trying  |<--+ request: absorb
///      |          |---+
///      +----+-----+
///           | 200-699: send, arm J
///      +----v------+
///      | Completed |<--+ request: repeat the response
///      |           |---+
///      +----+------+
///           | J
///      +----v-------+
///      | Terminated |
///      +------------+
/// ```
#[derive(Debug)]
pub(crate) enum NonInviteServerTransaction {
    Trying,
    Completed { response: Bytes },
    Terminated,
}

impl NonInviteServerTransaction {
    /// A repetition of the request.
    pub(crate) fn receive_request(&self, effects: &mut Effects<'_, '_>) {
        if let Self::Completed { response } = self {
            effects.transmit(response);
        }
    }

    /// The final response. A second one is ignored.
    pub(crate) fn respond(self, bytes: Bytes, effects: &mut Effects<'_, '_>) -> Self {
        let Self::Trying = self else {
            return self;
        };
        effects.transmit(&bytes);
        if effects.is_reliable() {
            return Self::Terminated;
        }
        effects.arm_server(ServerTimer::J, effects.times().transaction_life());
        Self::Completed { response: bytes }
    }

    pub(crate) fn timer(self, timer: ServerTimer) -> Self {
        match (self, timer) {
            (Self::Completed { .. }, ServerTimer::J) => Self::Terminated,
            (other, _) => other,
        }
    }
}
