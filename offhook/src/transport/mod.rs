//! The transport layer ([RFC 3261 §18](https://www.rfc-editor.org/rfc/rfc3261#section-18)):
//! sockets, connections, framing, addresses. It knows no call.

mod advertised;
mod bind;
mod called;
mod connection;
mod connection_table;
mod connections;
mod datagram;
mod destination;
mod layer;
mod limits;
mod local_address;
mod octets;
#[cfg(feature = "ws")]
mod origins;
mod outgoing;
mod patience;
mod reads;
mod receive;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "ws")]
mod websocket;
mod wire;
mod writes;

pub(crate) use self::advertised::Advertised;
pub(crate) use self::bind::Bound;
pub(crate) use self::connection::ConnectionSettings;
pub(crate) use self::connections::Connections;
pub(crate) use self::destination::Destination;
pub(crate) use self::layer::TransportLayer;
pub use self::limits::ConnectionLimits;
pub(crate) use self::local_address::address_facing;
#[cfg(feature = "ws")]
pub use self::origins::InvalidOrigin;
#[cfg(feature = "ws")]
pub(crate) use self::origins::Origins;
pub(crate) use self::outgoing::{Outgoing, Undelivered};
pub(crate) use self::receive::Receive;
#[cfg(feature = "tls")]
pub use self::tls::TlsError;
#[cfg(feature = "tls")]
pub(crate) use self::tls::{Tls, watch};
