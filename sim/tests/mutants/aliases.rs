//! Mutants that make the core take one request for another.

use std::time::Duration;

use offhook_sim::{Mutant, Passing};

use crate::broken::{received, replace, sent};

/// Gives some requests another branch and another From tag on their way into the core, and takes
/// both back on the way out: what the core knows already looks new to it.
#[derive(Debug)]
pub(crate) struct Alias {
    method: &'static str,
    which: Which,
    seen: usize,
}

#[derive(Debug)]
enum Which {
    Repeated,
    SecondBranch,
}

impl Alias {
    /// All but the first of this method.
    pub(crate) fn of_repeated(method: &'static str) -> Self {
        Self::new(method, Which::Repeated)
    }

    /// Those of this method that the caller's second branch sends.
    pub(crate) fn of_second_branch(method: &'static str) -> Self {
        Self::new(method, Which::SecondBranch)
    }

    fn new(method: &'static str, which: Which) -> Self {
        Self {
            method,
            which,
            seen: 0,
        }
    }

    fn is_meant(&mut self, text: &str) -> bool {
        if !text.starts_with(self.method) {
            return false;
        }
        self.seen += 1;
        match self.which {
            Which::Repeated => self.seen > 1,
            Which::SecondBranch => text.contains(".2\r\n"),
        }
    }
}

impl Mutant for Alias {
    fn pass(&mut self, _: Duration, passing: Passing) -> Vec<Passing> {
        if let Some(text) = sent(&passing) {
            return vec![replace(passing, text.replace(MARK, ""))];
        }
        match received(&passing) {
            Some((_, text)) if self.is_meant(&text) => {
                let text = text.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK{MARK}"), 1);
                let text = text.replacen(";tag=", &format!(";tag={MARK}"), 1);
                vec![replace(passing, text)]
            }
            _ => vec![passing],
        }
    }
}

const MARK: &str = "alias";
