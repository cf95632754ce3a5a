//! Whether the peer is still there.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

/// When media was heard of last. A peer that vanished sends no BYE: without this its call would last for ever. One that
/// never sent anything is not missed. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Liveness(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_expected: bool,
    last: Option<Instant>,
}

impl Liveness {
    /// Media is to come from now on.
    pub fn expect(&self) {
        let mut state = self.state();
        if !state.is_expected {
            state.is_expected = true;
            state.last = state.last.map(|_| Instant::now());
        }
    }

    /// Nothing is to come, as while the call is held.
    pub fn rest(&self) {
        self.state().is_expected = false;
    }

    /// Something came.
    pub fn heard(&self) {
        self.state().last = Some(Instant::now());
    }

    /// Returns when nothing came for so long though it was to come.
    pub async fn lost(&self, longest: Duration) {
        loop {
            let last = {
                let state = self.state();
                state.last.filter(|_| state.is_expected)
            };
            match last.map(|last| last + longest) {
                Some(end) if end <= Instant::now() => return,
                Some(end) => sleep_until(end).await,
                None => sleep(longest).await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    async fn is_lost(liveness: &Liveness, within: u64) -> bool {
        let within = Duration::from_secs(within);
        timeout(within, liveness.lost(LONGEST)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_lost_when_it_was_to_be_heard() {
        let liveness = Liveness::default();
        assert!(!is_lost(&liveness, 1000).await);
        liveness.expect();
        assert!(!is_lost(&liveness, 1000).await, "it never sent anything");
        liveness.heard();
        assert!(!is_lost(&liveness, 29).await);
        liveness.heard();
        assert!(!is_lost(&liveness, 29).await);
        assert!(is_lost(&liveness, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_call_is_silent() {
        let liveness = Liveness::default();
        liveness.expect();
        liveness.heard();
        advance(LONGEST / 2).await;
        liveness.rest();
        liveness.heard();
        assert!(!is_lost(&liveness, 1000).await);
        liveness.expect();
        assert!(!is_lost(&liveness, 29).await);
        liveness.expect();
        assert!(is_lost(&liveness, 2).await);
    }
}
