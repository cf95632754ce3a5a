//! The peer's half of an audio stream.

use std::net::{IpAddr, SocketAddr};

use crate::{
    Direction, Incompatibility,
    connection::RemoteAddress,
    formats::{Formats, Kind},
    session_description::{Description, Media},
    srtp::{Crypto, Keys},
};

/// An audio stream of the peer's description that fits us.
#[derive(Clone, Debug)]
pub struct RemoteAudio {
    /// The formats we share, in the peer's order and under the numbers that it wants to see.
    pub(crate) formats: Formats,
    /// The same under the numbers that we said, where we did: an answer may have others (RFC 3264 section 6.1).
    ours: Option<Formats>,
    /// Where the peer says that it receives; unknown for a host name.
    pub(crate) address: Option<SocketAddr>,
    /// As the peer says it: `SendOnly` means that the peer sends.
    pub(crate) direction: Direction,
    /// Milliseconds of audio that the peer wants in a packet.
    pub(crate) packet_time: u32,
    /// Where the peer receives RTCP; `None` for the same port as RTP.
    pub(crate) rtcp_port: Option<u16>,
    /// On which host, where that is not the one of its audio (RFC 3605).
    pub(crate) rtcp_host: Option<IpAddr>,
    /// The peer's key, over RTP/SAVP.
    pub(crate) crypto: Option<Crypto>,
}

/// The audio stream of a complete pair.
#[derive(Clone, Debug)]
pub(crate) struct AudioStream {
    pub(crate) remote: RemoteAudio,
    /// As we see it: `SendOnly` means that we send.
    pub(crate) direction: Direction,
    pub(crate) srtp: Option<Keys>,
    /// Names the dialog among those that share the port.
    pub(crate) dialog: u64,
}

impl RemoteAudio {
    /// Reads the stream. In an answer, `ours` is the line that it answers.
    pub(crate) fn read<'a>(
        description: &Description<'a>,
        media: &Media<'a>,
        local: IpAddr,
        ours: Option<&Media<'_>>,
    ) -> Result<Self, Incompatibility> {
        if ours.is_some_and(|ours| !ours.protocol.eq_ignore_ascii_case(media.protocol)) {
            return Err(Incompatibility::AnswerMismatch);
        }
        let crypto = crypto(media)?;
        let address = RemoteAddress::read(description, media, local)?;
        if let (Some(theirs), Some(ours)) = (&crypto, ours) {
            let ours = Crypto::read(ours);
            if !ours.is_some_and(|ours| theirs.agrees_with(&ours)) {
                return Err(Incompatibility::AnswerMismatch);
            }
        }
        let mut formats = Formats::common(media);
        let ours = ours.map(|ours| {
            let ours = Formats::common(ours);
            formats = formats.shared_with(&ours);
            ours.shared_with(&formats)
        });
        if formats.is_empty() {
            return Err(Incompatibility::MediaFormat);
        }
        let direction = description.direction(media);
        let (address, direction) = match address {
            RemoteAddress::Known(remote) => (Some(remote), direction),
            RemoteAddress::Unknown => (None, direction),
            RemoteAddress::Unspecified => (None, direction.without_listening()),
        };
        Ok(Self {
            formats,
            ours,
            address,
            direction,
            packet_time: packet_time(media),
            rtcp_port: rtcp_port(media),
            rtcp_host: rtcp_host(media, local).filter(|host| {
                let audio = address.map(|address| address.ip());
                audio != Some(*host)
            }),
            crypto,
        })
    }

    /// What a payload of this type is. Some peers write the number that they said themselves.
    pub(crate) fn kind(&self, payload_type: u8) -> Option<Kind> {
        let ours = self.ours.as_ref().and_then(|ours| ours.kind(payload_type));
        ours.or_else(|| self.formats.kind(payload_type))
    }
}

/// The key of a stream where its transport protocol has one. The protocols that end in F differ in RTCP alone, which may
/// come earlier (RFC 4585, RFC 5124).
pub(crate) fn crypto(media: &Media<'_>) -> Result<Option<Crypto>, Incompatibility> {
    let is = |protocol| media.protocol.eq_ignore_ascii_case(protocol);
    if is("RTP/AVP") || is("RTP/AVPF") {
        Ok(None)
    } else if cfg!(feature = "sdes") && (is("RTP/SAVP") || is("RTP/SAVPF")) {
        Crypto::read(media)
            .map(Some)
            .ok_or(Incompatibility::MediaKey)
    } else {
        Err(Incompatibility::TransportProtocol)
    }
}

/// What `a=ptime` asks for and `a=maxptime` allows, within what is sensible (RFC 8866 section 6.4).
pub(crate) fn packet_time(media: &Media<'_>) -> u32 {
    let value = |name| media.section.first(name)?.parse::<u32>().ok();
    let packet_time = value("ptime").unwrap_or(PACKET_TIME);
    let longest = value("maxptime").unwrap_or(LONGEST_PACKET_TIME);
    packet_time
        .min(longest)
        .clamp(SHORTEST_PACKET_TIME, LONGEST_PACKET_TIME)
}

