//! Which packets are the peer's.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use crate::{
    formats::{Formats, Kind},
    remote_audio::AudioStream,
    rtp::Channel,
};

/// Decides which packets are the peer's.
///
/// The address in a description is often not the one that packets come from: a NAT stands between, or the phone has
/// several interfaces. So the first packet of an agreed payload type decides: from then on its source alone is heard and
/// sent to, until a description names another address. The described address itself is always heard and takes over, so
/// that nobody who is faster locks out a peer without NAT. An echo sends one packet for one packet, to where it came from:
/// it amplifies nothing. And no more packets in a second than audio has: one forged packet is enough to set two echoes
/// talking to each other for ever, so it has to be a slow talk. What speaks by itself goes to whatever address is described:
/// where it is wary, at least not before somebody has proved to have our description.
///
/// Before the answer to an offer of ours, the first source is heard and nobody is sent to; who it is does not count when
/// the answer is here.
///
/// Who was heard before goes on sending for a while: a peer that moves, until it has our answer
/// ([RFC 3264 §8.3.1](https://www.rfc-editor.org/rfc/rfc3264#section-8.3.1)), and a callee that lost the call to another. So
/// a source that was left is heard at most until another comes, and not at all in another dialog with another described
/// address. One that goes on sending when that while is over was the peer's all along, and is locked on.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    stream: Option<AudioStream>,
    source: Option<SocketAddr>,
    /// Before there is a stream.
    expected: Option<Expected>,
    /// The sources that were left, the last one first.
    left: Vec<Left>,
    /// Whether nobody is sent to yet.
    is_wary: bool,
    /// Where RTCP comes from if it has its own port.
    rtcp_source: Option<SocketAddr>,
    /// The second that is counted, and the packets in it.
    second: Option<(Instant, u32)>,
}

/// What an open offer of ours says, and who sends it.
#[derive(Debug)]
struct Expected {
    formats: Formats,
    source: Option<SocketAddr>,
}

/// A source, when it was left, and where it was heard: in which dialog, and under which described address.
#[derive(Debug)]
struct Left {
    source: SocketAddr,
    at: Instant,
    dialog: u64,
    address: Option<SocketAddr>,
}

/// What a source is in a stream, by what it was before.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    /// It is locked on.
    Lock,
    /// It is heard until another comes.
    Stay,
    /// It is not heard.
    Nothing,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Take,
    /// The peer's, but nothing that was agreed on, as comfort noise.
    Ignore,
    Discard,
}

impl Gate {
    /// Sends nothing before we [trust](Self::trust) the peer. A packet of its proves nothing: ports can be guessed.
    pub(crate) fn be_wary(&mut self) {
        self.is_wary = true;
    }

    /// The peer may be sent to.
    pub(crate) fn trust(&mut self) {
        self.is_wary = false;
    }

    /// An offer of these formats is open, and nothing was agreed on before.
    pub(crate) fn expect(&mut self, formats: Formats) {
        let source = None;
        self.expected = Some(Expected { formats, source });
    }

    pub(crate) fn follow(&mut self, stream: AudioStream, now: Instant) {
        if let Some(old) = &self.stream {
            let is_moved = old.remote.address != stream.remote.address;
            if is_moved || old.dialog != stream.dialog {
                self.note_left(now);
                self.rtcp_source = None;
            }
            if is_moved {
                self.source = None;
            }
        }
        self.stream = Some(stream);
        self.expected = None;
    }

