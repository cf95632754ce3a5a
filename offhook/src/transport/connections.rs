use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{Duration, Instant};

use offhook_core::{Channel, Flow};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::time;
use tracing::{debug, warn};

use super::connection::{Connection, Open, Write};
use super::outgoing::{Outgoing, Undelivered};
use super::receive::Receive;
use crate::log::Throttle;

/// All stream connections, those accepted and those opened.
pub(crate) struct Connections {
    this: Weak<Self>,
    receiver: Weak<dyn Receive>,
    runtime: Handle,
    table: RwLock<Table>,
    next_channel: AtomicU64,
    /// One for each connection that may be; a connection holds its own until it is closed.
    permits: Arc<Semaphore>,
    limit: u32,
}

impl Connections {
    /// At most `limit` connections, whose channels are numbered from `first_channel`.
    pub(crate) fn new(
        receiver: Weak<dyn Receive>,
        runtime: Handle,
        first_channel: u64,
        limit: u32,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            receiver,
            runtime,
            table: RwLock::default(),
            next_channel: AtomicU64::new(first_channel),
            permits: Arc::new(Semaphore::new(limit as usize)),
            limit,
        })
    }

    /// Queues for the connection of the flow, else for one to its remote address, which is opened
    /// where there is none
    /// ([RFC 3261 §18.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.2)).
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let Some((channel, queue)) = self.read().find(&outgoing.transmit.flow) else {
            return self.open(outgoing);
        };
        match queue.try_send(Write::Message(outgoing)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(Write::Message(outgoing))) => {
                self.remove(channel);
                self.open(outgoing)
            }
            Err(_) => {
                self.remove(channel);
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

    pub(super) fn remove(&self, channel: Channel) {
        self.write().remove(channel);
    }

    /// Closes all connections once what is queued for them is written, and opens no more.
    pub(super) async fn close(&self) {
        *self.write() = Table {
            closed: true,
            ..Table::default()
        };
        let _all = self.permits.acquire_many(self.limit).await;
    }

    fn accepted(&self, stream: TcpStream, remote: SocketAddr) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            if let Some(count) = TOO_MANY.pass(Instant::now()) {
                let limit = self.limit;
                warn!(count, "connections were refused: {limit} are open already");
            }
            return;
        };
        let local = match stream.local_addr() {
            Ok(local) => local,
            Err(error) => {
                debug!(transport = "tcp", %remote, "the connection is gone already: {error}");
                return;
            }
        };
        let Some((connection, _)) = self.add(&mut self.write(), remote) else {
            return;
        };
        let open = connection.accepted(stream, local);
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            run(this, connection, open).await;
            drop(permit);
        });
    }

    /// Opens a connection to the flow's remote address.
    fn open(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let Flow { local, remote, .. } = outgoing.transmit.flow;
        let mut table = self.write();
        // Somebody else may have opened it since the table was read.
        if let Some((_, queue)) = table.by_remote(remote) {
            let sent = queue.try_send(Write::Message(outgoing));
            return sent.map_err(|_| Undelivered);
        }
        let permit = Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_| Undelivered)?;
        let (connection, queue) = self.add(&mut table, remote).ok_or(Undelivered)?;
        drop(table);
        queue
            .try_send(Write::Message(outgoing))
            .map_err(|_| Undelivered)?;
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            match connection.open(local).await {
                Ok(open) => run(this, connection, open).await,
                Err(error) => {
                    debug!(transport = "tcp", %remote, "no connection: {error}");
                    give_up(this, connection).await;
                }
            }
            drop(permit);
        });
        Ok(())
    }

    fn add(
        &self,
        table: &mut Table,
        remote: SocketAddr,
    ) -> Option<(Connection, mpsc::Sender<Write>)> {
        if table.closed {
            return None;
        }
        let channel = Channel(self.next_channel.fetch_add(1, Ordering::Relaxed));
        let receiver = Weak::clone(&self.receiver);
        let (connection, queue) = Connection::new(channel, remote, receiver);
        table.insert(channel, remote, queue.clone());
        Some((connection, queue))
    }

    /// Sends over another connection what one did not write, but nothing twice.
    fn reroute(&self, mut outgoing: Outgoing) {
        let (shard, transaction) = (outgoing.shard, outgoing.transmit.transaction);
        let again = !std::mem::replace(&mut outgoing.rerouted, true);
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
pub(super) async fn accept(listener: TcpListener, connections: Arc<Connections>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => connections.accepted(stream, remote),
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

/// Sees to an open connection until it ends.
async fn run(connections: Weak<Connections>, mut connection: Connection, mut open: Open) {
    let end = connection.run(&mut open).await;
    debug!(transport = "tcp", remote = %connection.remote(), "the connection ends: {end}");
    if let Some(connections) = connections.upgrade() {
        connections.remove(connection.channel());
    }
    let unsent = connection.close(open, &end).await;
    if let Some(connections) = connections.upgrade() {
        for outgoing in unsent {
            connections.reroute(outgoing);
        }
    }
}

/// Sees to a connection that could not be opened.
async fn give_up(connections: Weak<Connections>, connection: Connection) {
    let Some(connections) = connections.upgrade() else {
        return;
    };
    connections.remove(connection.channel());
    let unsent = connection.unsent().await;
    if let Some(receiver) = connections.receiver.upgrade() {
        for outgoing in unsent {
            outgoing.undelivered(&*receiver);
        }
    }
}

#[derive(Default)]
struct Table {
    open: HashMap<Channel, Entry>,
    /// The connection opened last where there are several.
    by_remote: HashMap<SocketAddr, Channel>,
    closed: bool,
}

struct Entry {
    remote: SocketAddr,
    queue: mpsc::Sender<Write>,
}

impl Table {
    fn insert(&mut self, channel: Channel, remote: SocketAddr, queue: mpsc::Sender<Write>) {
        self.open.insert(channel, Entry { remote, queue });
        self.by_remote.insert(remote, channel);
    }

    fn remove(&mut self, channel: Channel) {
        let Some(entry) = self.open.remove(&channel) else {
            return;
        };
        if self.by_remote.get(&entry.remote) == Some(&channel) {
            self.by_remote.remove(&entry.remote);
        }
    }

    fn find(&self, flow: &Flow) -> Option<(Channel, mpsc::Sender<Write>)> {
        match self.open.get(&flow.channel) {
            Some(entry) => Some((flow.channel, entry.queue.clone())),
            None => self.by_remote(flow.remote),
        }
    }

    fn by_remote(&self, remote: SocketAddr) -> Option<(Channel, mpsc::Sender<Write>)> {
        let channel = self.by_remote.get(&remote)?;
        let entry = self.open.get(channel)?;
        Some((*channel, entry.queue.clone()))
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
static NOT_READING: Throttle = Throttle::new();
static TOO_MANY: Throttle = Throttle::new();

/// Before the next try to accept.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use offhook_core::{TransactionId, Transmit, Transport};
    use offhook_message::{Malformed, Message};

    use super::super::connection::LONGEST_QUEUE;
    use super::*;

    struct Nobody;

    impl Receive for Nobody {
        fn message(&self, _: Flow, _: Message) {}
        fn malformed(&self, _: Flow, _: Malformed) {}
        fn undelivered(&self, _: usize, _: TransactionId) {}
    }

    fn connections() -> Arc<Connections> {
        Connections::new(Weak::<Nobody>::new(), Handle::current(), 1, 10)
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
        let connections = connections();
        for channel in [100, 200, 300] {
            connections.send(outgoing(channel)).unwrap();
        }
        assert_eq!(connections.read().open.len(), 1);
        assert_eq!(connections.permits.available_permits(), 9);
    }

    // No connection gets a turn before the test waits.

    #[tokio::test]
    async fn a_connection_whose_queue_is_full_is_closed() {
        let connections = connections();
        for _ in 0..LONGEST_QUEUE {
            connections.send(outgoing(100)).unwrap();
        }
        assert!(connections.send(outgoing(100)).is_err());
        assert!(connections.read().open.is_empty());
        assert!(connections.read().by_remote.is_empty());
    }

    #[tokio::test]
    async fn no_connection_is_opened_after_the_end() {
        let connections = connections();
        connections.close().await;
        assert!(connections.send(outgoing(100)).is_err());
        assert!(connections.read().open.is_empty());
    }
}
