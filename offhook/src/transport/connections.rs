use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{Duration, Instant};

use offhook_core::{Channel, Opener, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;
use tracing::{debug, warn};

use super::connection::{Connection, ConnectionSettings, Open};
use super::connection_table::{Full, Table};
use super::destination::Destination;
use super::outgoing::{Outgoing, Undelivered};
use super::receive::Receive;
use super::writes::{Queue, Unqueued};
use crate::log::Throttle;

/// All stream connections, those accepted and those opened.
pub(crate) struct Connections {
    this: Weak<Self>,
    receiver: Weak<dyn Receive>,
    runtime: Handle,
    table: RwLock<Table>,
    /// One for each connection that may be; a connection holds its own until it is closed.
    permits: Arc<Semaphore>,
    pub(crate) settings: Arc<ConnectionSettings>,
}

impl Connections {
    /// The channels of connections are numbered from `first_channel`.
    pub(crate) fn new(
        receiver: Weak<dyn Receive>,
        runtime: Handle,
        first_channel: u64,
        settings: Arc<ConnectionSettings>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            receiver,
            runtime,
            table: RwLock::new(Table::new(first_channel)),
            permits: Arc::new(Semaphore::new(settings.limits.connections as usize)),
            settings,
        })
    }

    /// Queues for the connection of the flow, else for one to its remote address, which is opened
    /// where there is none
    /// ([RFC 3261 §18.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.2)).
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let Some((channel, queue)) = self.read().find(&outgoing.transmit.flow) else {
            return self.open(outgoing);
        };
        match queue.send(outgoing) {
            Ok(()) => Ok(()),
            Err(Unqueued::Closed(outgoing)) => {
                self.remove(channel, &Arc::downgrade(&queue));
                self.open(outgoing)
            }
            Err(Unqueued::Full) => {
                self.remove(channel, &Arc::downgrade(&queue));
                if let Some(count) = NOT_READING.pass(Instant::now()) {
                    warn!(
                        count,
                        "connections are closed: the peer does not read what we send"
                    );
                }
                Err(Undelivered)
            }
        }
    }

    /// The channel of a destination, whether a connection is open or not.
    pub(crate) fn channel_to(&self, destination: Destination) -> Channel {
        self.write().channel_to(destination)
    }

    fn remove(&self, channel: Channel, queue: &Weak<Queue>) {
        self.write().remove(channel, queue);
    }

    /// Closes all connections once what is queued for them is written, and opens no more.
    pub(crate) async fn close(&self) {
        self.write().close();
        let _all = self
            .permits
            .acquire_many(self.settings.limits.connections)
            .await;
    }

    fn accepted(&self, transport: Transport, stream: TcpStream, remote: SocketAddr) {
        let permit = match self.permit() {
            Ok(permit) => permit,
            Err(full) => return refused(remote, &full),
        };
        let local = match stream.local_addr() {
            Ok(local) => local,
            Err(error) => {
                debug!(%transport, %remote, "the connection is gone already: {error}");
                return;
            }
        };
        let mut table = self.write();
        let peer = (transport, remote);
        let (connection, queue) = self.connection(table.new_channel(), peer, Opener::Peer);
        let added = table.add(&connection, queue);
        drop(table);
        if let Err(full) = added {
            return refused(remote, &full);
        }
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            match connection.begin(stream, local, None).await {
                Ok(open) => run(this, connection, open).await,
                Err(error) => {
                    debug!(%transport, %remote, "the handshake failed: {error}");
                    give_up(this, connection).await;
                }
            }
            drop(permit);
        });
    }

    /// The place of one more connection.
    fn permit(&self) -> Result<OwnedSemaphorePermit, Full> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            // Those that linger at the end still have theirs.
            if self.read().is_closed() {
                Full::Closed
            } else {
                Full::All
            }
        })
    }

    /// Opens a connection to where the flow goes.
    fn open(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let flow = outgoing.transmit.flow;
        let mut table = self.write();
        let (channel, destination) = table.destination(&flow).ok_or(Undelivered)?;
        // Somebody else may have opened it since the table was read.
        if let Some(queue) = table.queue(channel) {
            return queue.send(outgoing).map_err(|_| Undelivered);
        }
        let permit = Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_| Undelivered)?;
        let (transport, remote) = (destination.transport, destination.address);
        let (connection, queue) = self.connection(channel, (transport, remote), Opener::Us);
        queue.send(outgoing).map_err(|_| Undelivered)?;
        table.add(&connection, queue).map_err(|_| Undelivered)?;
        drop(table);
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            match connection.open(&destination, flow.local).await {
                Ok(open) => run(this, connection, open).await,
                Err(error) => {
                    if let Some(count) = NOT_OPENED.pass(Instant::now()) {
                        let host = &destination.host;
                        warn!(count, %transport, %remote, host, "no connection: {error}");
                    }
                    give_up(this, connection).await;
                }
            }
            drop(permit);
        });
        Ok(())
    }

    fn connection(
        &self,
        channel: Channel,
        peer: (Transport, SocketAddr),
        opener: Opener,
    ) -> (Connection, Arc<Queue>) {
        let (settings, receiver) = (Arc::clone(&self.settings), Weak::clone(&self.receiver));
        Connection::new(channel, peer, opener, settings, receiver)
    }

    /// Sends over another connection what one did not write, but nothing twice, and no call that the core has given
    /// up with its WebSocket: nobody would hear who answers, or could cancel it.
    fn reroute(&self, mut outgoing: Outgoing) {
        let (shard, transaction) = (outgoing.shard, outgoing.transmit.transaction);
        let is_over = outgoing.transmit.flow.transport.is_websocket() && outgoing.is_invite();
        let again = !std::mem::replace(&mut outgoing.rerouted, true) && !is_over;
        if again && self.send(outgoing).is_ok() {
            return;
        }
        if let (Some(transaction), Some(receiver)) = (transaction, self.receiver.upgrade()) {
            receiver.undelivered(shard, transaction);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections for ever.
pub(super) async fn accept(
    listener: TcpListener,
    transport: Transport,
    connections: Arc<Connections>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => connections.accepted(transport, stream, remote),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or of memory: connections must end first.
                if let Some(count) = NOT_ACCEPTED.pass(Instant::now()) {
                    warn!(count, "no connection can be accepted: {error}");
                }
                time::sleep(PAUSE).await;
            }
        }
    }
}

