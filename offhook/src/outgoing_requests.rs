use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::task::{Context, Poll, Waker};

use crate::calls::wait;

/// What the handles of requests, registrations and the like of ours wait for. An entry lives as long as its
/// handle.
pub(crate) struct OutgoingRequests<Id, Event> {
    by_id: HashMap<Id, Entry<Event>>,
}

impl<Id: Copy + Eq + Hash, Event> OutgoingRequests<Id, Event> {
    pub(crate) fn add(&mut self, id: Id) {
        self.by_id.insert(id, Entry::default());
    }

    /// What its handle has not seen.
    pub(crate) fn remove(&mut self, id: Id) -> VecDeque<Event> {
        let entry = self.by_id.remove(&id);
        entry.map(|entry| entry.events).unwrap_or_default()
    }

    pub(crate) fn ids(&self) -> Vec<Id> {
        self.by_id.keys().copied().collect()
    }

    /// Who must be woken. A handle that does not look keeps the newest events.
    pub(crate) fn happened(&mut self, id: Id, event: Event) -> Option<Waker> {
        let entry = self.by_id.get_mut(&id)?;
        if entry.events.len() - entry.kept >= MOST_EVENTS {
            entry.events.remove(entry.kept);
        }
        entry.events.push_back(event);
        entry.waker.take()
    }

    /// As [`Self::happened`], for an event that a handle sees however long it does not look: it comes before the others.
    pub(crate) fn happened_for_sure(&mut self, id: Id, event: Event) -> Option<Waker> {
        let entry = self.by_id.get_mut(&id)?;
        entry.events.insert(entry.kept, event);
        entry.kept += 1;
        entry.waker.take()
    }

    /// The last event. Who must be woken.
    pub(crate) fn ended(&mut self, id: Id, event: Event) -> Option<Waker> {
        let entry = self.by_id.get_mut(&id)?;
        entry.is_over = true;
        self.happened(id, event)
    }

    /// Nothing will come any more. Who must be woken.
    pub(crate) fn abandon(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for entry in self.by_id.values_mut() {
            entry.is_over = true;
            wakers.extend(entry.waker.take());
        }
        wakers
    }

    /// The next event; `None` after the last.
    pub(crate) fn poll_event(&mut self, id: Id, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(entry) = self.by_id.get_mut(&id) else {
            return Poll::Ready(None);
        };
        match entry.events.pop_front() {
            Some(event) => {
                entry.kept = entry.kept.saturating_sub(1);
                Poll::Ready(Some(event))
            }
            None if entry.is_over => Poll::Ready(None),
            None => wait(&mut entry.waker, context),
        }
    }
}

impl<Id, Event> Default for OutgoingRequests<Id, Event> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
        }
    }
}

struct Entry<Event> {
    events: VecDeque<Event>,
    /// How many of them, from the front, may not be lost.
    kept: usize,
    is_over: bool,
    waker: Option<Waker>,
}

impl<Event> Default for Entry<Event> {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            kept: 0,
            is_over: false,
            waker: None,
        }
    }
}

/// A registration is refreshed for as long as its handle lives, whether that looks or not.
const MOST_EVENTS: usize = 16;
