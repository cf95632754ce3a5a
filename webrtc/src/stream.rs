//! What comes goes back.

use std::{sync::Arc, time::Instant};

use sdp_types::Direction;
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};

/// Numbers the packets that go back: as the peer did, so that a loss stays one, but without a leap where the peer changes
/// its synchronization source.
#[derive(Debug)]
pub(crate) struct Echo {
    direction: Direction,
    source: Option<Ssrc>,
    sequence: Numbering<u64>,
    time: Numbering<u32>,
}

/// How much the numbers that go back are ahead of those that came.
#[derive(Debug, Default)]
struct Numbering<T> {
    ahead: T,
    last: T,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            direction: Direction::Inactive,
            source: None,
            sequence: Numbering::default(),
            time: Numbering::default(),
        }
    }
}

impl Echo {
    pub(crate) fn follow(&mut self, direction: Direction) {
        self.direction = direction;
    }

    pub(crate) fn packet(&mut self, packet: &RtpPacket, now: Instant) -> Option<RtpWrite> {
        if self.direction != Direction::SendRecv {
            return None;
        }
        let (sequence, time) = (*packet.seq_no, packet.header.timestamp);
        if self.source.replace(packet.header.ssrc) != Some(packet.header.ssrc) {
            let next = self.sequence.last.wrapping_add(FIRST_SEQUENCE_NUMBER);
            self.sequence.ahead = next.wrapping_sub(sequence);
            let next = self.time.last.wrapping_add(PACKET_TIME);
            self.time.ahead = next.wrapping_sub(time);
        }
        self.sequence.last = sequence.wrapping_add(self.sequence.ahead);
        self.time.last = time.wrapping_add(self.time.ahead);
        let echo = RtpWrite::new(
            packet.header.payload_type,
            self.sequence.last.into(),
            self.time.last,
            now,
            Arc::clone(&packet.payload),
        );
        Some(echo.marker(packet.header.marker))
    }
}

/// Leaves room for packets that were sent before the first that came.
const FIRST_SEQUENCE_NUMBER: u64 = 128;
/// 20 ms at 48 kHz.
const PACKET_TIME: u32 = 960;