fn refused(remote: SocketAddr, full: &Full) {
    let why = match full {
        Full::All => "too many are open",
        Full::Source => "too many come from one source",
        Full::Closed => return,
    };
    if let Some(count) = REFUSED.pass(Instant::now()) {
        warn!(count, %remote, "connections were refused: {why}");
    }
}

/// Sees to an open connection until it ends.
async fn run(connections: Weak<Connections>, mut connection: Connection, mut open: Open) {
    let end = connection.run(&mut open).await;
    let (transport, remote, opener) = (connection.transport, connection.remote, connection.opener);
    debug!(%transport, %remote, "the connection ends: {end}");
    if let Some(connections) = connections.upgrade() {
        connections.remove(connection.channel, &connection.queue);
        let receiver = connections.receiver.upgrade();
        let matters = transport.is_websocket() || opener == Opener::Us;
        if let Some(receiver) = receiver.filter(|_| matters) {
            receiver.disconnected(connection.channel, opener);
        }
    }
    let unsent = connection.close(open, &end).await;
    if let Some(connections) = connections.upgrade() {
        for outgoing in unsent {
            connections.reroute(outgoing);
        }
    }
}

/// Sees to a connection that never opened.
async fn give_up(connections: Weak<Connections>, connection: Connection) {
    let Some(connections) = connections.upgrade() else {
        return;
    };
    connections.remove(connection.channel, &connection.queue);
    let unsent = connection.unsent().await;
    if let Some(receiver) = connections.receiver.upgrade() {
        for outgoing in unsent {
            outgoing.undelivered(&*receiver);
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

static NOT_ACCEPTED: Throttle = Throttle::new();
static NOT_OPENED: Throttle = Throttle::new();
static NOT_READING: Throttle = Throttle::new();
static REFUSED: Throttle = Throttle::new();

/// Before the next try to accept.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use bytes::Bytes;
    use offhook_core::{Flow, TransactionId, Transmit};
    use offhook_message::{Malformed, Message};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::super::limits::ConnectionLimits;
    use super::super::receive::Nobody;
    use super::*;

    /// Hears of connections that end.
    struct Ends(UnboundedSender<(Channel, Opener)>);

    impl Receive for Ends {
        fn message(&self, _: Flow, _: Message) {}
        fn malformed(&self, _: Flow, _: Malformed) {}
        fn undelivered(&self, _: usize, _: TransactionId) {}
        fn disconnected(&self, channel: Channel, opener: Opener) {
            self.0.send((channel, opener)).unwrap();
        }
    }

    fn connections() -> Arc<Connections> {
        connections_for(Weak::<Nobody>::new())
    }

    fn connections_for(receiver: Weak<dyn Receive>) -> Arc<Connections> {
        let limits = ConnectionLimits {
            connections: 10,
            unsent: 10_000,
            ..ConnectionLimits::default()
        };
        let settings = ConnectionSettings::of(limits);
        Connections::new(receiver, Handle::current(), 1, settings)
    }

    fn outgoing(channel: u64) -> Outgoing {
        let transmit = Transmit {
            flow: Flow {
                transport: Transport::Tcp,
                channel: Channel(channel),
                local: ([127, 0, 0, 1], 5060).into(),
                remote: ([127, 0, 0, 1], 9).into(),
            },
            bytes: Bytes::from_static(b"a message"),
            transaction: None,
        };
        Outgoing::new(transmit, 0)
    }

    #[tokio::test]
    async fn a_peer_gets_one_connection_whatever_the_channel() {
        for transport in [Transport::Tcp, Transport::Tls] {
            let connections = connections();
            for channel in [100, 200, 300] {
                let mut outgoing = outgoing(channel);
                outgoing.transmit.flow.transport = transport;
                connections.send(outgoing).unwrap();
            }
            assert_eq!(connections.read().len(), 1);
            assert_eq!(connections.permits.available_permits(), 9);
        }
    }

    #[tokio::test]
    async fn the_end_of_a_connection_of_ours_is_told() {
        let (ends, mut ended) = unbounded_channel();
        let receiver: Arc<dyn Receive> = Arc::new(Ends(ends));
        let connections = connections_for(Arc::downgrade(&receiver));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut outgoing = outgoing(100);
        outgoing.transmit.flow.remote = listener.local_addr().unwrap();
        connections.send(outgoing).unwrap();
        drop(listener.accept().await.unwrap());
        assert_eq!(ended.recv().await, Some((Channel(1), Opener::Us)));
    }

    // No connection gets a turn before the test waits.

    #[tokio::test]
    async fn a_connection_is_closed_for_octets_that_wait_and_not_for_messages() {
        let connections = connections();
        let length = outgoing(100).transmit.bytes.len();
        for _ in 0..10_000 / length {
            connections.send(outgoing(100)).unwrap();
        }
        assert!(connections.send(outgoing(100)).is_err());
        assert_eq!(connections.read().len(), 0);
    }

    /// The channel of a destination stays when its connection is opened again.
    #[tokio::test]
    async fn the_end_of_a_connection_is_not_that_of_the_next() {
        let connections = connections();
        let open = || {
            let flow = outgoing(100).transmit.flow;
            let peer = (flow.transport, flow.remote);
            let (connection, queue) = connections.connection(flow.channel, peer, Opener::Us);
            assert!(connections.write().add(&connection, queue).is_ok());
            connection
        };
        let first = open();
        connections.remove(first.channel, &first.queue);
        let second = open();
        connections.remove(first.channel, &first.queue);
        assert_eq!(connections.read().len(), 1);
        connections.remove(second.channel, &second.queue);
        assert_eq!(connections.read().len(), 0);
    }

    #[cfg(feature = "ws")]
    #[tokio::test]
    async fn a_call_ends_with_its_websocket_and_other_requests_go_by_the_next() {
        let connections = connections();
        let destination = Destination {
            transport: Transport::Ws,
            ..Destination::of(&outgoing(100).transmit.flow)
        };
        let channel = connections.channel_to(destination);
        for (octets, opened) in [("INVITE sip:a@b SIP/2.0", 0), ("BYE sip:a@b SIP/2.0", 1)] {
            let mut unsent = outgoing(channel.0);
            unsent.transmit.flow.transport = Transport::Ws;
            unsent.transmit.bytes = Bytes::from_static(octets.as_bytes());
            connections.reroute(unsent);
            assert_eq!(connections.read().len(), opened, "{octets}");
        }
    }

    #[tokio::test]
    async fn no_connection_is_opened_after_the_end() {
        let connections = connections();
        connections.close().await;
        assert!(connections.send(outgoing(100)).is_err());
        assert_eq!(connections.read().len(), 0);
    }

    #[tokio::test]
    async fn who_comes_while_the_last_ones_linger_is_not_one_too_many() {
        let connections = connections();
        let lingering: Vec<_> = std::iter::from_fn(|| connections.permit().ok()).collect();
        assert!(matches!(connections.permit(), Err(Full::All)));
        let mut closing = pin!(connections.close());
        let mut context = Context::from_waker(Waker::noop());
        assert!(closing.as_mut().poll(&mut context).is_pending());
        assert!(matches!(connections.permit(), Err(Full::Closed)));
        drop(lingering);
        closing.await;
    }
}
