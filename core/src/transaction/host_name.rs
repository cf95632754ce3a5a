//! Hosts that are looked up.

use crate::event::{Resolve, TransactionId};
use crate::flow::Transport;

/// A host by its name, and the port where one is written.
#[derive(Debug)]
pub(crate) struct HostName {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl HostName {
    /// The question where it is now.
    pub(crate) fn resolve(self, transaction: TransactionId, transport: Transport) -> Resolve {
        let Self { host, port } = self;
        Resolve {
            transaction,
            host,
            port,
            transport,
        }
    }
}
