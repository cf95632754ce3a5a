//! One RTP session: what comes, what goes, and when. It does no input and output.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use sdp_types::Direction;

use crate::{
    audio::{AudioEnd, FRAME_TIME},
    counters::RtpCounters,
    formats::Kind,
    gate::{Admission, Gate},
    media_loss::{MediaLoss, MediaLossSender},
    offer_answer::AudioStream,
    rtp::{
        packet::{LONGEST_PACKET, RtpHeader, is_rtcp, set_source},
        receiver::Receiver,
        rtcp::Rtcp,
        sender::Sender,
    },
    srtp::{Keys, Srtp},
};

/// What is at our end.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// Each packet goes back as it came.
    Echo,
    Audio(AudioEnd),
}

/// Which of a session's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Rtp,
    Rtcp,
}

/// Where packets go: out of which port, to whom.
pub(crate) type Transmit<'a> = &'a mut dyn FnMut(Channel, &[u8], SocketAddr);

/// With which keys packets are protected, and how.
type Protected = Option<Box<(Keys, Srtp)>>;

pub(crate) struct RtpSession {
    gate: Gate,
    srtp: Protected,
    end: End,
    counters: Arc<RtpCounters>,
    silence: Silence,
    sender: Sender,
    receiver: Option<Receiver>,
    rtcp: Rtcp,
    next_frame: Option<Instant>,
}

impl RtpSession {
    /// Tells of a loss where nothing comes for longer than `patience`.
    pub(crate) fn new(
        end: End,
        counters: Arc<RtpCounters>,
        loss: MediaLossSender,
        patience: Duration,
    ) -> Self {
        Self {
            gate: Gate::default(),
            srtp: None,
            end,
            counters,
            silence: Silence::new(loss, patience),
            sender: Sender::new(),
            receiver: None,
            rtcp: Rtcp::new(),
            next_frame: None,
        }
    }

    /// Does what was agreed, from the next packet on.
    pub(crate) fn follow(&mut self, stream: AudioStream, now: Instant) {
        self.silence.follow(stream.direction, now);
        if let End::Audio(_) = self.end {
            self.next_frame.get_or_insert(now);
        }
        if self.srtp.as_deref().map(|(keys, _)| keys) != stream.srtp.as_ref() {
            let keys = stream.srtp.clone();
            self.srtp = keys.map(|keys| Box::new((keys.clone(), Srtp::new(&keys))));
            // With another key another source: no key stream is used twice.
            self.sender = Sender::new();
            self.receiver = None;
        }
        self.rtcp.start(now);
        self.gate.follow(stream);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let due = [self.next_frame, self.rtcp.timeout(), self.silence.timeout()];
        due.into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, transmit: Transmit<'_>) {
        if self.rtcp.timeout().is_some_and(|at| at <= now) {
            self.report(now, transmit);
        }
        self.silence.handle_timeout(now);
        let Some(mut next) = self.next_frame else {
            return;
        };
        if now.saturating_duration_since(next) > LONGEST_DELAY {
            next = now;
        }
        while next <= now {
            self.speak(now, transmit);
            next += FRAME_TIME;
        }
        self.next_frame = Some(next);
    }

    /// Takes a datagram that came to one of the ports.
    pub(crate) fn receive(
        &mut self,
        channel: Channel,
        datagram: &mut [u8],
        from: SocketAddr,
        now: Instant,
        transmit: Transmit<'_>,
    ) {
        if datagram.len() > LONGEST_PACKET {
            return self.counters.discarded();
        }
        let is_rtcp = channel == Channel::Rtcp || is_rtcp(datagram);
        let length = match self.srtp.as_deref_mut() {
            Some((_, srtp)) if is_rtcp => srtp.unprotect_rtcp(datagram),
            Some((_, srtp)) => srtp.unprotect(datagram),
            None => Some(datagram.len()),
        };
        let Some(datagram) = length.and_then(|length| datagram.get_mut(..length)) else {
            return self.counters.discarded();
        };
        if is_rtcp {
            return self.receive_rtcp(channel, datagram, from, now);
        }
        let Some(header) = RtpHeader::read(datagram) else {
            return self.counters.discarded();
        };
        let admission = self.gate.admit(header.payload_type, from, now);
        if admission == Admission::Discard {
            return self.counters.discarded();
        }
        self.silence.end(now);
        self.count(&header, now);
        if admission == Admission::Ignore {
            self.counters.discarded();
        } else {
            self.counters.received(datagram.len());
        }
        let kind = self.gate.kind(header.payload_type);
        match (&self.end, &mut self.receiver) {
            (End::Echo, _) if admission == Admission::Echo => {
                set_source(datagram, self.sender.source);
                let clock_rate = kind.map_or(8000, Kind::clock_rate);
                let sent = &mut self.sender.sent;
                sent.count(datagram.len() - 12, header.timestamp, clock_rate, now);
                self.counters.sent(datagram.len());
                send(&mut self.srtp, datagram, from, transmit);
            }
            (End::Audio(end), Some(receiver)) => receiver.hear(kind, header, datagram, end, now),
            _ => {}
        }
    }

