//! RTP and RTCP (RFC 3550).

mod packet;
mod receiver;
mod reorder;
mod rtcp;
mod sender;
mod session;
mod statistics;
mod telephone_event;
#[cfg(test)]
mod tests;
mod transceiver;

#[cfg(feature = "sdes")]
pub(crate) use self::packet::payload_start;
pub(crate) use self::{
    packet::LONGEST_PACKET,
    session::{Channel, RtpSession},
};
pub use self::{packet::RtpHeader, transceiver::Transceiver};
