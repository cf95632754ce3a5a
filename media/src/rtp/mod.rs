//! RTP packets, and what is in them.

mod packet;
mod sender;
mod telephone_event;

pub use self::telephone_event::{KeyReceiver, KeySender, TelephoneEvent};
pub(crate) use self::{
    packet::{LONGEST_PACKET, RtpPacket},
    sender::Sender,
};