    /// Our port failed: nothing comes any more, and nothing goes.
    pub(crate) fn fail(&self, error: &io::Error) {
        self.silence.loss.lose(MediaLoss::Port(error.kind()));
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant, transmit: Transmit<'_>) {
        if let Some((channel, to)) = self.gate.rtcp_destination()
            && let Some(packet) = self
                .rtcp
                .bye(self.sender.source, &mut self.sender.sent, now)
        {
            report(&mut self.srtp, channel, &packet, to, transmit);
        }
    }

    /// Counts a packet of the source that is heard, which is the last that was heard of.
    fn count(&mut self, header: &RtpHeader, now: Instant) {
        let clock_rate = self.gate.kind(header.payload_type).map(Kind::clock_rate);
        match &mut self.receiver {
            Some(receiver) if receiver.source == header.source => {
                let clock_rate = clock_rate.unwrap_or(8000);
                let statistics = &mut receiver.statistics;
                statistics.count(header.sequence, header.timestamp, clock_rate, now);
            }
            other => {
                if other.is_some() && matches!(self.end, End::Echo) {
                    // What goes back counts anew as well.
                    self.sender = Sender::new();
                }
                *other = Some(Receiver::new(header, now));
                self.rtcp.forget_source();
            }
        }
    }

    fn receive_rtcp(&mut self, channel: Channel, datagram: &[u8], from: SocketAddr, now: Instant) {
        let source = self.receiver.as_ref().map(|receiver| receiver.source);
        if self.gate.admit_rtcp(channel, from, now) && self.rtcp.receive(datagram, source, now) {
            self.silence.end(now);
        } else {
            self.counters.discarded();
        }
    }

    fn report(&mut self, now: Instant, transmit: Transmit<'_>) {
        let received = self.receiver.as_mut();
        let received = received.map(|it| (it.source, it.statistics.report()));
        let (source, sent) = (self.sender.source, &mut self.sender.sent);
        let packet = self.rtcp.report(source, sent, received, now);
        if let Some((channel, to)) = self.gate.rtcp_destination() {
            report(&mut self.srtp, channel, &packet, to, transmit);
        }
    }

    /// 20 ms have passed.
    fn speak(&mut self, now: Instant, transmit: Transmit<'_>) {
        let End::Audio(end) = &self.end else { return };
        if let Some(receiver) = &mut self.receiver {
            receiver.flush(end, now);
        }
        let Some((to, stream)) = self.gate.destination() else {
            return self.sender.pause();
        };
        let srtp = &mut self.srtp;
        self.sender.send(stream, end, now, &mut |packet| {
            self.counters.sent(packet.len());
            send(srtp, packet, to, transmit);
        });
    }
}

/// How long nothing came of the peer.
struct Silence {
    loss: MediaLossSender,
    longest: Duration,
    /// Whether anything should come. A peer that is held need not send, nor one that holds us.
    is_expected: bool,
    /// When it began; `None` where the peer has never sent, or is given up.
    since: Option<Instant>,
}

impl Silence {
    fn new(loss: MediaLossSender, longest: Duration) -> Self {
        Self {
            loss,
            longest,
            is_expected: false,
            since: None,
        }
    }

    fn follow(&mut self, direction: Direction, now: Instant) {
        let is_expected = direction == Direction::SendRecv;
        if is_expected && !self.is_expected {
            self.since = self.since.map(|_| now);
        }
        self.is_expected = is_expected;
    }

    fn end(&mut self, now: Instant) {
        self.since = Some(now);
    }

    fn timeout(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.is_expected)?;
        since.checked_add(self.longest)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.timeout().is_some_and(|at| at <= now) {
            self.since = None;
            self.loss.lose(MediaLoss::Silence);
        }
    }
}

/// Sends a packet, protected where keys were agreed on.
fn send(srtp: &mut Protected, packet: &[u8], to: SocketAddr, transmit: Transmit<'_>) {
    let packet = match srtp.as_deref_mut() {
        Some((_, srtp)) => srtp.protect(packet),
        None => Some(packet),
    };
    if let Some(packet) = packet {
        transmit(Channel::Rtp, packet, to);
    }
}

fn report(
    srtp: &mut Protected,
    channel: Channel,
    packet: &[u8],
    to: SocketAddr,
    transmit: Transmit<'_>,
) {
    let packet = match srtp.as_deref_mut() {
        Some((_, srtp)) => srtp.protect_rtcp(packet),
        None => Some(packet),
    };
    if let Some(packet) = packet {
        transmit(channel, packet, to);
    }
}

/// After a longer one, what should have been said meanwhile is left out.
const LONGEST_DELAY: Duration = Duration::from_millis(200);
