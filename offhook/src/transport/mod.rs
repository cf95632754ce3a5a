//! The transport layer ([RFC 3261 §18](https://www.rfc-editor.org/rfc/rfc3261#section-18)):
//! sockets, connections, framing, addresses. It knows no call.

mod bind;
mod connection;
mod connections;
mod datagram;
mod layer;
mod local_address;
mod outgoing;
mod receive;

pub(crate) use self::bind::{BindError, Bound};
pub(crate) use self::connections::Connections;
pub(crate) use self::layer::TransportLayer;
pub(crate) use self::local_address::address_facing;
pub(crate) use self::outgoing::{Outgoing, Undelivered};
pub(crate) use self::receive::Receive;
