//! Transactions ([RFC 3261 §17](https://www.rfc-editor.org/rfc/rfc3261#section-17)): repetition on both sides, and nothing that
//! knows of dialogs.

mod client;
mod clients;
mod follow_up;
mod host_name;
mod key;
mod server;
mod servers;
mod step;

pub(crate) use client::{ClientOutcome, ClientStep, ClientTransaction, ClientUser};
pub(crate) use clients::ClientTransactions;
pub(crate) use follow_up::follow_up;
pub(crate) use host_name::HostName;
pub(crate) use key::{merge_key, server_key};
pub use server::TransactionState;
pub(crate) use server::{ServerStep, ServerTransaction, TransactionUser};
pub(crate) use servers::ServerTransactions;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs one instant to start from"
)]
mod tests;
