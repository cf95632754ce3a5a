//! Descriptions without media.

use std::net::IpAddr;

use crate::{
    DescriptionError, Direction, Incompatibility,
    audio_lines::AudioLines,
    offer_answer::{Negotiator, OfferAnswer, OurLine},
    remote_audio::RemoteAudio,
    session_description::{Description, Media},
};

/// Answers as [`AudioHandler`](crate::AudioHandler) does, but every stream is inactive and no port is opened: for tests and
/// load of the signalling alone.
#[derive(Debug)]
pub struct BareHandler {
    offer_answer: OfferAnswer<RemoteAudio, ()>,
    lines: AudioLines,
}

impl BareHandler {
    /// A handler whose descriptions name `local`, the address of ours that faces the peer.
    pub fn new(local: IpAddr) -> Self {
        Self {
            offer_answer: OfferAnswer::new(local, Direction::Inactive),
            lines: AudioLines::new(),
        }
    }
}

impl Negotiator for BareHandler {
    type Stream = RemoteAudio;
    type Pending = ();
    const FOLLOWS_REFRESH: bool = true;

    fn offer_answer(&mut self) -> &mut OfferAnswer<RemoteAudio, ()> {
        &mut self.offer_answer
    }

    fn read<'a>(
        &self,
        description: &Description<'a>,
        media: &Media<'a>,
        ours: Option<&Media<'_>>,
    ) -> Result<RemoteAudio, Incompatibility> {
        RemoteAudio::read(description, media, self.offer_answer.local(), ours)
    }

    fn direction(stream: &RemoteAudio) -> Direction {
        stream.direction
    }

    fn offer(&mut self, line: OurLine<'_>) -> Result<(), DescriptionError> {
        self.lines.offer(line, DISCARD_PORT);
        Ok(())
    }

    fn answer(&mut self, line: OurLine<'_>, stream: &RemoteAudio) -> Result<(), DescriptionError> {
        self.lines.answer(line, stream, DISCARD_PORT);
        Ok(())
    }

    fn agree(&mut self, _: &str, _: Option<(RemoteAudio, Direction)>) {}

    fn forked(&self) -> Result<Self, DescriptionError> {
        Ok(Self {
            offer_answer: self.offer_answer.fork()?,
            lines: self.lines.clone(),
        })
    }

    fn has_keys(&self) -> bool {
        false
    }

    fn stop(&mut self) {}
}

/// The m= line needs a port other than zero, which would refuse the stream. Nobody sends to an inactive one.
const DISCARD_PORT: u16 = 9;
