//! The peer's half of an audio stream.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Direction, Media, Session};

use crate::{Incompatibility, connection::RemoteAddress, formats::Formats};

/// An audio stream of the peer's description that fits us.
#[derive(Clone, Debug)]
pub(crate) struct RemoteAudio {
    /// The formats we share, in the peer's order.
    pub(crate) formats: Formats,
    /// Where the peer says that it receives; unknown for a host name.
    pub(crate) remote: Option<SocketAddr>,
    /// As the peer says it: `SendOnly` means that the peer sends.
    pub(crate) direction: Direction,
}

impl RemoteAudio {
    pub(crate) fn read(
        session: &Session,
        media: &Media,
        local: IpAddr,
    ) -> Result<Self, Incompatibility> {
        if !is_plain_rtp(media) {
            return Err(Incompatibility::TransportProtocol);
        }
        let address = RemoteAddress::read(session, media, local)?;
        let formats = Formats::common(media);
        if formats.is_empty() {
            return Err(Incompatibility::MediaFormat);
        }
        let direction = direction(session, media);
        let (remote, direction) = match address {
            RemoteAddress::Known(remote) => (Some(remote), direction),
            RemoteAddress::Unknown => (None, direction),
            RemoteAddress::Unspecified => (None, without_receiving(direction)),
        };
        Ok(Self {
            formats,
            remote,
            direction,
        })
    }
}

pub(crate) fn is_audio(media: &Media) -> bool {
    media.media.eq_ignore_ascii_case("audio")
}

/// RTP/AVPF differs from RTP/AVP in RTCP alone (RFC 4585), of which we send none.
fn is_plain_rtp(media: &Media) -> bool {
    ["RTP/AVP", "RTP/AVPF"]
        .iter()
        .any(|profile| media.proto.eq_ignore_ascii_case(profile))
}

/// The stream's own direction, else the session's, else sendrecv (RFC 3264 section 6.1).
fn direction(session: &Session, media: &Media) -> Direction {
    let first = |attributes: &[Attribute]| {
        attributes
            .iter()
            .find_map(|a| a.attribute.parse::<Direction>().ok())
    };
    first(&media.attributes)
        .or_else(|| first(&session.attributes))
        .unwrap_or_default()
}

fn without_receiving(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv | Direction::SendOnly => Direction::SendOnly,
        Direction::RecvOnly | Direction::Inactive => Direction::Inactive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<RemoteAudio, Incompatibility> {
        let session = Session::parse(format!("v=0\r\n{lines}").as_bytes()).unwrap();
        RemoteAudio::read(&session, &session.medias[0], [192, 0, 2, 9].into())
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
    fn only_plain_rtp_fits() {
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
