//! What went through a call's RTP port.

use std::sync::atomic::{AtomicU64, Ordering};

/// What went through a call's RTP port. Octets are those of whole RTP packets, without UDP and IP.
#[derive(Debug, Default)]
pub struct RtpCounters {
    packets_received: AtomicU64,
    octets_received: AtomicU64,
    packets_sent: AtomicU64,
    octets_sent: AtomicU64,
    datagrams_discarded: AtomicU64,
}

impl RtpCounters {
    /// RTP packets taken from the peer.
    pub fn packets_received(&self) -> u64 {
        self.packets_received.load(Ordering::Relaxed)
    }

    /// Octets of the packets taken from the peer.
    pub fn octets_received(&self) -> u64 {
        self.octets_received.load(Ordering::Relaxed)
    }

    /// RTP packets sent to the peer.
    pub fn packets_sent(&self) -> u64 {
        self.packets_sent.load(Ordering::Relaxed)
    }

    /// Octets of the packets sent to the peer.
    pub fn octets_sent(&self) -> u64 {
        self.octets_sent.load(Ordering::Relaxed)
    }

    /// Datagrams that were not RTP, not of an agreed payload type, from a wrong source, or against the stream's direction.
    pub fn datagrams_discarded(&self) -> u64 {
        self.datagrams_discarded.load(Ordering::Relaxed)
    }

    pub(crate) fn received(&self, octets: usize) {
        self.packets_received.fetch_add(1, Ordering::Relaxed);
        self.octets_received
            .fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, octets: usize) {
        self.packets_sent.fetch_add(1, Ordering::Relaxed);
        self.octets_sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(crate) fn discarded(&self) {
        self.datagrams_discarded.fetch_add(1, Ordering::Relaxed);
    }
}
