//! What happened, as a figure.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::faults::Fault;
use crate::packet::{Direction, End, Packet};

/// Everything that happened, in its order: packets when they were sent, and what the applications
/// were told.
///
/// It prints as a ladder, the peers to the left and the server to the right. Each line can stand in
/// a figure that [`Simulation::expect`](crate::Simulation::expect) takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    entries: Vec<Entry>,
    packets: usize,
    arrivals: Vec<Arrival>,
}

/// A packet that reached its receiver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    /// How many packets had been sent by then.
    pub(crate) sent: usize,
    pub(crate) packet: Rc<Packet>,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Packet(Rc<Packet>),
    Note {
        at: Duration,
        end: End,
        text: Cow<'static, str>,
    },
}

impl Trace {
    /// How many packets were sent.
    pub fn packet_count(&self) -> usize {
        self.packets
    }

    /// All packets in the order of sending.
    pub fn packets(&self) -> impl DoubleEndedIterator<Item = &Packet> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Packet(packet) => Some(&**packet),
            Entry::Note { .. } => None,
        })
    }

    /// What reached its receiver, in that order.
    pub(crate) fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// What the application of an end was told, and when.
    pub(crate) fn notes(&self, of: End) -> impl Iterator<Item = (Duration, &str)> {
        self.entries.iter().filter_map(move |entry| match entry {
            Entry::Note { at, end, text } if *end == of => Some((*at, &**text)),
            _ => None,
        })
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn note(&mut self, at: Duration, end: End, text: impl Into<Cow<'static, str>>) {
        let text = text.into();
        self.entries.push(Entry::Note { at, end, text });
    }

    /// Takes a packet and says where it lies.
    pub(crate) fn push(&mut self, packet: Packet) -> usize {
        self.packets += 1;
        self.entries.push(Entry::Packet(Rc::new(packet)));
        self.entries.len() - 1
    }

    /// Notes that the packet that lies at `index` has arrived.
    pub(crate) fn arrive(&mut self, at: Duration, index: usize) -> Option<Rc<Packet>> {
        let Entry::Packet(packet) = self.entries.get(index)? else {
            return None;
        };
        let packet = Rc::clone(packet);
        self.arrivals.push(Arrival {
            at,
            sent: self.packets,
            packet: Rc::clone(&packet),
        });
        Some(packet)
    }
}

impl Entry {
    pub(crate) fn at(&self) -> Duration {
        match self {
            Self::Packet(packet) => packet.at,
            Self::Note { at, .. } => *at,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3}   ", self.at().as_secs_f64())?;
        match self {
            Self::Note { end, text, .. } => match end {
                End::Client => write!(f, "{text} *"),
                End::Server => write!(f, "{:>WIDTH$}", format!("* {text}")),
            },
            Self::Packet(packet) => {
                let label = packet.label();
                // What is lost has its sign for a head, all else for a shaft.
                let (head, stroke) = match packet.fault {
                    Some(Fault::Lose) => (Some(Fault::Lose.sign()), '-'),
                    fault => (None, fault.map_or('-', Fault::sign)),
                };
                let length = WIDTH.saturating_sub(label.len() + 2).max(2);
                let shaft = String::from(stroke).repeat(length);
                match packet.direction {
                    Direction::ToServer => write!(f, "{label} {shaft}{}", head.unwrap_or('>'))?,
                    Direction::FromServer => write!(f, "{}{shaft} {label}", head.unwrap_or('<'))?,
                }
                write!(f, "   #{}", packet.number)
            }
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  seconds   {:<20}{:>20}", "peer", "server")?;
        for entry in &self.entries {
            writeln!(f, "{entry}")?;
        }
        Ok(())
    }
}

/// How far the two columns of a ladder are apart.
const WIDTH: usize = 44;