    /// Nobody is the peer until a stream is followed again.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.note_left(now);
        (self.stream, self.source, self.rtcp_source) = (None, None, None);
        self.expected = None;
    }

    /// The dialog whose peer is heard.
    pub(crate) fn dialog(&self) -> Option<u64> {
        self.stream.as_ref().map(|stream| stream.dialog)
    }

    fn note_left(&mut self, now: Instant) {
        let (Some(stream), Some(source)) = (&self.stream, self.source) else {
            return;
        };
        self.left.retain(|left| left.source != source);
        self.left.truncate(MOST_LEFT - 1);
        let left = Left {
            source,
            at: now,
            dialog: stream.dialog,
            address: stream.remote.address,
        };
        self.left.insert(0, left);
    }

    fn claim(&self, source: SocketAddr, stream: &AudioStream) -> Claim {
        let Some(left) = self.left.iter().find(|left| left.source == source) else {
            return Claim::Lock;
        };
        let is_there = left.address == stream.remote.address;
        match (left.dialog == stream.dialog, is_there) {
            (true, true) => Claim::Lock,
            (true, false) | (false, true) => Claim::Stay,
            (false, false) => Claim::Nothing,
        }
    }

    pub(crate) fn admit(&mut self, payload_type: u8, from: SocketAddr, now: Instant) -> Admission {
        let Some(stream) = &self.stream else {
            return self.admit_early(payload_type, from, now);
        };
        let is_heard = stream.direction.listens();
        let is_described = stream
            .remote
            .address
            .is_some_and(|described| same_port(described, from));
        let gives_way = |source| self.claim(source, stream) != Claim::Lock;
        let is_peer = is_described
            || self.source == Some(from)
            || (self.source.is_none_or(gives_way) && self.claim(from, stream) != Claim::Nothing);
        let is_agreed = stream.remote.kind(payload_type).is_some();
        if !is_heard || !is_peer || !self.is_in_time(now) {
            Admission::Discard
        } else if is_agreed {
            let is_over = |left: &Left| now.duration_since(left.at) >= LONGEST_TRANSITION;
            self.left
                .retain(|left| left.source != from || !(is_described || is_over(left)));
            self.source = Some(from);
            Admission::Take
        } else if self.source == Some(from) {
            Admission::Ignore
        } else {
            Admission::Discard
        }
    }

    fn admit_early(&mut self, payload_type: u8, from: SocketAddr, now: Instant) -> Admission {
        let offered = self.expected.as_mut();
        let offered = offered.filter(|it| it.formats.kind(payload_type).is_some());
        let is_first = offered.is_some_and(|it| *it.source.get_or_insert(from) == from);
        if is_first && self.is_in_time(now) {
            Admission::Take
        } else {
            Admission::Discard
        }
    }

    /// Whether RTCP is the peer's: from the same port as its RTP where they share one, else from the same host or from the
    /// one that it described.
    pub(crate) fn admit_rtcp(&mut self, channel: Channel, from: SocketAddr, now: Instant) -> bool {
        let Some(peer) = self.peer() else {
            return false;
        };
        let is_peer = match channel {
            Channel::Rtp => same_port(peer, from),
            Channel::Rtcp => [Some(peer.ip()), self.rtcp_host()].contains(&Some(from.ip())),
        };
        if !is_peer || !self.is_in_time(now) {
            return false;
        }
        if channel == Channel::Rtcp {
            self.rtcp_source = Some(from);
        }
        true
    }

    /// Where our reports go, whatever the stream's direction is.
    pub(crate) fn rtcp_destination(&self) -> Option<(Channel, SocketAddr)> {
        let peer = self.peer().filter(|_| !self.is_wary)?;
        let Some(port) = self.stream.as_ref()?.remote.rtcp_port else {
            return Some((Channel::Rtp, peer));
        };
        let described = SocketAddr::new(self.rtcp_host().unwrap_or(peer.ip()), port);
        Some((Channel::Rtcp, self.rtcp_source.unwrap_or(described)))
    }

    fn rtcp_host(&self) -> Option<IpAddr> {
        self.stream.as_ref()?.remote.rtcp_host
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.source.or(self.stream.as_ref()?.remote.address)
    }

    /// Whether a payload of this type was agreed on, and RTCP does not come to the same port.
    pub(crate) fn is_only_audio(&self, payload_type: u8) -> bool {
        let remote = self.stream.as_ref().map(|stream| &stream.remote);
        remote.is_some_and(|it| it.rtcp_port.is_some() && it.kind(payload_type).is_some())
    }

    fn is_in_time(&mut self, now: Instant) -> bool {
        let (second, packets) = self.second.get_or_insert((now, 0));
        if now.duration_since(*second) >= Duration::from_secs(1) {
            (*second, *packets) = (now, 0);
        }
        *packets += 1;
        *packets <= MOST_PACKETS
    }

    /// Where our packets go, and what was agreed on; `None` where the stream's direction is against it, or its address is
    /// not known yet.
    pub(crate) fn destination(&self) -> Option<(SocketAddr, &AudioStream)> {
        let stream = self.stream.as_ref()?;
        let sends = stream.direction.sends();
        let to = self.peer().filter(|_| sends && !self.is_wary)?;
        Some((to, stream))
    }

    /// What a payload of this type is.
    pub(crate) fn kind(&self, payload_type: u8) -> Option<Kind> {
        match &self.stream {
            Some(stream) => stream.remote.kind(payload_type),
            None => self.expected.as_ref()?.formats.kind(payload_type),
        }
    }
}

