//! What ends with a WebSocket.

use std::collections::BTreeSet;

use crate::flow::{Channel, Flow};
use crate::slot::Slot;

/// The places of a table whose values came or went by a WebSocket, found by that. What came by anything else is not in it.
#[derive(Debug, Default)]
pub(crate) struct ByChannel(BTreeSet<(u64, Slot)>);

impl ByChannel {
    pub(crate) fn bind(&mut self, slot: Slot, flow: Flow) {
        if flow.transport.is_websocket() {
            self.0.insert((flow.channel.0, slot));
        }
    }

    pub(crate) fn unbind(&mut self, slot: Slot, flow: Flow) {
        if flow.transport.is_websocket() {
            self.0.remove(&(flow.channel.0, slot));
        }
    }

    /// Those of this WebSocket. However many there are of others, they are not looked at.
    pub(crate) fn of(&self, Channel(channel): Channel) -> Vec<Slot> {
        let bound = self.0.range((channel, Slot::FIRST)..=(channel, Slot::LAST));
        bound.map(|(_, slot)| *slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Transport;
    use crate::slot::Slots;

    fn flow(transport: Transport, channel: u64) -> Flow {
        let address = ([192, 0, 2, 1], 5060).into();
        Flow {
            transport,
            channel: Channel(channel),
            local: address,
            remote: address,
        }
    }

    #[test]
    fn each_channel_has_its_own() {
        let mut slots = Slots::default();
        let [first, second, third] = [(); 3].map(|()| slots.insert(()));
        let mut bound = ByChannel::default();
        let (one, other) = (flow(Transport::Ws, 1), flow(Transport::Wss, 2));
        bound.bind(first, one);
        bound.bind(second, other);
        bound.bind(third, one);
        assert_eq!(bound.of(one.channel), [first, third]);
        assert_eq!(bound.of(other.channel), [second]);
        bound.unbind(first, one);
        bound.unbind(second, one);
        assert_eq!(bound.of(one.channel), [third]);
        assert_eq!(bound.of(other.channel), [second]);
        bound.unbind(third, one);
        bound.unbind(second, other);
        assert!(bound.0.is_empty(), "nothing is left behind");
    }

    #[test]
    fn only_websockets_take_room() {
        let slot = Slots::default().insert(());
        let mut bound = ByChannel::default();
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            bound.bind(slot, flow(transport, 1));
        }
        assert!(bound.0.is_empty());
    }
}
