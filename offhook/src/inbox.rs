use std::collections::VecDeque;
use std::hash::Hash;
use std::task::{Context, Poll, Waker};

use crate::by_id::ById;

/// What a handle is told.
pub(crate) trait News {
    /// Whether it is over with this.
    fn is_last(&self) -> bool;

    /// Whether a handle that does not look for a long time does without it.
    fn can_be_left_out(&self) -> bool {
        true
    }
}

/// What the handles of one kind wait for. An inbox lives as long as its handle.
pub(crate) struct Inboxes<Id, N> {
    by_id: ById<Id, Inbox<N>>,
}

impl<Id: Copy + Eq + Hash, N: News> Inboxes<Id, N> {
    pub(crate) fn add(&mut self, id: Id) {
        let inbox = Inbox {
            news: VecDeque::new(),
            is_over: false,
            waker: None,
        };
        self.by_id.insert(id, inbox);
    }

    /// What its handle has not seen.
    pub(crate) fn remove(&mut self, id: Id) -> VecDeque<N> {
        let inbox = self.by_id.remove(&id);
        inbox.map(|inbox| inbox.news).unwrap_or_default()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.by_id.keys().copied()
    }

    /// Whether there is a handle, and less waits for it than may.
    pub(crate) fn has_room(&self, id: Id) -> bool {
        self.by_id.get(&id).is_some_and(|inbox| {
            let news = inbox.news.iter();
            news.filter(|it| it.can_be_left_out()).count() < MOST_NEWS
        })
    }

    /// Who must be woken.
    pub(crate) fn put(&mut self, id: Id, news: N) -> Option<Waker> {
        let inbox = self.by_id.get_mut(&id)?;
        inbox.is_over |= news.is_last();
        inbox.news.push_back(news);
        inbox.waker.take()
    }

    /// As [`Self::put`], in the place of the oldest where there is no room.
    pub(crate) fn put_newest(&mut self, id: Id, news: N) -> Option<Waker> {
        if !self.has_room(id)
            && let Some(inbox) = self.by_id.get_mut(&id)
            && let Some(oldest) = inbox.news.iter().position(News::can_be_left_out)
        {
            inbox.news.remove(oldest);
        }
        self.put(id, news)
    }

    /// It is not over after all.
    pub(crate) fn reopen(&mut self, id: Id) {
        if let Some(inbox) = self.by_id.get_mut(&id) {
            inbox.is_over = false;
        }
    }

    /// Nothing will come any more: where a handle waits for its last news, these are. Who must be woken.
    pub(crate) fn abandon(&mut self, last: impl Fn() -> Option<N>) -> Vec<Waker> {
        let waiting = self.by_id.values_mut().filter(|inbox| !inbox.is_over);
        let abandoned = waiting.filter_map(|inbox| {
            inbox.is_over = true;
            inbox.news.extend(last());
            inbox.waker.take()
        });
        abandoned.collect()
    }

    /// The next news; `None` after the last.
    pub(crate) fn poll(&mut self, id: Id, context: &mut Context<'_>) -> Poll<Option<N>> {
        let Some(inbox) = self.by_id.get_mut(&id) else {
            return Poll::Ready(None);
        };
        match inbox.news.pop_front() {
            None if !inbox.is_over => wait(&mut inbox.waker, context),
            next => Poll::Ready(next),
        }
    }
}

impl<Id, N> Default for Inboxes<Id, N> {
    fn default() -> Self {
        Self {
            by_id: ById::default(),
        }
    }
}

struct Inbox<N> {
    news: VecDeque<N>,
    is_over: bool,
    waker: Option<Waker>,
}

/// Remembers who is to be woken.
pub(crate) fn wait<T>(waker: &mut Option<Waker>, context: &mut Context<'_>) -> Poll<T> {
    remember(waker, context);
    Poll::Pending
}

pub(crate) fn remember(waker: &mut Option<Waker>, context: &mut Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        None => *waker = Some(context.waker().clone()),
    }
}

/// What is kept up lives as long as its handle, whether that looks or not, and a peer can send any number of some responses.
const MOST_NEWS: usize = 16;
