//! What becomes of the peer's packets, and whence ours come.

use std::{fmt, sync::Arc, time::Instant};

use offhook_media::{AudioEnd, Direction, FRAME_TIME, Formats, RtpHeader, Transceiver};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};

/// The stream of a connection.
pub(crate) struct Stream {
    direction: Direction,
    formats: Formats,
    end: End,
}

enum End {
    Echo(Echo),
    Audio(Box<Transceiver>, Numbers),
}

impl Stream {
    /// One that lets `end` hear and speak.
    pub(crate) fn audio(end: AudioEnd) -> Self {
        let transceiver = Box::new(Transceiver::new(end));
        Self::of(End::Audio(transceiver, Numbers::default()))
    }

    /// One that sends what comes back.
    pub(crate) fn echo() -> Self {
        Self::of(End::Echo(Echo::default()))
    }

    /// The same with another peer.
    pub(crate) fn anew(&self) -> Self {
        match &self.end {
            End::Echo(_) => Self::echo(),
            End::Audio(transceiver, _) => {
                let transceiver = Box::new(transceiver.anew());
                Self::of(End::Audio(transceiver, Numbers::default()))
            }
        }
    }

    fn of(end: End) -> Self {
        Self {
            direction: Direction::Inactive,
            formats: Formats::default(),
            end,
        }
    }

    /// Takes what was agreed.
    pub(crate) fn follow(&mut self, direction: Direction, formats: Formats, now: Instant) {
        self.direction = direction;
        self.formats = formats;
        if let End::Audio(transceiver, _) = &mut self.end {
            transceiver.start(now);
        }
    }

    /// When the next packet is to be sent, whatever comes.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        match &self.end {
            End::Echo(_) => None,
            End::Audio(transceiver, _) => transceiver.timeout(),
        }
    }

    /// Takes a packet of the peer's. Gives one that goes back at once.
    pub(crate) fn receive(&mut self, packet: &RtpPacket, now: Instant) -> Option<RtpWrite> {
        match (&mut self.end, self.direction) {
            (End::Echo(echo), Direction::SendRecv) => Some(echo.packet(packet, now)),
            (End::Audio(transceiver, _), Direction::SendRecv | Direction::RecvOnly) => {
                let header = RtpHeader {
                    payload_type: *packet.header.payload_type,
                    is_marked: packet.header.marker,
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    source: *packet.header.ssrc,
                };
                let kind = self.formats.kind(header.payload_type);
                transceiver.receive(kind, header, &packet.payload, now);
                None
            }
            _ => None,
        }
    }

    /// Calls `send` with the packets that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, send: &mut dyn FnMut(RtpWrite)) {
        let End::Audio(transceiver, numbers) = &mut self.end else {
            return;
        };
        let sends = self.direction.sends();
        let formats = sends.then_some((&self.formats, FRAME_TIME.subsec_millis()));
        transceiver.handle_timeout(now, formats, &mut |header, payload| {
            let packet = RtpWrite::new(
                header.payload_type.into(),
                numbers.next(header).into(),
                header.timestamp,
                now,
                payload.to_vec(),
            );
            send(packet.marker(header.is_marked));
        });
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("direction", &self.direction)
            .field("formats", &self.formats)
            .finish_non_exhaustive()
    }
}

/// The numbers of our packets: str0m has one source for all of them, and wants to be told how often they begin anew.
#[derive(Default)]
struct Numbers {
    last: Option<u64>,
}

impl Numbers {
    fn next(&mut self, header: &RtpHeader) -> u64 {
        let next = self.last.map_or(header.sequence.into(), |last| last + 1);
        *self.last.insert(next)
    }
}

/// Numbers the packets that go back: as the peer did, so that a loss stays one, but without a leap where the peer changes
/// its synchronization source.
#[derive(Default)]
struct Echo {
    source: Option<Ssrc>,
    sequence: Numbering<u64>,
    time: Numbering<u32>,
}

/// How much the numbers that go back are ahead of those that came.
#[derive(Default)]
struct Numbering<T> {
    ahead: T,
    last: T,
}

impl Echo {
    fn packet(&mut self, packet: &RtpPacket, now: Instant) -> RtpWrite {
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
        echo.marker(packet.header.marker)
    }
}

/// Leaves room for packets that were sent before the first that came.
const FIRST_SEQUENCE_NUMBER: u64 = 128;
/// 20 ms at 48 kHz.
const PACKET_TIME: u32 = 960;
