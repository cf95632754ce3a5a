//! One RTP session: what comes, what goes, and when. It does no input and output.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    AudioEnd, Direction,
    counters::RtpCounters,
    formats::{Formats, Kind},
    gate::{Admission, Gate},
    media_loss::{MediaLoss, MediaLossSender},
    random::random,
    remote_audio::AudioStream,
    rtp::{
        packet::{LONGEST_PACKET, RtpHeader, is_rtcp, payload, readdress},
        rtcp::{Rtcp, Source},
        statistics::Statistics,
        transceiver::Transceiver,
    },
    srtp::{Keys, Srtp},
};

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
    /// What hears and speaks; without it each packet goes back as it came.
    transceiver: Option<Transceiver>,
    counters: Arc<RtpCounters>,
    silence: Silence,
    /// What we sent.
    ours: Source,
    /// What came of the source that was heard last.
    theirs: Option<Statistics>,
    rtcp: Rtcp,
}

impl RtpSession {
    /// Tells of a loss where nothing comes for longer than `patience`.
    pub(crate) fn new(
        end: Option<AudioEnd>,
        counters: Arc<RtpCounters>,
        loss: MediaLossSender,
        patience: Duration,
    ) -> Self {
        let transceiver = end.map(Transceiver::new);
        Self {
            gate: Gate::default(),
            srtp: None,
            ours: ours(transceiver.as_ref()),
            transceiver,
            counters,
            silence: Silence::new(loss, patience),
            theirs: None,
            rtcp: Rtcp::new(),
        }
    }

    /// Sends nothing until it may [trust](Self::trust) the peer.
    pub(crate) fn be_wary(&mut self) {
        self.gate.be_wary();
    }

    /// The peer may be sent to.
    pub(crate) fn trust(&mut self, now: Instant) {
        self.gate.trust();
        if let Some(transceiver) = &mut self.transceiver {
            transceiver.start(now);
        }
    }

    /// Hears these formats, which are offered without protection, until it follows a stream.
    pub(crate) fn expect(&mut self, formats: Formats, now: Instant) {
        if let Some(transceiver) = &mut self.transceiver {
            transceiver.start(now);
        }
        self.gate.expect(formats);
    }

    /// Does what was agreed, from the next packet on.
    pub(crate) fn follow(&mut self, stream: AudioStream, now: Instant) {
        self.silence.follow(stream.direction, now);
        if self.srtp.as_deref().map(|(keys, _)| keys) != stream.srtp.as_ref() {
            let keys = stream.srtp.clone();
            self.srtp = keys.map(|keys| Box::new((keys.clone(), rekeyed(self.srtp.take(), &keys))));
            // With another key another source: no key stream is used twice.
            self.transceiver = self.transceiver.as_ref().map(Transceiver::anew);
            self.ours = ours(self.transceiver.as_ref());
            self.theirs = None;
        }
        if let Some(transceiver) = &mut self.transceiver {
            transceiver.start(now);
        }
        self.rtcp.start(now);
        self.gate.follow(stream, now);
    }

