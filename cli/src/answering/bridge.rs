//! Calls that are joined two by two.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offhook_media::{AudioEnd, Leg, Player};
use tokio::sync::mpsc;

use super::{Cue, sounds::ringing};

/// The calls that wait for another: one a route at most, for the next one joins it.
#[derive(Debug, Default)]
pub(crate) struct Bridges(Mutex<HashMap<String, Waiting>>);

#[derive(Debug)]
struct Waiting {
    end: AudioEnd,
    cue: mpsc::Sender<Cue>,
    partner: Partner,
}

/// How to reach the call on the other side, once there is one.
type Partner = Arc<Mutex<Option<mpsc::Sender<Cue>>>>;

/// A call's side of a bridge. When it is dropped the other side hangs up.
pub(super) struct Place {
    bridges: Arc<Bridges>,
    user: String,
    partner: Partner,
}

impl Bridges {
    /// Joins the call that waits at this route, or waits for the next.
    pub(super) fn enter(self: &Arc<Self>, user: &str, cue: mpsc::Sender<Cue>) -> (AudioEnd, Place) {
        let mut waiting = lock(&self.0);
        let partner = Partner::default();
        let end = if let Some(other) = waiting.remove(user) {
            let (theirs, ours) = Leg::pair();
            other.end.replace(theirs);
            *lock(&other.partner) = Some(cue);
            *lock(&partner) = Some(other.cue);
            AudioEnd::new(ours)
        } else {
            let end = AudioEnd::new(Player::new(ringing()));
            let entry = Waiting {
                end: end.clone(),
                cue,
                partner: Arc::clone(&partner),
            };
            waiting.insert(user.to_owned(), entry);
            end
        };
        let place = Place {
            bridges: Arc::clone(self),
            user: user.to_owned(),
            partner,
        };
        (end, place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.bridges.0);
        if let Some(partner) = lock(&self.partner).take() {
            // Where there is no room, the end of that call is on its way already.
            let _ = partner.try_send(Cue::HangUp);
            return;
        }
        let is_ours = |it: &Waiting| Arc::ptr_eq(&it.partner, &self.partner);
        if waiting.get(&self.user).is_some_and(is_ours) {
            waiting.remove(&self.user);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(end: &AudioEnd) -> bool {
        (0..10).any(|_| end.speak().iter().any(|sample| *sample != 0))
    }

    #[test]
    fn the_second_call_joins_the_first_and_each_ends_with_the_other() {
        let bridges = Arc::<Bridges>::default();
        let mut calls: Vec<_> = (0..3)
            .map(|_| {
                let (cue, cues) = mpsc::channel(4);
                (bridges.enter("a", cue), cues)
            })
            .collect();
        let ends: Vec<_> = calls.iter().map(|((end, _), _)| end.clone()).collect();
        assert!(said(&ends[2]), "the third waits with a tone");
        assert!(!said(&ends[0]) && !said(&ends[1]));
        for _ in 0..4 {
            ends[0].hear(&[5; _]);
        }
        assert!(said(&ends[1]) && !said(&ends[0]));

        let (first, _) = calls.remove(0);
        drop(first);
        assert_eq!(calls[0].1.try_recv(), Ok(Cue::HangUp));
        assert!(calls[1].1.try_recv().is_err());
        calls.clear();
        assert!(lock(&bridges.0).is_empty());
    }
}
