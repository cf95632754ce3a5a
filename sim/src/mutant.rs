//! Servers that are broken on purpose, so that the checks can be seen to find it.

use std::fmt::Debug;
use std::time::Duration;

use offhook_core::{Counts, Input, Output};

/// What passes between the core and the world around it.
#[derive(Debug)]
pub enum Passing {
    /// Into the core.
    Input(Input),
    /// Out of it.
    Output(Output),
}

/// Stands between a core and the world and makes the two together misbehave: it may swallow what
/// passes, change it, or put something in its place. The core itself stays as it is.
pub trait Mutant: Debug {
    /// What passes in place of this. Inputs go to the core, outputs to the world.
    fn pass(&mut self, now: Duration, passing: Passing) -> Vec<Passing> {
        let _ = now;
        vec![passing]
    }

    /// When it wants to act by itself.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// What it does by itself, now that it is time.
    fn act(&mut self, now: Duration) -> Vec<Passing> {
        let _ = now;
        Vec::new()
    }

    /// What the core is said to hold.
    fn counts(&self, counts: Counts) -> Counts {
        counts
    }
}
