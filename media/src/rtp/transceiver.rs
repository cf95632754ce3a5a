//! An end of audio between the packets that come and those that go.

use std::time::{Duration, Instant};

use crate::{
    audio::{AudioEnd, FRAME_TIME},
    formats::{Formats, Kind},
    rtp::{
        RtpHeader,
        receiver::{Packet, Receiver},
        sender::Sender,
    },
};

/// Lets an [`AudioEnd`] hear the packets of one stream, and makes packets of what it says. It does no input and output,
/// and knows no protection.
///
/// Packets are put into order, what is lost is concealed, and each key counts once, whatever the network does.
pub struct Transceiver {
    end: AudioEnd,
    sender: Sender,
    receiver: Option<Receiver>,
    /// When the next 20 ms have passed.
    next: Option<Instant>,
    /// Whether nothing was to be said at last. Then time is kept when something happens, so that a held call costs nothing.
    is_idle: bool,
}

impl Transceiver {
    /// One that says and hears nothing until it is started.
    pub fn new(end: AudioEnd) -> Self {
        Self {
            end,
            sender: Sender::new(),
            receiver: None,
            next: None,
            is_idle: false,
        }
    }

    /// The same end on another stream, from another source of ours.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.end.clone())
    }

    /// The synchronization source that we speak under.
    pub(super) fn source(&self) -> u32 {
        self.sender.source
    }

    /// Keeps time from now on, where it does not yet. To be called when something else is agreed on, too.
    pub fn start(&mut self, now: Instant) {
        self.next.get_or_insert(now);
        self.wake(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn timeout(&self) -> Option<Instant> {
        self.next.filter(|_| !self.is_idle)
    }

    /// Takes a packet of the peer's, which is of this kind; `None` for nothing that was agreed on.
    pub fn receive(&mut self, kind: Option<Kind>, header: RtpHeader, payload: &[u8], now: Instant) {
        self.wake(now);
        let of_source = |receiver: &Receiver| receiver.source == header.source;
        let receiver = match self.receiver.take().filter(of_source) {
            Some(receiver) => receiver,
            None => Receiver::new(&header),
        };
        let packet = Packet {
            kind,
            header,
            payload: payload.to_vec(),
        };
        self.receiver.insert(receiver).hear(packet, &self.end, now);
    }

    /// Calls `send` with the packets of the time that has passed, where there are `formats` to speak in, and with so many
    /// milliseconds in each of them as the peer wants. What is passed in silence is not said later.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        formats: Option<(&Formats, u32)>,
        send: &mut dyn FnMut(&RtpHeader, &[u8]),
    ) {
        if self.next.is_some_and(|next| next + LONGEST_DELAY < now) {
            self.skip(now);
        }
        let Some(mut next) = self.next else { return };
        while next <= now {
            if let Some(receiver) = &mut self.receiver {
                receiver.flush(&self.end, now);
            }
            match formats {
                Some((formats, packet_time)) => {
                    self.sender.send(formats, packet_time, &self.end, send);
                }
                None => self.sender.skip(1),
            }
            next += FRAME_TIME;
        }
        self.next = Some(next);
        let is_waiting = self.receiver.as_ref().is_some_and(Receiver::is_waiting);
        self.is_idle = formats.is_none() && !is_waiting;
    }

    /// Keeps time again.
    fn wake(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_idle) {
            self.skip(now);
        }
    }

    /// What could have been said up to now is not.
    fn skip(&mut self, now: Instant) {
        let Some(next) = &mut self.next else { return };
        let late = now.saturating_duration_since(*next);
        let missed = late.as_millis() / FRAME_TIME.as_millis();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        self.sender.skip(missed);
        *next += FRAME_TIME * missed;
    }
}

/// After a longer one, what should have been said meanwhile is left out.
const LONGEST_DELAY: Duration = Duration::from_millis(200);
