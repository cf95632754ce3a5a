//! The transport layer ([RFC 3261 §18](https://www.rfc-editor.org/rfc/rfc3261#section-18)):
//! sockets, connections, framing, addresses. It knows no call.

mod bind;
mod connection;
mod connections;
mod datagram;
mod local_address;

use std::sync::Arc;

use offhook_core::{Flow, TransactionId, Transmit, Transport};
use offhook_message::{Malformed, Message};

pub(crate) use self::bind::{BindError, Bound};
pub(crate) use self::connections::Connections;
use self::datagram::DatagramSocket;

/// Who takes what the transport layer receives.
pub(crate) trait Receive: Send + Sync + 'static {
    fn message(&self, flow: Flow, message: Message);
    fn malformed(&self, flow: Flow, malformed: Malformed);
    /// What was accepted by [`TransportLayer::send`] could not be delivered after all.
    fn undelivered(&self, shard: usize, transaction: TransactionId);
}

/// Octets on their way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) transmit: Transmit,
    /// Which shard hears of a failure.
    pub(crate) shard: usize,
    /// Whether a connection broke under it once already.
    rerouted: bool,
}

impl Outgoing {
    pub(crate) fn new(transmit: Transmit, shard: usize) -> Self {
        Self {
            transmit,
            shard,
            rerouted: false,
        }
    }

    fn undelivered(&self, receiver: &dyn Receive) {
        if let Some(transaction) = self.transmit.transaction {
            receiver.undelivered(self.shard, transaction);
        }
    }
}

/// The octets did not go out and never will.
#[derive(Debug)]
pub(crate) struct Undelivered;

/// All sockets of one user agent.
pub(crate) struct TransportLayer {
    /// Channel `n` is `datagrams[n]`; the connections have the numbers above.
    datagrams: Box<[Arc<DatagramSocket>]>,
    connections: Arc<Connections>,
}

impl TransportLayer {
    /// Sends, or queues where the socket is not ready. Never blocks.
    pub(crate) fn send(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        match outgoing.transmit.flow.transport {
            Transport::Udp => self
                .datagram_socket(&outgoing.transmit.flow)
                .ok_or(Undelivered)?
                .send(outgoing),
            Transport::Tcp => self.connections.send(outgoing),
            Transport::Tls | Transport::Ws | Transport::Wss => Err(Undelivered),
        }
    }

    /// Closes all connections once what is queued for them is written.
    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }

    /// The socket of the flow, else any that can reach the peer: a call that came over TCP may
    /// go on over UDP.
    fn datagram_socket(&self, flow: &Flow) -> Option<&DatagramSocket> {
        let reaches =
            |socket: &&Arc<DatagramSocket>| socket.address().is_ipv4() == flow.remote.is_ipv4();
        usize::try_from(flow.channel.0)
            .ok()
            .and_then(|index| self.datagrams.get(index))
            .filter(reaches)
            .or_else(|| self.datagrams.iter().find(reaches))
            .map(Arc::as_ref)
    }
}
