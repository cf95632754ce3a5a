use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook_core::{Flow, InviteId, RequestId, SessionId};
use offhook_message::{Replaces, Request};
use tokio::sync::Notify;

/// What the application has not taken yet.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) shard: usize,
    pub(crate) id: ArrivalId,
    pub(crate) flow: Flow,
    pub(crate) message: Request,
    pub(crate) replaced: Option<Box<Replaced>>,
}

/// The call that a new one takes the place of.
#[derive(Debug)]
pub(crate) struct Replaced {
    pub(crate) replaces: Replaces,
    /// Its shard and session, once they are found.
    pub(crate) session: Option<(usize, SessionId)>,
}

/// A call, or another request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ArrivalId {
    Invite(InviteId),
    Request(RequestId),
}

/// What the application has not taken yet from all shards, in the order it came.
pub(crate) struct Backlog {
    queue: Mutex<Queue>,
    arrived: Notify,
}

struct Queue {
    arrivals: VecDeque<Box<Arrival>>,
    bound: usize,
}

impl Backlog {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            queue: Mutex::new(Queue {
                arrivals: VecDeque::new(),
                bound,
            }),
            arrived: Notify::new(),
        }
    }

    /// Gives it back where too many wait already. Wakes nobody: see [`Backlog::wake`].
    pub(crate) fn push(&self, arrival: Box<Arrival>) -> Result<(), Box<Arrival>> {
        let mut queue = self.lock();
        if queue.arrivals.len() >= queue.bound {
            return Err(arrival);
        }
        queue.arrivals.push_back(arrival);
        Ok(())
    }

    /// Wakes one who waits.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// The oldest; `None` after [`Backlog::close`]. Loses none when dropped.
    pub(crate) async fn next(&self) -> Option<Box<Arrival>> {
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            {
                let mut queue = self.lock();
                if let Some(arrival) = queue.arrivals.pop_front() {
                    let is_last = queue.arrivals.is_empty();
                    drop(queue);
                    if !is_last {
                        self.wake();
                    }
                    return Some(arrival);
                }
                if queue.bound == 0 {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Takes no more, and gives back those that wait.
    pub(crate) fn close(&self) -> VecDeque<Box<Arrival>> {
        let mut queue = self.lock();
        queue.bound = 0;
        let arrivals = std::mem::take(&mut queue.arrivals);
        drop(queue);
        self.arrived.notify_waiters();
        arrivals
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
