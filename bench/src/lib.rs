//! Calls without a network, to measure what they cost: INVITE, 180, 200, ACK, BYE, 200.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    reason = "a measurement that breaks off has said why"
)]

mod description;
mod exchange;
mod messages;
mod pair;
mod shards;

pub use self::{
    description::{OFFER, describe},
    exchange::Exchange,
    messages::{Tag, invite, read_top_headers, response},
    pair::Pair,
    shards::Shards,
};
