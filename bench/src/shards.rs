//! Several servers that share the calls.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::exchange::Exchange;
use crate::messages::call_id;

/// Servers among which calls are spread by their Call-IDs, as the shell spreads them over its shards, here in one thread.
pub struct Shards {
    /// The servers.
    pub servers: Vec<Exchange>,
}

impl Shards {
    /// So many servers without calls.
    pub fn new(count: usize) -> Self {
        Self {
            servers: (0..count).map(|_| Exchange::new()).collect(),
        }
    }

    /// The server that the call of that number falls to.
    pub fn server(&mut self, number: usize) -> &mut Exchange {
        let mut hasher = DefaultHasher::new();
        call_id(number).to_string().as_bytes().hash(&mut hasher);
        let index = hasher.finish() % self.servers.len() as u64;
        &mut self.servers[usize::try_from(index).unwrap_or_default()]
    }
}
