//! Which packets are the peer's.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use crate::{formats::Kind, remote_audio::AudioStream, rtp::Channel};

/// Decides which packets are the peer's.
///
/// The address in a description is often not the one that packets come from: a NAT stands between, or the phone has
/// several interfaces. So the first packet of an agreed payload type decides: from then on its source alone is heard and
/// sent to, until a description names another address. The described address itself is always heard and takes over, so
/// that nobody who is faster locks out a peer without NAT. An echo sends one packet for one packet, to where it came from:
/// it amplifies nothing. And no more packets in a second than audio has: one forged packet is enough to set two echoes
/// talking to each other for ever, so it has to be a slow talk.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    stream: Option<AudioStream>,
    source: Option<SocketAddr>,
    /// Where RTCP comes from if it has its own port.
    rtcp_source: Option<SocketAddr>,
    /// The second that is counted, and the packets in it.
    second: Option<(Instant, u32)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Take,
    /// The peer's, but nothing that was agreed on, as comfort noise.
    Ignore,
    Discard,
}

impl Gate {
    pub(crate) fn follow(&mut self, stream: AudioStream) {
        if self
            .stream
            .as_ref()
            .is_some_and(|old| old.remote.address != stream.remote.address)
        {
            self.source = None;
            self.rtcp_source = None;
        }
        self.stream = Some(stream);
    }

    pub(crate) fn admit(&mut self, payload_type: u8, from: SocketAddr, now: Instant) -> Admission {
        let Some(stream) = &self.stream else {
            return Admission::Discard;
        };
        let is_heard = stream.direction.listens();
        let is_peer = self.source.is_none_or(|source| source == from)
            || stream
                .remote
                .address
                .is_some_and(|described| same_port(described, from));
        let is_agreed = stream.remote.kind(payload_type).is_some();
        if !is_heard || !is_peer || !self.is_in_time(now) {
            Admission::Discard
        } else if is_agreed {
            self.source = Some(from);
            Admission::Take
        } else if self.source == Some(from) {
            Admission::Ignore
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
        let peer = self.peer()?;
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
        let to = self.peer().filter(|_| sends)?;
        Some((to, stream))
    }

    /// What a payload of this type is.
    pub(crate) fn kind(&self, payload_type: u8) -> Option<Kind> {
        self.stream.as_ref()?.remote.kind(payload_type)
    }
}

/// A received IPv6 address has a scope that SDP cannot tell.
fn same_port(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}

/// In a second: audio in pieces of 5 ms.
const MOST_PACKETS: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, remote_audio::RemoteAudio, session_description::Description};

    #[test]
    fn two_echoes_talk_slowly() {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let mut gate = Gate::default();
        let text = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n";
        let description = Description::read(text).unwrap();
        let media = &description.medias[0];
        gate.follow(AudioStream {
            remote: RemoteAudio::read(&description, media, peer.ip(), None).unwrap(),
            direction: Direction::SendRecv,
            srtp: None,
        });
        let start = Instant::now();
        let mut echoed = |now| {
            let admitted = (0..1000).map(|_| gate.admit(0, peer, now));
            admitted.filter(|it| *it == Admission::Take).count()
        };
        assert_eq!(echoed(start), 200);
        assert_eq!(echoed(start + Duration::from_millis(999)), 0);
        assert_eq!(echoed(start + Duration::from_secs(1)), 200);
    }
}
