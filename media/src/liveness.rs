//! Whether the peer is still there.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

/// When media was heard of last. A peer that vanished sends no BYE: without this its call would last for ever. Clones
/// are the same.
#[derive(Clone, Debug, Default)]
pub struct Liveness(Arc<Mutex<Option<Instant>>>);

impl Liveness {
    /// Media is to come from now on.
    pub fn expect(&self) {
        self.last().get_or_insert_with(Instant::now);
    }

    /// Nothing is to come, as while the call is held.
    pub fn rest(&self) {
        *self.last() = None;
    }

    /// Something came.
    pub fn heard(&self) {
        if let Some(last) = &mut *self.last() {
            *last = Instant::now();
        }
    }

    /// Returns when nothing came for so long though it was to come.
    pub async fn lost(&self, longest: Duration) {
        loop {
            let last = *self.last();
            match last.map(|last| last + longest) {
                Some(end) if end <= Instant::now() => return,
                Some(end) => sleep_until(end).await,
                None => sleep(longest).await,
            }
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
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
        assert!(!is_lost(&liveness, 29).await);
        liveness.heard();
        assert!(!is_lost(&liveness, 29).await);
        assert!(is_lost(&liveness, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_call_is_silent() {
        let liveness = Liveness::default();
        liveness.expect();
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
