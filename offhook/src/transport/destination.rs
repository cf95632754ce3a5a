use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use offhook_core::{Channel, Flow, Transport};

/// Where connections of ours go. One that was opened for a name serves no other: the certificate
/// was checked against it
/// ([RFC 5922 §7.3](https://www.rfc-editor.org/rfc/rfc5922#section-7.3)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Destination {
    pub(crate) transport: Transport,
    /// The host as the URI has it, without brackets.
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

impl Destination {
    /// Where a flow goes whose host has no other name.
    pub(super) fn of(flow: &Flow) -> Self {
        Self {
            transport: flow.transport,
            host: flow.remote.ip().to_string(),
            address: flow.remote,
        }
    }

    /// Host and port as a URI has them.
    #[cfg(feature = "ws")]
    pub(super) fn authority(&self) -> String {
        let Self { host, address, .. } = self;
        let port = address.port();
        if host.contains(':') {
            return format!("[{host}]:{port}");
        }
        format!("{host}:{port}")
    }
}

/// The channels of destinations. A channel stays the same when its connection is opened again.
#[derive(Default)]
pub(super) struct Destinations {
    channels: HashMap<Arc<Destination>, Channel>,
    by_channel: HashMap<Channel, Known>,
    uses: u64,
}

struct Known {
    destination: Arc<Destination>,
    /// The number of its last use.
    last_use: u64,
}

impl Destinations {
    pub(super) fn get(&self, channel: Channel) -> Option<&Arc<Destination>> {
        let known = self.by_channel.get(&channel)?;
        Some(&known.destination)
    }

    pub(super) fn find(&self, destination: &Destination) -> Option<Channel> {
        self.channels.get(destination).copied()
    }

    /// Somebody may go on with this channel: its destination is kept in place of others.
    pub(super) fn note_use(&mut self, channel: Channel) {
        if let Some(known) = self.by_channel.get_mut(&channel) {
            self.uses += 1;
            known.last_use = self.uses;
        }
    }

    /// Where there are too many, those go that are not open and have not been used for the longest time.
    pub(super) fn add(
        &mut self,
        destination: Destination,
        channel: Channel,
        is_open: impl Fn(Channel) -> bool,
    ) {
        if self.channels.len() >= MOST {
            self.forget_oldest(is_open);
        }
        self.uses += 1;
        let known = Known {
            destination: Arc::new(destination),
            last_use: self.uses,
        };
        self.channels
            .insert(Arc::clone(&known.destination), channel);
        self.by_channel.insert(channel, known);
    }

    /// Half of those that are not open, so that this is seldom.
    fn forget_oldest(&mut self, is_open: impl Fn(Channel) -> bool) {
        let closed = self.by_channel.iter();
        let closed = closed.filter(|(channel, _)| !is_open(**channel));
        let mut uses: Vec<_> = closed.map(|(_, known)| known.last_use).collect();
        if uses.is_empty() {
            return;
        }
        let half = uses.len() / 2;
        let (_, &mut newest, _) = uses.select_nth_unstable(half);
        self.by_channel
            .retain(|channel, known| known.last_use > newest || is_open(*channel));
        self.channels
            .retain(|_, channel| self.by_channel.contains_key(channel));
    }
}

pub(super) const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_open_or_in_use_are_not_forgotten_for_others() {
        const OPEN: Channel = Channel(0);
        const IN_USE: Channel = Channel(1);
        const OLD: Channel = Channel(2);
        let mut destinations = Destinations::default();
        let mut last = OLD;
        for channel in (0..).take(MOST + 1).map(Channel) {
            let destination = Destination {
                transport: Transport::Tls,
                host: format!("host-{}.example.com", channel.0),
                address: ([127, 0, 0, 1], 5061).into(),
            };
            destinations.add(destination, channel, |channel| channel == OPEN);
            destinations.note_use(IN_USE);
            last = channel;
        }
        for (channel, is_known) in [(OPEN, true), (IN_USE, true), (OLD, false), (last, true)] {
            let known = destinations.get(channel);
            assert_eq!(known.is_some(), is_known, "{channel:?}");
            if let Some(known) = known {
                assert_eq!(destinations.find(known), Some(channel));
            }
        }
    }
}
