//! The network between the server and its peers.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{Channel, Flow, Transport};

use crate::clock::seconds;
use crate::faults::{Fault, Faults};
use crate::packet::{Direction, Packet};
use crate::trace::Trace;

/// Carries packets, late and not always, and keeps the trace of them.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) transport: Transport,
    pub(crate) latency: Duration,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    /// Nothing sent to these arrives, and the sender hears of it.
    pub(crate) unreachable: Vec<SocketAddr>,
    arriving: Vec<Arrival>,
    /// Until when a stream stands still.
    stalls: Vec<(SocketAddr, Direction, Duration)>,
    sent: u64,
    /// The peers that have a connection to the server; its channel is 1 more than the place here.
    connections: Vec<SocketAddr>,
}

/// A packet that will arrive.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Duration,
    /// What is sent first arrives first at one time.
    order: u64,
    /// Where it lies in the trace.
    index: usize,
    direction: Direction,
    /// It waits to be overtaken.
    is_held: bool,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            transport: Transport::Udp,
            latency: Duration::ZERO,
            faults: Faults::Schedule(Vec::new()),
            trace: Trace::default(),
            unreachable: Vec::new(),
            arriving: Vec::new(),
            stalls: Vec::new(),
            sent: 0,
            connections: Vec::new(),
        }
    }

    /// A peer sends to the server.
    pub(crate) fn send_to_server(&mut self, now: Duration, peer: SocketAddr, bytes: Bytes) {
        let flow = Flow {
            transport: self.transport,
            channel: self.channel_of(peer),
            local: SERVER,
            remote: peer,
        };
        self.send(now, Direction::ToServer, peer, flow, bytes);
    }

    /// The server sends. False where the receiver cannot be reached.
    #[must_use]
    pub(crate) fn send_from_server(&mut self, now: Duration, flow: Flow, bytes: Bytes) -> bool {
        let peer = self.peer_of(flow);
        self.send(now, Direction::FromServer, peer, flow, bytes);
        !self.unreachable.contains(&peer)
    }

    /// When the next packet arrives.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.arriving.iter().map(|arrival| arrival.at).min()
    }

    /// Takes the next packet that has arrived by now.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<Rc<Packet>> {
        let arrivals = self.arriving.iter().enumerate();
        let (place, first) = arrivals.min_by_key(|(_, arrival)| (arrival.at, arrival.order))?;
        if first.at > now {
            return None;
        }
        let index = first.index;
        self.arriving.remove(place);
        self.trace.arrive(now, index)
    }

    fn send(
        &mut self,
        now: Duration,
        direction: Direction,
        peer: SocketAddr,
        flow: Flow,
        bytes: Bytes,
    ) {
        let number = self.trace.packet_count();
        let mut packet = Packet::new(number, now, direction, peer, flow, bytes);
        packet.fault = if self.unreachable.contains(&peer) {
            Some(Fault::Lose)
        } else {
            self.faults.of(number, flow.transport)
        };
        let fault = packet.fault;
        let index = self.trace.push(packet);
        let mut at = now + self.latency;
        if flow.transport.is_reliable() {
            at = self.stall(at, peer, direction, fault);
        }
        match fault {
            None | Some(Fault::Stall | Fault::Freeze) => self.pass(at, index, direction),
            Some(Fault::Duplicate) => {
                self.arrive(at, index, direction);
                self.pass(at, index, direction);
            }
            Some(Fault::Overtake) => self.hold(at + LONGEST_HOLD, index, direction),
            Some(Fault::Lose) => {}
        }
    }

    /// Lets a packet arrive, and behind it those that wait to be overtaken.
    fn pass(&mut self, at: Duration, index: usize, direction: Direction) {
        self.arrive(at, index, direction);
        for arrival in &mut self.arriving {
            if arrival.is_held && arrival.direction == direction {
                self.sent += 1;
                (arrival.at, arrival.order, arrival.is_held) = (at, self.sent, false);
            }
        }
    }

    /// Lets a packet wait to be overtaken, but not longer than until `at`.
    fn hold(&mut self, at: Duration, index: usize, direction: Direction) {
        self.arrive(at, index, direction);
        if let Some(arrival) = self.arriving.last_mut() {
            arrival.is_held = true;
        }
    }

    /// When a message arrives on a stream, behind all that were sent before it.
    fn stall(
        &mut self,
        at: Duration,
        peer: SocketAddr,
        direction: Direction,
        fault: Option<Fault>,
    ) -> Duration {
        let at = at + fault.map_or(Duration::ZERO, Fault::delay);
        let mut stalls = self.stalls.iter_mut();
        let known = stalls.find(|(other, way, _)| (*other, *way) == (peer, direction));
        if let Some((_, _, until)) = known {
            *until = at.max(*until);
            return *until;
        }
        self.stalls.push((peer, direction, at));
        at
    }

    fn arrive(&mut self, at: Duration, index: usize, direction: Direction) {
        self.sent += 1;
        self.arriving.push(Arrival {
            at,
            order: self.sent,
            index,
            direction,
            is_held: false,
        });
    }

    fn channel_of(&mut self, peer: SocketAddr) -> Channel {
        if !self.transport.is_reliable() {
            return Channel(0);
        }
        let known = self.connections.iter().position(|other| *other == peer);
        let place = known.unwrap_or_else(|| {
            self.connections.push(peer);
            self.connections.len() - 1
        });
        Channel(place as u64 + 1)
    }

    /// A datagram goes to its address; on a stream an open connection is used before the address.
    fn peer_of(&self, flow: Flow) -> SocketAddr {
        if !flow.transport.is_reliable() {
            return flow.remote;
        }
        let place = usize::try_from(flow.channel.0).ok();
        let connection = place.and_then(|place| self.connections.get(place.checked_sub(1)?));
        connection.copied().unwrap_or(flow.remote)
    }
}

/// The address of the user agent under test.
pub const SERVER: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)),
    5060,
);

/// How long a packet waits at most for another one to overtake it.
const LONGEST_HOLD: Duration = seconds(4);