/// A received IPv6 address has a scope that SDP cannot tell.
fn same_port(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}

/// In a second: audio in pieces of 5 ms.
const MOST_PACKETS: u32 = 200;
/// Places of one peer, and callees of one call, that are heard by turns and are not where they say.
const MOST_LEFT: usize = 8;
/// 64·T1: so long our answer may be repeated, and the CANCEL or BYE to a callee that lost.
const LONGEST_TRANSITION: Duration = Duration::from_secs(32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, remote_audio::RemoteAudio, session_description::Description};

    /// A stream that is described at this port.
    fn stream(port: u16, dialog: u64) -> AudioStream {
        let text =
            format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio {port} RTP/AVP 0\r\na=rtcp-mux\r\n");
        let description = Description::read(&text).unwrap();
        let (media, local) = (&description.medias[0], [192, 0, 2, 9].into());
        AudioStream {
            remote: RemoteAudio::read(&description, media, local, None).unwrap(),
            direction: Direction::SendRecv,
            srtp: None,
            dialog,
        }
    }

    /// Somebody behind a NAT.
    fn host(number: u8) -> SocketAddr {
        ([198, 51, 100, number], 9).into()
    }

    fn takes(gate: &mut Gate, from: SocketAddr, now: Instant) -> bool {
        gate.admit(0, from, now) == Admission::Take
    }

    /// The second is locked on, though the first was heard, and still is where it may be the peer.
    fn the_second_is_locked_on(gate: &mut Gate, [first, second]: [SocketAddr; 2], now: Instant) {
        takes(gate, first, now);
        assert!(takes(gate, second, now));
        assert!(!takes(gate, first, now));
        assert!(takes(gate, second, now));
        assert!(!takes(gate, host(99), now));
    }

    /// RFC 3264 section 5.1
    #[test]
    fn before_the_answer_the_first_source_is_heard() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let agreed = stream(4000, 0);
        let formats = agreed.remote.formats.clone();
        gate.expect(formats.clone());
        assert_eq!(gate.admit(8, host(2), now), Admission::Discard);
        assert!(takes(&mut gate, host(1), now));
        assert!(!takes(&mut gate, host(2), now));
        assert_eq!(gate.kind(0), formats.kind(0));
        assert!(gate.destination().is_none() && gate.rtcp_destination().is_none());

        gate.follow(agreed, now);
        assert!(takes(&mut gate, host(2), now));
        assert!(!takes(&mut gate, host(1), now));

        gate.leave(now);
        gate.expect(formats);
        gate.leave(now);
        assert!(!takes(&mut gate, host(1), now));
    }

    #[test]
    fn who_is_wary_waits_for_a_proof_that_no_packet_is() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.be_wary();
        gate.follow(stream(4000, 0), now);
        assert!(takes(&mut gate, host(1), now));
        assert!(gate.destination().is_none() && gate.rtcp_destination().is_none());
        gate.trust();
        assert_eq!(gate.destination().unwrap().0, host(1));
        assert_eq!(gate.rtcp_destination(), Some((Channel::Rtp, host(1))));
    }

    #[test]
    fn a_peer_that_moves_is_heard_where_it_was_until_it_is_there() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.follow(stream(4000, 0), now);
        assert!(takes(&mut gate, host(1), now));
        gate.follow(stream(4002, 0), now);
        assert!(takes(&mut gate, host(1), now));
        the_second_is_locked_on(&mut gate, [host(1), host(2)], now);
        // And back again.
        gate.follow(stream(4000, 0), now);
        the_second_is_locked_on(&mut gate, [host(2), host(1)], now);
    }

    #[test]
    fn a_callee_that_is_gone_is_not_locked_on() {
        for address in [4000, 5000] {
            let (mut gate, now) = (Gate::default(), Instant::now());
            gate.follow(stream(4000, 1), now);
            assert!(takes(&mut gate, host(1), now));
            gate.leave(now);
            assert!(!takes(&mut gate, host(1), now));
            gate.follow(stream(address, 2), now);
            the_second_is_locked_on(&mut gate, [host(1), host(2)], now);
        }
    }

    #[test]
    fn a_callee_that_says_the_same_address_takes_over() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.follow(stream(4000, 1), now);
        assert!(takes(&mut gate, host(1), now));
        gate.follow(stream(4000, 2), now);
        // It may be the same.
        assert!(takes(&mut gate, host(1), now));
        assert_eq!(gate.destination().unwrap().0, host(1));
        the_second_is_locked_on(&mut gate, [host(1), host(2)], now);
        assert_eq!(gate.destination().unwrap().0, host(2));
    }

    #[test]
    fn a_source_that_goes_on_is_locked_on() {
        // After a described address that changed, and in another dialog.
        for (port, dialog) in [(4002, 1), (4000, 2)] {
            let (mut gate, start) = (Gate::default(), Instant::now());
            gate.follow(stream(4000, 1), start);
            assert!(takes(&mut gate, host(1), start));
            gate.follow(stream(port, dialog), start);
            assert!(takes(&mut gate, host(1), start));
            let early = start + Duration::from_secs(31);
            assert!(takes(&mut gate, host(1), early));
            assert!(takes(&mut gate, host(2), early));
            assert!(!takes(&mut gate, host(1), early));

            gate.follow(stream(port, dialog + 1), early);
            let late = early + Duration::from_secs(32);
            assert!(takes(&mut gate, host(2), late));
            assert!(!takes(&mut gate, host(3), late));
            assert_eq!(gate.destination().unwrap().0, host(2));
            // Who is where it says is heard.
            assert!(takes(&mut gate, ([192, 0, 2, 1], port).into(), late));
        }
    }

    #[test]
    fn who_moves_and_is_silent_at_first_is_heard() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        gate.follow(stream(4000, 0), start);
        assert!(takes(&mut gate, host(1), start));
        gate.follow(stream(4002, 0), start);
        assert!(takes(&mut gate, host(1), start));
        let late = start + Duration::from_mins(1);
        assert!(takes(&mut gate, host(2), late));
        assert!(!takes(&mut gate, host(1), late));
    }

    #[test]
    fn a_callee_that_lost_is_not_locked_on() {
        let [loser, winner] = [1, 2].map(host);
        let (mut gate, now) = (Gate::default(), Instant::now());
        let mut is_taken = |stream: AudioStream, from| {
            gate.follow(stream, now);
            gate.admit(0, from, now) == Admission::Take
        };
        assert!(is_taken(stream(4000, 1), loser));
        assert!(!is_taken(stream(5000, 2), loser));
        assert!(is_taken(stream(5000, 2), winner));
        // Each is the peer of its own dialog again, and wherever it moves to in that.
        assert!(!is_taken(stream(4000, 1), winner));
        assert!(is_taken(stream(4000, 1), loser));
        assert!(is_taken(stream(4002, 1), loser));
        // One that is where it says is always heard.
        assert!(is_taken(stream(5000, 2), ([192, 0, 2, 1], 5000).into()));
        assert_eq!(gate.left.len(), 2);
        for dialog in 3..30 {
            gate.follow(stream(6000 + dialog, dialog.into()), now);
            gate.admit(0, ([198, 51, 100, 3], dialog).into(), now);
        }
        assert_eq!(gate.left.len(), MOST_LEFT);
    }

    #[test]
    fn two_echoes_talk_slowly() {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let (mut gate, start) = (Gate::default(), Instant::now());
        gate.follow(stream(4000, 0), start);
        let mut echoed = |now| {
            let admitted = (0..1000).map(|_| gate.admit(0, peer, now));
            admitted.filter(|it| *it == Admission::Take).count()
        };
        assert_eq!(echoed(start), 200);
        assert_eq!(echoed(start + Duration::from_millis(999)), 0);
        assert_eq!(echoed(start + Duration::from_secs(1)), 200);
    }
}
