//! Descriptions with an RTP port that plays and records.

use std::{collections::VecDeque, net::IpAddr};

use offhook_message::{Body, MediaType};
use sdp_types::Direction;

use crate::{
    DescriptionError, PortRange, Recording, SessionDescriptionHandler, Sound,
    audio_port::AudioPort, offer_answer::OfferAnswer, player::Player,
};

/// Offers and answers PCMU, PCMA and telephone-event, plays a [`Sound`] and records what comes.
///
/// - The RTP port is opened with the first description of ours that has an audio stream. The sound begins when the pair
///   is complete, and is sent while the direction lets it. Dropping or closing the handler frees the port.
/// - Packets go where the peer says that it receives, or where its own come from once they do.
#[derive(Debug)]
pub struct AudioHandler {
    local: IpAddr,
    ports: PortRange,
    offer_answer: OfferAnswer,
    /// What the port is to play, until it is open.
    player: Option<Player>,
    recording: Recording,
    port: Option<AudioPort>,
}

impl AudioHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer.
    ///
    /// It presses `keys` when the sound begins: event codes of
    /// [RFC 4733 §3.2](https://www.rfc-editor.org/rfc/rfc4733#section-3.2), those of DTMF from 0 to 15.
    pub fn new(local: IpAddr, ports: &PortRange, sound: Sound, keys: &[u8]) -> Self {
        let local = local.to_canonical();
        let keys: VecDeque<_> = keys.iter().copied().collect();
        Self {
            local,
            ports: ports.clone(),
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            player: Some(Player::new(sound, keys)),
            recording: Recording::default(),
            port: None,
        }
    }

    /// What the peer says; stays readable when the handler is closed.
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }

    /// Makes the port do what the last complete pair says.
    fn follow_agreement(&mut self) {
        match (self.offer_answer.audio(), &self.port) {
            (Some(stream), Some(port)) => port.follow(stream),
            _ => self.port = None,
        }
    }
}

impl SessionDescriptionHandler for AudioHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let content = self.offer_answer.description(|| {
            let port = if let Some(port) = self.port.take() {
                port
            } else {
                let player = self.player.take();
                let player = player.unwrap_or_else(|| Player::new(Sound::silence(), [].into()));
                AudioPort::bind(self.local, &self.ports, player, self.recording.clone())
                    .map_err(DescriptionError::NoPort)?
            };
            Ok(self.port.insert(port).port())
        })?;
        if self.offer_answer.is_stable() {
            self.follow_agreement();
        }
        Ok(Body::sdp(content))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.offer_answer.set_description(content)?;
        if self.offer_answer.is_stable() {
            self.follow_agreement();
        }
        Ok(())
    }

    fn has_description(&self, content_type: &MediaType<'_>) -> bool {
        content_type.is("application", "sdp")
    }

    fn rollback_description(&mut self) {
        self.offer_answer.rollback();
        self.follow_agreement();
    }

    fn close(&mut self) {
        self.offer_answer.close();
        self.port = None;
    }
}
