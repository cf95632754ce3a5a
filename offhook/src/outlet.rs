use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook_core::Transmit;

/// What a shard has put out and is not sent yet, in its order.
///
/// An act adds under the lock of its shard and sends once that is released, with whatever other threads have added. So a
/// request is handed to the transport behind the ACK before it, whichever thread hands on which. The others wait meanwhile:
/// were they to go on, a socket that is slower than the core would let any number wait here. So whoever is called while
/// something is sent, a layer of `tracing` among them, must not call a verb of this user agent.
#[derive(Default)]
pub(crate) struct Outlet {
    queue: Mutex<VecDeque<Transmit>>,
    /// What is being sent, by one thread at a time.
    batch: Mutex<VecDeque<Transmit>>,
}

impl Outlet {
    pub(crate) fn push(&self, transmit: Transmit) {
        lock(&self.queue).push_back(transmit);
    }

    /// Sends until nothing waits. What the caller has added is sent when this returns.
    pub(crate) fn send_all(&self, mut send: impl FnMut(Transmit)) {
        let mut batch = lock(&self.batch);
        loop {
            std::mem::swap(&mut *batch, &mut *lock(&self.queue));
            if batch.is_empty() {
                return;
            }
            batch.drain(..).for_each(&mut send);
            batch.shrink_to(MOST_KEPT);
        }
    }
}

fn lock(queue: &Mutex<VecDeque<Transmit>>) -> MutexGuard<'_, VecDeque<Transmit>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how many there is room when none waits.
const MOST_KEPT: usize = 64;