/// The port of `a=rtcp` (RFC 3605), else the one above RTP's.
fn rtcp_port(media: &Media<'_>) -> Option<u16> {
    if media.section.has("rtcp-mux") {
        return None;
    }
    let value = media.section.first("rtcp");
    let port = value.and_then(|value| value.split_ascii_whitespace().next()?.parse().ok());
    port.filter(|port| *port != 0)
        .or_else(|| media.port.checked_add(1))
}

/// The host of `a=rtcp` (RFC 3605), if it can be reached.
fn rtcp_host(media: &Media<'_>, local: IpAddr) -> Option<IpAddr> {
    let host: IpAddr = media
        .section
        .first("rtcp")?
        .split_ascii_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    let is_host =
        host.is_ipv4() == local.is_ipv4() && !host.is_multicast() && !host.is_unspecified();
    is_host.then_some(host)
}

/// Milliseconds, the default of RFC 3551 section 4.5.
pub(crate) const PACKET_TIME: u32 = 20;
const SHORTEST_PACKET_TIME: u32 = 10;
/// 100 ms of PCMU are 800 octets, well within a datagram that is not fragmented.
const LONGEST_PACKET_TIME: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<RemoteAudio, Incompatibility> {
        let text = format!("v=0\r\n{lines}");
        let description = Description::read(&text).unwrap();
        RemoteAudio::read(
            &description,
            &description.medias[0],
            [192, 0, 2, 9].into(),
            None,
        )
    }

    #[test]
    fn the_direction_has_a_default_at_two_levels() {
        let cases = [
            ("", "", Direction::SendRecv),
            ("a=sendonly\r\n", "", Direction::SendOnly),
            ("a=sendonly\r\n", "a=recvonly\r\n", Direction::RecvOnly),
            ("", "a=inactive\r\n", Direction::Inactive),
            ("c=IN IP4 0.0.0.0\r\n", "", Direction::SendOnly),
            (
                "c=IN IP4 0.0.0.0\r\n",
                "a=recvonly\r\n",
                Direction::Inactive,
            ),
        ];
        for (session, media, direction) in cases {
            let audio = read(&format!("{session}m=audio 4000 RTP/AVP 0\r\n{media}")).unwrap();
            assert_eq!(audio.direction, direction, "{session:?} {media:?}");
        }
    }

    #[test]
    fn packets_are_as_long_as_the_peer_wants_and_allows() {
        for (lines, expected) in [
            ("", 20),
            ("a=ptime:30\r\n", 30),
            ("a=ptime:60\r\na=maxptime:40\r\n", 40),
            ("a=maxptime:10\r\n", 10),
            ("a=ptime:0\r\n", 10),
            ("a=ptime:4000000000\r\n", 100),
            ("a=ptime:x\r\n", 20),
        ] {
            let audio = read(&format!("m=audio 4000 RTP/AVP 0\r\n{lines}")).unwrap();
            assert_eq!(audio.packet_time, expected, "{lines:?}");
        }
    }

    #[test]
    fn rtcp_has_the_next_port_or_another_or_the_same() {
        for (lines, expected) in [
            ("", Some(4001)),
            ("a=rtcp:5003 IN IP4 192.0.2.1\r\n", Some(5003)),
            ("a=rtcp:0\r\n", Some(4001)),
            ("a=rtcp:x\r\n", Some(4001)),
            ("a=rtcp:5003\r\na=rtcp-mux\r\n", None),
        ] {
            let audio = read(&format!("m=audio 4000 RTP/AVP 0\r\n{lines}")).unwrap();
            assert_eq!(audio.rtcp_port, expected, "{lines:?}");
        }
    }

    #[test]
    fn rtcp_may_have_a_host_of_its_own() {
        for (value, expected) in [
            ("5003", None),
            ("5003 IN IP4 192.0.2.1", None),
            ("5003 IN IP4 192.0.2.2", Some([192, 0, 2, 2].into())),
            ("5003 IN IP4 0.0.0.0", None),
            ("5003 IN IP4 224.0.0.1", None),
            ("5003 IN IP6 ::1", None),
            ("5003 IN IP4 phone.example.com", None),
        ] {
            let lines =
                format!("c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:{value}\r\n");
            assert_eq!(read(&lines).unwrap().rtcp_host, expected, "{value}");
        }
    }

    #[test]
    fn only_plain_rtp_fits_without_a_key() {
        for (proto, fits) in [
            ("RTP/AVP", true),
            ("rtp/avp", true),
            ("RTP/AVPF", true),
            ("RTP/SAVP", false),
            ("RTP/SAVPF", false),
            ("UDP/TLS/RTP/SAVPF", false),
            ("udp", false),
        ] {
            let audio = read(&format!("m=audio 4000 {proto} 0\r\n"));
            assert_eq!(audio.is_ok(), fits, "{proto}");
        }
    }
}
