use std::collections::VecDeque;
use std::hash::Hash;
use std::task::{Context, Poll, Waker};

use crate::by_id::ById;

/// What a handle is told.
pub(crate) trait News {
    /// Whether it is over with this.
    fn is_last(&self) -> bool;

    /// Whether it is of those of which only so many wait.
    fn is_counted(&self) -> bool;
}

/// What the handles of one kind wait for. An inbox lives as long as its handle.
pub(crate) struct Inboxes<Id, N> {
    by_id: ById<Id, Inbox<N>>,
    /// Nothing will come any more, and what a handle that waits for its last news gets instead.
    abandoned: Option<fn() -> Option<N>>,
}

impl<Id: Copy + Eq + Hash, N: News> Inboxes<Id, N> {
    pub(crate) fn add(&mut self, id: Id) {
        let mut inbox = Inbox {
            news: VecDeque::new(),
            is_over: false,
            waker: None,
        };
        if let Some(last) = self.abandoned {
            inbox.end(last());
        }
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
            news.filter(|it| it.is_counted()).count() < MOST_NEWS
        })
    }

    /// Who must be woken.
    pub(crate) fn put(&mut self, id: Id, news: N) -> Option<Waker> {
        let inbox = self.by_id.get_mut(&id)?;
        inbox.is_over |= news.is_last();
        inbox.news.push_back(news);
        inbox.waker.take()
    }

    /// As [`Self::put`], in the place of the oldest that is counted where there is no room.
    pub(crate) fn put_newest(&mut self, id: Id, news: N) -> Option<Waker> {
        if news.is_counted()
            && !self.has_room(id)
            && let Some(inbox) = self.by_id.get_mut(&id)
            && let Some(oldest) = inbox.news.iter().position(News::is_counted)
        {
            inbox.news.remove(oldest);
        }
        self.put(id, news)
    }

    /// It is not over after all.
    pub(crate) fn reopen(&mut self, id: Id) {
        let Some(inbox) = self.by_id.get_mut(&id) else {
            return;
        };
        match self.abandoned {
            Some(last) => inbox.end(last()),
            None => inbox.is_over = false,
        }
    }

    /// Nothing will come any more: where a handle waits for its last news, now or later, these are. Who must be woken.
    pub(crate) fn abandon(&mut self, last: fn() -> Option<N>) -> Vec<Waker> {
        self.abandoned = Some(last);
        let waiting = self.by_id.values_mut().filter(|inbox| !inbox.is_over);
        let abandoned = waiting.filter_map(|inbox| {
            inbox.end(last());
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
            abandoned: None,
        }
    }
}

struct Inbox<N> {
    news: VecDeque<N>,
    is_over: bool,
    waker: Option<Waker>,
}

impl<N> Inbox<N> {
    fn end(&mut self, last: Option<N>) {
        self.is_over = true;
        self.news.extend(last);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Told {
        Counted(usize),
        Kept,
    }

    impl News for Told {
        fn is_last(&self) -> bool {
            false
        }

        fn is_counted(&self) -> bool {
            matches!(self, Self::Counted(_))
        }
    }

    /// Of an inbox that is full, for a handle that has this name.
    fn full(id: u32) -> Inboxes<u32, Told> {
        let mut inboxes = Inboxes::default();
        inboxes.add(id);
        for number in 0..MOST_NEWS {
            assert!(inboxes.has_room(id));
            inboxes.put(id, Told::Counted(number));
        }
        assert!(!inboxes.has_room(id));
        inboxes
    }

    #[test]
    fn the_newest_takes_the_place_of_the_oldest_that_is_counted() {
        let mut inboxes = full(1);
        inboxes.put_newest(1, Told::Counted(MOST_NEWS));
        let left = inboxes.remove(1);
        assert!(left.into_iter().eq((1..=MOST_NEWS).map(Told::Counted)));
    }

    #[test]
    fn what_is_not_counted_takes_the_place_of_nothing() {
        let mut inboxes = full(1);
        inboxes.put_newest(1, Told::Kept);
        let mut left = inboxes.remove(1);
        assert_eq!(left.pop_back(), Some(Told::Kept));
        assert!(left.into_iter().eq((0..MOST_NEWS).map(Told::Counted)));
    }

    #[test]
    fn what_begins_or_reopens_when_nothing_comes_any_more_is_over() {
        let mut inboxes = Inboxes::default();
        inboxes.add(1);
        inboxes.abandon(|| Some(Told::Kept));
        inboxes.add(2);
        let mut context = Context::from_waker(Waker::noop());
        for id in [1, 2] {
            for _ in 0..2 {
                assert_eq!(
                    inboxes.poll(id, &mut context),
                    Poll::Ready(Some(Told::Kept))
                );
                assert_eq!(inboxes.poll(id, &mut context), Poll::Ready(None));
                inboxes.reopen(id);
            }
        }
    }

    #[test]
    fn nothing_is_kept_for_a_handle_that_is_gone() {
        let mut inboxes = full(1);
        inboxes.put_newest(2, Told::Kept);
        assert!(!inboxes.has_room(2) && inboxes.remove(2).is_empty());
    }
}
