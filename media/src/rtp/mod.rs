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

#[cfg(feature = "sdes")]
pub(crate) use self::packet::{RtpHeader, payload_start};
pub use self::telephone_event::{KeyReceiver, KeySender, TelephoneEvent};
pub(crate) use self::{
    packet::LONGEST_PACKET,
    session::{Channel, End, RtpSession},
};
