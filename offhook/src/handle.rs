//! From a handle to what it is of.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use offhook_core::{RequestError, Session, SessionId, UserAgentCore};

use crate::calls::Calls;
use crate::kept::{self, Kept};
use crate::shard::State;
use crate::shell::Shell;

/// Where something is: in which shard, by which name.
#[derive(Clone)]
pub(crate) struct Place<Id> {
    pub(crate) shell: Arc<Shell>,
    pub(crate) shard: usize,
    pub(crate) id: Id,
}

impl<Id: Copy> Place<Id> {
    /// That of something else in the same shard.
    pub(crate) fn beside<Other>(&self, id: Other) -> Place<Other> {
        let (shell, shard) = (Arc::clone(&self.shell), self.shard);
        Place { shell, shard, id }
    }

    /// Does `work` on the core, and all that follows from it.
    pub(crate) fn act<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.shell.act(self.shard, work)
    }

    /// Waits until `look` finds something. Dropping the future loses nothing.
    pub(crate) fn wait<R>(
        &self,
        look: impl Fn(&mut Calls, Id, &mut Context<'_>) -> Poll<R>,
    ) -> impl Future<Output = R> {
        let (shard, id) = (self.shell.shard(self.shard), self.id);
        poll_fn(move |context| shard.calls(|calls| look(calls, id, context)))
    }
}

impl Place<SessionId> {
    /// Does something with the session; `None` where it is over.
    pub(crate) fn session<R>(&self, verb: impl FnOnce(Session<'_>) -> R) -> Option<R> {
        self.act(|state| state.core.session(state.now, self.id).map(verb))
    }

    /// As [`Self::session`], with an error for where it is over.
    pub(crate) fn inside<R, E>(
        &self,
        over: E,
        verb: impl FnOnce(&mut Session<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let done = self.session(|mut session| verb(&mut session));
        done.unwrap_or(Err(over))
    }
}

impl<Id: PartialEq> PartialEq for Place<Id> {
    fn eq(&self, other: &Self) -> bool {
        (self.shard, &self.id) == (other.shard, &other.id) && Arc::ptr_eq(&self.shell, &other.shell)
    }
}

impl<Id: Eq> Eq for Place<Id> {}

impl<Id: fmt::Debug> fmt::Debug for Place<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("shard", &self.shard)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Keeps something of ours, which is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Handle<Id: Kept> {
    pub(crate) place: Place<Id>,
}

impl<Id: Kept> Handle<Id> {
    /// Begins it, in the shard of its Call-ID.
    pub(crate) fn open(
        shell: Arc<Shell>,
        shard: usize,
        begin: impl FnOnce(&mut UserAgentCore, Instant) -> Result<Id, RequestError>,
    ) -> Result<Self, RequestError> {
        let id = shell.act(shard, |state| {
            let id = begin(&mut state.core, state.now)?;
            Id::inboxes(&mut state.calls).add(id);
            Ok(id)
        })?;
        let place = Place { shell, shard, id };
        Ok(Self { place })
    }

    /// The next news; `None` after the last. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Id::News> {
        let place = &self.place;
        let news = place.wait(|calls, id, context| Id::inboxes(calls).poll(id, context));
        news.await
    }

    /// Does `work` on the core, and all that follows from it.
    pub(crate) fn act(&self, work: impl FnOnce(&mut UserAgentCore, Instant, Id)) {
        let id = self.place.id;
        self.place.act(|state| work(&mut state.core, state.now, id));
    }
}

impl<Id: Kept> Drop for Handle<Id> {
    fn drop(&mut self) {
        let id = self.place.id;
        self.place.act(|state| kept::remove(id, state));
    }
}