    /// Sends nothing and hears nobody until it follows a stream again.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.silence.follow(Direction::Inactive, now);
        self.gate.leave(now);
    }

    /// The dialog of the stream that it follows.
    pub(crate) fn dialog(&self) -> Option<u64> {
        self.gate.dialog()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let frame = self.transceiver.as_ref().and_then(Transceiver::timeout);
        let due = [frame, self.rtcp.timeout(), self.silence.timeout()];
        due.into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, transmit: Transmit<'_>) {
        if self.rtcp.timeout().is_some_and(|at| at <= now) {
            self.report(now, transmit);
        }
        self.silence.handle_timeout(now);
        self.speak(now, transmit);
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
        let is_rtcp = channel == Channel::Rtcp || self.is_shared_rtcp(datagram);
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
        if admission == Admission::Ignore {
            self.counters.discarded();
        } else {
            self.counters.received(datagram.len());
        }
        let kind = self.gate.kind(header.payload_type);
        self.count(&header, kind, now);
        if let Some(transceiver) = &mut self.transceiver {
            transceiver.receive(kind, header, payload(datagram), now);
        } else if let Some(kind) = kind
            && let Some((_, stream)) = self.gate.destination()
            && let Some(payload_type) = stream.remote.formats.payload_type(kind)
        {
            readdress(datagram, payload_type, self.ours.number);
            self.ours
                .count(kind, header.timestamp, datagram.len() - 12, now);
            self.counters.sent(datagram.len());
            send(&mut self.srtp, Packet::Rtp(datagram), from, transmit);
        }
    }

    /// Whether a datagram that came to the port of RTP is RTCP. A marked packet can look like it: where RTCP has a port of
    /// its own, no number is kept for it (RFC 5761 section 4).
    fn is_shared_rtcp(&self, datagram: &[u8]) -> bool {
        let header = || RtpHeader::read(datagram);
        is_rtcp(datagram) && !header().is_some_and(|it| self.gate.is_only_audio(it.payload_type))
    }

    /// Our port failed: nothing comes any more, and nothing goes.
    pub(crate) fn fail(&self, error: &io::Error) {
        self.silence.loss.lose(MediaLoss::Port(error.kind()));
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant, transmit: Transmit<'_>) {
        if let Some((channel, to)) = self.gate.rtcp_destination()
            && let Some(packet) = self.rtcp.bye(&mut self.ours, now)
        {
            send(&mut self.srtp, Packet::Rtcp(channel, &packet), to, transmit);
        }
    }

    /// Counts a packet of the source that is heard, which is the last that was heard of.
    fn count(&mut self, header: &RtpHeader, kind: Option<Kind>, now: Instant) {
        match &mut self.theirs {
            Some(theirs) if theirs.source == header.source => {
                theirs.count(header, kind.map_or(8000, Kind::clock_rate), now);
            }
            other => {
                if other.is_some() && self.transceiver.is_none() {
                    // What goes back counts anew as well.
                    self.ours = ours(None);
                }
                *other = Some(Statistics::new(header, now));
                self.rtcp.forget_source();
            }
        }
    }

    fn receive_rtcp(&mut self, channel: Channel, datagram: &[u8], from: SocketAddr, now: Instant) {
        let source = self.theirs.as_ref().map(|theirs| theirs.source);
        if self.gate.admit_rtcp(channel, from, now) && self.rtcp.receive(datagram, source, now) {
            self.silence.end(now);
        } else {
            self.counters.discarded();
        }
    }

    fn report(&mut self, now: Instant, transmit: Transmit<'_>) {
        let received = self.theirs.as_mut().map(Statistics::report);
        let packet = self.rtcp.report(&mut self.ours, received, now);
        if let Some((channel, to)) = self.gate.rtcp_destination() {
            send(&mut self.srtp, Packet::Rtcp(channel, &packet), to, transmit);
        }
    }

    /// Says what is due.
    fn speak(&mut self, now: Instant, transmit: Transmit<'_>) {
        let Some(transceiver) = &mut self.transceiver else {
            return;
        };
        let destination = self.gate.destination();
        let formats =
            destination.map(|(_, stream)| (&stream.remote.formats, stream.remote.packet_time));
        let (srtp, ours) = (&mut self.srtp, &mut self.ours);
        transceiver.handle_timeout(now, formats, &mut |header, payload| {
            let Some((to, stream)) = destination else {
                return;
            };
            let Some(kind) = stream.remote.formats.kind(header.payload_type) else {
                return;
            };
            if ours.number != header.source {
                *ours = Source::new(header.source);
            }
            ours.count(kind, header.timestamp, payload.len(), now);
            let packet = header.packet(payload);
            self.counters.sent(packet.len());
            send(srtp, Packet::Rtp(&packet), to, transmit);
        });
    }
}

/// The source that a transceiver begins with; without one, one for what goes back.
fn ours(transceiver: Option<&Transceiver>) -> Source {
    Source::new(transceiver.map_or_else(|| (random() >> 32) as u32, Transceiver::source))
}

