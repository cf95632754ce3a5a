use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};

use offhook_core::{Channel, Flow, Opener, Transport};

use super::connection::Connection;
use super::destination::{Destination, Destinations};
use super::writes::Queue;

/// The connections that are open or being opened, and the ways to find one.
#[derive(Default)]
pub(super) struct Table {
    open: HashMap<Channel, Entry>,
    /// Those that serve whoever sends there: all of TCP, and else what we opened to an address that has no other name.
    /// The connection opened last where there are several.
    by_remote: HashMap<(Transport, SocketAddr), Channel>,
    destinations: Destinations,
    /// How many connections were accepted from each source.
    sources: HashMap<IpAddr, u32>,
    next_channel: u64,
    closed: bool,
}

struct Entry {
    transport: Transport,
    remote: SocketAddr,
    opener: Opener,
    queue: Arc<Queue>,
}

/// Why there is no place for a connection.
#[derive(Debug)]
pub(super) enum Full {
    /// As many are open as may be.
    All,
    Source,
    /// No connection is to be open any more.
    Closed,
}

impl Table {
    /// A table whose channels are numbered from this one.
    pub(super) fn new(next_channel: u64) -> Self {
        Self {
            next_channel,
            ..Self::default()
        }
    }

    pub(super) fn new_channel(&mut self) -> Channel {
        let channel = Channel(self.next_channel);
        self.next_channel += 1;
        channel
    }

    pub(super) fn add(&mut self, connection: &Connection, queue: Arc<Queue>) -> Result<(), Full> {
        let &Connection {
            channel,
            transport,
            remote,
            opener,
            ..
        } = connection;
        if self.closed {
            return Err(Full::Closed);
        }
        if opener == Opener::Peer {
            let count = self.sources.entry(source(remote)).or_default();
            if *count >= connection.settings.limits.connections_per_source {
                return Err(Full::Source);
            }
            *count += 1;
        }
        let entry = Entry {
            transport,
            remote,
            opener,
            queue,
        };
        self.open.insert(channel, entry);
        let is_nameless = opener == Opener::Us && self.destinations.get(channel).is_none();
        if transport == Transport::Tcp || is_nameless {
            self.by_remote.insert((transport, remote), channel);
        }
        Ok(())
    }

    /// Takes the connection of this queue out. Another one may have its channel by now, where that belongs to
    /// a destination.
    pub(super) fn remove(&mut self, channel: Channel, queue: &Weak<Queue>) {
        let found = self.open.get(&channel);
        if found.is_none_or(|entry| !queue.ptr_eq(&Arc::downgrade(&entry.queue))) {
            return;
        }
        let Some(entry) = self.open.remove(&channel) else {
            return;
        };
        self.destinations.note_use(channel);
        let way = (entry.transport, entry.remote);
        if self.by_remote.get(&way) == Some(&channel) {
            self.by_remote.remove(&way);
        }
        let source = source(entry.remote);
        if entry.opener == Opener::Peer
            && let Some(count) = self.sources.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }

    /// Lets all connections go, and takes no more.
    pub(super) fn close(&mut self) {
        *self = Self {
            closed: true,
            ..Self::new(self.next_channel)
        };
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The connection of a flow, else one to the same place.
    pub(super) fn find(&self, flow: &Flow) -> Option<(Channel, Arc<Queue>)> {
        let channel = if self.open.contains_key(&flow.channel) {
            flow.channel
        } else if flow.transport == Transport::Tcp {
            *self.by_remote.get(&(flow.transport, flow.remote))?
        } else {
            return None;
        };
        Some((channel, self.queue(channel)?))
    }

    pub(super) fn queue(&self, channel: Channel) -> Option<Arc<Queue>> {
        self.open
            .get(&channel)
            .map(|entry| Arc::clone(&entry.queue))
    }

    /// Where a flow goes that has no connection. `None` where there is no way back to the peer: a
    /// WebSocket that is gone was the only one
    /// ([RFC 7118 §5](https://www.rfc-editor.org/rfc/rfc7118#section-5)).
    ///
    /// Nothing is kept of one whose channel nobody has: a peer names as many as it likes in the Via of its requests.
    pub(super) fn destination(&mut self, flow: &Flow) -> Option<(Channel, Arc<Destination>)> {
        if let Some(known) = self.reuse(flow.channel) {
            return Some(known);
        }
        if flow.transport.is_websocket() && flow.channel != Channel::NONE {
            return None;
        }
        let destination = Destination::of(flow);
        let channel = self.destinations.find(&destination);
        if let Some(known) = channel.and_then(|channel| self.reuse(channel)) {
            return Some(known);
        }
        let channel = self.by_remote.get(&(flow.transport, flow.remote)).copied();
        let channel = channel.unwrap_or_else(|| self.new_channel());
        Some((channel, Arc::new(destination)))
    }

    /// Where a channel goes that somebody goes on with: others are forgotten in its place.
    fn reuse(&mut self, channel: Channel) -> Option<(Channel, Arc<Destination>)> {
        self.destinations.note_use(channel);
        let destination = self.destinations.get(channel)?;
        Some((channel, Arc::clone(destination)))
    }

    /// The channel of a destination, whether a connection is open or not.
    pub(super) fn channel_to(&mut self, destination: Destination) -> Channel {
        if let Some(channel) = self.destinations.find(&destination) {
            self.destinations.note_use(channel);
            return channel;
        }
        let channel = self.new_channel();
        let is_open = |channel: Channel| self.open.contains_key(&channel);
        self.destinations.add(destination, channel, is_open);
        channel
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

/// Whom a peer's connections are counted for: an IPv6 network of 64 bits belongs to one.
fn source(remote: SocketAddr) -> IpAddr {
    match remote.ip() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::super::destination::MOST;
    use super::*;

    /// What is for a peer that is gone goes to the port in its Via.
    #[test]
    fn no_peer_displaces_a_channel_that_somebody_has() {
        let mut table = Table::new(1);
        let mut flow = Flow {
            transport: Transport::Tls,
            channel: table.new_channel(),
            local: ([127, 0, 0, 1], 5061).into(),
            remote: ([127, 0, 0, 1], 5061).into(),
        };
        let registrar = table.channel_to(Destination {
            host: "registrar.example.com".to_owned(),
            ..Destination::of(&flow)
        });
        for port in (10_000..).take(MOST + 1) {
            flow.remote.set_port(port);
            let (channel, destination) = table.destination(&flow).unwrap();
            assert_eq!(destination.address, flow.remote);
            assert_ne!(channel, registrar);
        }
        flow.channel = registrar;
        let (channel, destination) = table.destination(&flow).unwrap();
        assert_eq!(channel, registrar);
        assert_eq!(destination.host, "registrar.example.com");
    }
}
