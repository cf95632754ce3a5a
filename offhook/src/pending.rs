use std::fmt;
use std::sync::Arc;

use offhook_core::InviteId;

use crate::backlog::Arrival;
use crate::handle::Place;
use crate::log::call_id;
use crate::shard::State;
use crate::shell::Shell;

/// What came and is for the application to answer. Dropped without an answer, it is refused.
pub(crate) struct Pending {
    pub(crate) shell: Arc<Shell>,
    pub(crate) arrival: Box<Arrival>,
}

impl Pending {
    pub(crate) fn new(shell: &Arc<Shell>, arrival: Box<Arrival>) -> Self {
        let shell = Arc::clone(shell);
        Self { shell, arrival }
    }

    /// Whether the call is over before anybody has seen it.
    pub(crate) fn is_over(&self, invite: InviteId) -> bool {
        let shard = self.shell.shard(self.arrival.shard);
        shard.calls(|calls| calls.over(invite)).is_some()
    }

    /// The place of something in its shard.
    pub(crate) fn place<Id>(&self, id: Id) -> Place<Id> {
        let (shell, shard) = (Arc::clone(&self.shell), self.arrival.shard);
        Place { shell, shard, id }
    }

    /// Does `work` on the core, and all that follows from it.
    pub(crate) fn act<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.shell.act(self.arrival.shard, work)
    }
}

/// Where it is answered, the core gives no server for it any more: also while it holds a 2xx back for a PRACK.
impl Drop for Pending {
    fn drop(&mut self) {
        self.act(|state| state.dispose(self.arrival.id));
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("id", &self.arrival.id)
            .field("method", self.arrival.message.method())
            .field("call_id", &call_id(self.arrival.message.headers()))
            .field("flow", &self.arrival.flow)
            .finish_non_exhaustive()
    }
}
