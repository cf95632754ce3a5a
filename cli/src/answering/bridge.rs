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
    end: AudioEnd,
    cue: mpsc::Sender<Cue>,
    partner: Partner,
}

impl Place {
    /// A place at the bridge of this route, where the call hears that nobody is there.
    pub(super) fn new(bridges: &Arc<Bridges>, user: &str, cue: mpsc::Sender<Cue>) -> Self {
        Self {
            bridges: Arc::clone(bridges),
            user: user.to_owned(),
            end: AudioEnd::new(Player::new(ringing())),
            cue,
            partner: Partner::default(),
        }
    }

    pub(super) fn end(&self) -> AudioEnd {
        self.end.clone()
    }

    /// Joins the call that waits, or waits for the next. Only a call that stands may: another would take the one
    /// that waits away with it.
    pub(super) fn enter(&self) {
        let mut waiting = lock(&self.bridges.0);
        if let Some(other) = waiting.remove(&self.user) {
            let (theirs, ours) = Leg::pair();
            other.end.replace(theirs);
            self.end.replace(ours);
            *lock(&other.partner) = Some(self.cue.clone());
            *lock(&self.partner) = Some(other.cue);
        } else {
            let entry = Waiting {
                end: self.end.clone(),
                cue: self.cue.clone(),
                partner: Arc::clone(&self.partner),
            };
            waiting.insert(self.user.clone(), entry);
        }
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

    fn place(bridges: &Arc<Bridges>) -> (Place, mpsc::Receiver<Cue>) {
        let (cue, cues) = mpsc::channel(4);
        (Place::new(bridges, "a", cue), cues)
    }

    #[test]
    fn a_call_that_never_stood_takes_nobody_with_it() {
        let bridges = Arc::<Bridges>::default();
        let (waiting, mut cues) = place(&bridges);
        waiting.enter();
        drop(place(&bridges));
        assert!(cues.try_recv().is_err());
        let (next, _) = place(&bridges);
        next.enter();
        drop(next);
        assert_eq!(cues.try_recv(), Ok(Cue::HangUp));
    }

    #[test]
    fn the_second_call_joins_the_first_and_each_ends_with_the_other() {
        let bridges = Arc::<Bridges>::default();
        let mut calls: Vec<_> = (0..3).map(|_| place(&bridges)).collect();
        for (place, _) in &calls {
            place.enter();
        }
        let ends: Vec<_> = calls.iter().map(|(place, _)| place.end()).collect();
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
