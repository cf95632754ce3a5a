//! What becomes of the peer's packets, and whence ours come.

use std::time::Instant;

use offhook_media::Formats;
use sdp_types::Direction;
use str0m::rtp::{RtpPacket, RtpWrite};

use crate::{audio_stream::AudioStream, echo::Echo};

/// What a connection does with its stream.
#[derive(Debug)]
pub(crate) enum Service {
    Echo(Echo),
    Audio(AudioStream),
}

impl Service {
    /// The same service for another peer.
    pub(crate) fn anew(&self) -> Self {
        match self {
            Self::Echo(_) => Self::Echo(Echo::default()),
            Self::Audio(stream) => Self::Audio(stream.anew()),
        }
    }

    /// Takes what was agreed.
    pub(crate) fn follow(&mut self, direction: Direction, formats: Formats) {
        match self {
            Self::Echo(echo) => echo.follow(direction),
            Self::Audio(stream) => stream.follow(direction, formats),
        }
    }

    /// When the next packet is to be sent, whatever comes.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Echo(_) => None,
            Self::Audio(stream) => stream.due(),
        }
    }

    /// Takes a packet of the peer's. Gives one that goes back at once.
    pub(crate) fn hear(&mut self, packet: &RtpPacket, now: Instant) -> Option<RtpWrite> {
        match self {
            Self::Echo(echo) => echo.packet(packet, now),
            Self::Audio(stream) => {
                stream.hear(packet);
                None
            }
        }
    }

    /// Gives the packet that is due, if one is.
    pub(crate) fn speak(&mut self, now: Instant) -> Option<RtpWrite> {
        match self {
            Self::Echo(_) => None,
            Self::Audio(stream) => stream.speak(now),
        }
    }
}