fn rekeyed(before: Protected, keys: &Keys) -> Srtp {
    match before.map(|it| *it) {
        Some((before, srtp)) => srtp.rekeyed(&before, keys),
        None => Srtp::new(keys),
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

/// What is sent, and RTCP's way.
enum Packet<'a> {
    Rtp(&'a [u8]),
    Rtcp(Channel, &'a [u8]),
}

/// Sends a packet, protected where keys were agreed on.
fn send(srtp: &mut Protected, packet: Packet<'_>, to: SocketAddr, transmit: Transmit<'_>) {
    let srtp = srtp.as_deref_mut().map(|(_, srtp)| srtp);
    let (channel, packet) = match (packet, srtp) {
        (Packet::Rtp(packet), None) => (Channel::Rtp, Some(packet)),
        (Packet::Rtp(packet), Some(srtp)) => (Channel::Rtp, srtp.protect(packet)),
        (Packet::Rtcp(channel, packet), None) => (channel, Some(packet)),
        (Packet::Rtcp(channel, packet), Some(srtp)) => (channel, srtp.protect_rtcp(packet)),
    };
    if let Some(packet) = packet {
        transmit(channel, packet, to);
    }
}

#[cfg(test)]
#[cfg(feature = "sdes")]
mod tests {
    use super::*;
    use crate::{
        remote_audio::RemoteAudio,
        session_description::Description,
        srtp::{Crypto, MasterKey},
    };

    fn stream(keys: &Keys) -> AudioStream {
        let text = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n";
        let description = Description::read(text).unwrap();
        let (media, local) = (&description.medias[0], [192, 0, 2, 9].into());
        AudioStream {
            remote: RemoteAudio::read(&description, media, local, None).unwrap(),
            direction: Direction::SendRecv,
            srtp: Some(keys.clone()),
            dialog: 0,
        }
    }

    #[test]
    fn who_was_wary_speaks_at_once() {
        let (end, counters) = (Some(AudioEnd::new(())), Arc::default());
        let mut session = RtpSession::new(end, counters, MediaLossSender::new(), Duration::MAX);
        session.be_wary();
        let key = MasterKey::random();
        let keys = Crypto::offered(key.clone()).unwrap().keys(key);
        let mut now = Instant::now();
        session.follow(stream(&keys), now);
        let mut sent = 0;
        for _ in 0..100 {
            now += Duration::from_millis(20);
            session.handle_timeout(now, &mut |_, _, _| sent += 1);
        }
        assert_eq!(sent, 0);
        session.trust(now);
        now += Duration::from_millis(20);
        assert!(session.timeout().is_some_and(|at| at <= now));
        session.handle_timeout(now, &mut |channel, _, _| {
            sent += usize::from(channel == Channel::Rtp);
        });
        assert_eq!(sent, 1);
    }

    /// RFC 3711 section 3.3.1
    #[test]
    fn a_peer_with_another_key_goes_on_counting() {
        let counters = Arc::<RtpCounters>::default();
        let loss = MediaLossSender::new();
        let mut session = RtpSession::new(None, Arc::clone(&counters), loss, Duration::MAX);
        let now = Instant::now();
        for (heard, received) in [(&[65_535, 0, 1][..], 3), (&[2], 4)] {
            let key = MasterKey::random();
            let keys = Crypto::offered(key.clone()).unwrap().keys(key);
            session.follow(stream(&keys), now);
            let mut peer = Srtp::new(&keys);
            for sequence in [65_535, 0, 1, 2] {
                let header = RtpHeader {
                    payload_type: 0,
                    is_marked: false,
                    sequence,
                    timestamp: 0,
                    source: 7,
                };
                let packet = header.packet(&[0xff; 160]);
                let mut sent = peer.protect(&packet).unwrap().to_vec();
                if heard.contains(&sequence) {
                    let from = ([192, 0, 2, 1], 4000).into();
                    session.receive(Channel::Rtp, &mut sent, from, now, &mut |_, _, _| {});
                }
            }
            assert_eq!(counters.packets_received(), received);
        }
    }
}
