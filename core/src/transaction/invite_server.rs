//! The INVITE server transaction.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::StatusCode;

use super::effects::Effects;
use crate::timers::ServerTimer;

/// [RFC 3261 §17.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.1) with the Accepted state of
/// [RFC 6026 §7.1](https://www.rfc-editor.org/rfc/rfc6026#section-7.1).
///
/// ```text
///                        INVITE
///                          |
///   INVITE: repeat     +---v--------+  1xx: send
///   the last 1xx  +--->| Proceeding |<---+
///                 +----|            |----+
///                      +--+------+--+
///        3xx-6xx: send    |      |   2xx: send, arm L
///        arm H, G (UDP)   |      |
///                  +------v----+ |   +----------+
///  INVITE, G:  +-->| Completed | +-->| Accepted |<--+ INVITE: absorb
///  repeat      +---|           |     |          |---+ ACK: to the dialog
///                  +--+-----+--+     +----+-----+
///            ACK      |     | H           | L
///            arm I    |     +-------+     |
///                  +--v--------+    |     |
///  INVITE, ACK:    | Confirmed |    |     |
///  absorb          +--+--------+    |     |
///                     | I           |     |
///                  +--v-------------v-----v--+
///                  |       Terminated        |
///                  +-------------------------+
/// ```
#[derive(Debug)]
pub(crate) enum InviteServerTransaction {
    Proceeding { provisional: Option<Bytes> },
    Completed { response: Bytes, interval: Duration },
    Confirmed,
    Accepted,
    Terminated { acknowledged: bool },
}

impl InviteServerTransaction {
    pub(crate) const fn new() -> Self {
        Self::Proceeding { provisional: None }
    }

    /// A repetition of the INVITE.
    pub(crate) fn receive_invite(&self, effects: &mut Effects<'_, '_>) {
        match self {
            Self::Proceeding {
                provisional: Some(bytes),
            }
            | Self::Completed {
                response: bytes, ..
            } => effects.transmit(bytes),
            _ => {}
        }
    }

    /// An ACK with the branch of the INVITE. In Accepted it is the dialog's and does not come here.
    pub(crate) fn receive_ack(self, effects: &mut Effects<'_, '_>) -> Self {
        match self {
            Self::Completed { .. } if effects.is_reliable() => {
                Self::Terminated { acknowledged: true }
            }
            Self::Completed { .. } => {
                effects.arm_server(ServerTimer::I, effects.times().t4);
                Self::Confirmed
            }
            other => other,
        }
    }

    /// A response from the user. Past Proceeding it is ignored: the owner asks first.
    pub(crate) fn respond(
        self,
        status: StatusCode,
        bytes: Bytes,
        effects: &mut Effects<'_, '_>,
    ) -> Self {
        if !matches!(self, Self::Proceeding { .. }) {
            return self;
        }
        effects.transmit(&bytes);
        let life = effects.times().transaction_life();
        if status.is_provisional() {
            return Self::Proceeding {
                provisional: Some(bytes),
            };
        }
        if status.is_success() {
            effects.arm_server(ServerTimer::L, life);
            return Self::Accepted;
        }
        let interval = effects.times().t1;
        if !effects.is_reliable() {
            effects.arm_server(ServerTimer::G, interval);
        }
        effects.arm_server(ServerTimer::H, life);
        Self::Completed {
            response: bytes,
            interval,
        }
    }

    pub(crate) fn timer(self, timer: ServerTimer, effects: &mut Effects<'_, '_>) -> Self {
        match (self, timer) {
            (Self::Completed { response, interval }, ServerTimer::G) => {
                effects.transmit(&response);
                let interval = effects.times().next_interval(interval);
                effects.arm_server(ServerTimer::G, interval);
                Self::Completed { response, interval }
            }
            (Self::Completed { .. }, ServerTimer::H) => Self::Terminated {
                acknowledged: false,
            },
            (Self::Confirmed, ServerTimer::I) | (Self::Accepted, ServerTimer::L) => {
                Self::Terminated { acknowledged: true }
            }
            (other, _) => other,
        }
    }
}
