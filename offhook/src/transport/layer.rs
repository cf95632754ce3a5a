use std::net::SocketAddr;
use std::sync::Arc;

use offhook_core::{Channel, Flow, Transport};

use super::connections::Connections;
use super::datagram::DatagramSocket;
use super::outgoing::{Outgoing, Undelivered};
use crate::listener::is_spoken;

/// All sockets of one user agent.
pub(crate) struct TransportLayer {
    /// Channel `n` is `datagrams[n]`; the connections have the numbers above.
    pub(super) datagrams: Box<[Arc<DatagramSocket>]>,
    pub(crate) connections: Arc<Connections>,
}

impl TransportLayer {
    /// Sends, or queues where the socket is not ready. Never blocks.
    pub(crate) fn send(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        match outgoing.transmit.flow.transport {
            Transport::Udp => self
                .datagram_socket(&outgoing.transmit.flow)
                .ok_or(Undelivered)?
                .send(outgoing),
            stream if is_spoken(stream) => self.connections.send(outgoing),
            _ => Err(Undelivered),
        }
    }

    /// The channel of the datagram socket that is bound to this address.
    pub(crate) fn channel_of(&self, address: SocketAddr) -> Channel {
        let mut sockets = self.datagrams.iter().zip(0..);
        let found = sockets.find(|(socket, _)| socket.address == address);
        found.map_or(Channel::NONE, |(_, number)| Channel(number))
    }

    /// The socket of the flow, else any that can reach the peer: a call that came over TCP may
    /// go on over UDP.
    fn datagram_socket(&self, flow: &Flow) -> Option<&DatagramSocket> {
        let reaches =
            |socket: &&Arc<DatagramSocket>| socket.address.is_ipv4() == flow.remote.is_ipv4();
        usize::try_from(flow.channel.0)
            .ok()
            .and_then(|index| self.datagrams.get(index))
            .filter(reaches)
            .or_else(|| self.datagrams.iter().find(reaches))
            .map(Arc::as_ref)
    }
}
