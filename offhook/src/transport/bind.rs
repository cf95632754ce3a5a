use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use offhook_core::{Channel, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::debug;

use super::advertised::Advertised;
use super::connections::{self, Connections};
use super::datagram::{self, DatagramSocket};
use super::layer::TransportLayer;
use super::outgoing::Outgoing;
use super::receive::Receive;
use crate::listener::{Listener, ListenerUri};

/// Sockets that are bound but not served yet.
#[derive(Default)]
pub(crate) struct Bound {
    datagrams: Vec<(Arc<DatagramSocket>, mpsc::Receiver<Outgoing>)>,
    streams: Vec<(TcpListener, Transport)>,
    /// In the order they were asked for.
    pub(crate) listeners: Vec<Listener>,
}

impl Bound {
    /// Binds one more.
    pub(crate) async fn add(
        &mut self,
        uri: &ListenerUri,
        advertised: &Advertised,
    ) -> io::Result<()> {
        let address = lookup_host((uri.host.as_str(), uri.port))
            .await?
            .next()
            .ok_or_else(|| io::Error::other("the host has no address"))?;
        let address = if uri.transport == Transport::Udp {
            let (socket, queued) = DatagramSocket::new(datagram_socket(address)?, advertised)?;
            let address = socket.address;
            self.datagrams.push((socket, queued));
            address
        } else {
            let listener = stream_listener(address)?;
            let address = listener.local_addr()?;
            self.streams.push((listener, uri.transport));
            address
        };
        self.listeners.push(Listener {
            transport: uri.transport,
            address,
        });
        Ok(())
    }

    /// How many channels the datagram sockets take.
    pub(crate) fn channels(&self) -> u64 {
        self.datagrams.len() as u64
    }

    pub(crate) fn transport_layer(&self, connections: Arc<Connections>) -> TransportLayer {
        let sockets = self.datagrams.iter().map(|(socket, _)| Arc::clone(socket));
        TransportLayer {
            datagrams: sockets.collect(),
            connections,
        }
    }

    /// Begins to receive, in tasks of `tasks`.
    pub(crate) fn serve(
        self,
        transport: &TransportLayer,
        receiver: &Weak<dyn Receive>,
        tasks: &mut JoinSet<()>,
    ) {
        for ((socket, queued), channel) in self.datagrams.into_iter().zip(0..) {
            tasks.spawn(datagram::send_queued(
                Arc::clone(&socket),
                queued,
                Weak::clone(receiver),
            ));
            tasks.spawn(datagram::receive(
                socket,
                Channel(channel),
                Weak::clone(receiver),
            ));
        }
        for (listener, kind) in self.streams {
            let connections = Arc::clone(&transport.connections);
            tasks.spawn(connections::accept(listener, kind, connections));
        }
    }
}

fn datagram_socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = new_socket(address, Type::DGRAM, Protocol::UDP)?;
    // The system may allow less than this: then its own bound holds.
    for result in [
        socket.set_recv_buffer_size(DATAGRAM_BUFFER),
        socket.set_send_buffer_size(DATAGRAM_BUFFER),
    ] {
        if let Err(error) = result {
            debug!("the socket buffers of {address} stay as they are: {error}");
        }
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn stream_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address, Type::STREAM, Protocol::TCP)?;
    // Connections of an earlier run that linger in TIME-WAIT do not hinder a restart.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_QUEUE)?;
    TcpListener::from_std(socket.into())
}

fn new_socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // IPv4 has listeners of its own: no peer appears as ::ffff:192.0.2.1.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A burst of 1,000 INVITEs, as the system counts them, fits while we are busy.
const DATAGRAM_BUFFER: usize = 4 << 20;
const ACCEPT_QUEUE: i32 = 1024;
