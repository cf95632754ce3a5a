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
    by_channel: HashMap<Channel, Arc<Destination>>,
}

impl Destinations {
    pub(super) fn get(&self, channel: Channel) -> Option<&Arc<Destination>> {
        self.by_channel.get(&channel)
    }

    pub(super) fn find(&self, destination: &Destination) -> Option<Channel> {
        self.channels.get(destination).copied()
    }

    /// Where there are too many, those go that are of no use now.
    pub(super) fn add(
        &mut self,
        destination: Destination,
        channel: Channel,
        is_open: impl Fn(Channel) -> bool,
    ) {
        if self.channels.len() >= MOST {
            self.by_channel.retain(|channel, _| is_open(*channel));
            self.channels.retain(|_, channel| is_open(*channel));
        }
        let destination = Arc::new(destination);
        self.by_channel.insert(channel, Arc::clone(&destination));
        self.channels.insert(destination, channel);
    }
}

const MOST: usize = 4096;
