//! Transactions ([RFC 3261 §17](https://www.rfc-editor.org/rfc/rfc3261#section-17)): repetition on both sides, and nothing that
//! knows of dialogs.

mod client;
mod effects;
mod invite_client;
mod invite_server;
mod key;
mod non_invite_client;
mod non_invite_server;
mod server;

pub(crate) use client::{ClientTransaction, ClientTransactions, ClientUser};
pub(crate) use effects::Context;
pub(crate) use invite_client::follow_up;
pub(crate) use key::{merge_key, server_key};
pub(crate) use non_invite_client::ClientOutcome;
pub use server::TransactionState;
pub(crate) use server::{
    SentByName, ServerOutcome, ServerTransaction, ServerTransactions, TransactionUser,
};
