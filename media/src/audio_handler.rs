//! Descriptions with an RTP port that plays and records.

use std::{collections::VecDeque, net::IpAddr};

use offhook_message::{Body, MediaType};

use crate::{
    DescriptionError, Hold, PortRange, Recording, SessionDescriptionHandler, Sound,
    audio_port::open_audio, player::Player, port_agreement::PortAgreement,
};

/// Offers and answers PCMU, PCMA and telephone-event, plays a [`Sound`] and records what comes.
///
/// - The RTP port is opened with the first description of ours that has an audio stream. The sound begins when the pair
///   is complete, and is sent while the direction lets it. Dropping or closing the handler frees the port.
/// - Packets go where the peer says that it receives, or where its own come from once they do.
#[derive(Debug)]
pub struct AudioHandler {
    agreement: PortAgreement,
    /// What the port is to play, until it is open.
    player: Option<Player>,
    recording: Recording,
}

impl AudioHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer.
    ///
    /// It presses `keys` when the sound begins: event codes of
    /// [RFC 4733 §3.2](https://www.rfc-editor.org/rfc/rfc4733#section-3.2), those of DTMF from 0 to 15.
    pub fn new(local: IpAddr, ports: &PortRange, sound: Sound, keys: &[u8]) -> Self {
        let keys: VecDeque<_> = keys.iter().copied().collect();
        Self {
            agreement: PortAgreement::new(local, ports),
            player: Some(Player::new(sound, keys)),
            recording: Recording::default(),
        }
    }

    /// What the peer says; stays readable when the handler is closed.
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }
}

impl SessionDescriptionHandler for AudioHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let (player, recording) = (&mut self.player, &self.recording);
        self.agreement.description(|local, ports| {
            let player = player.take();
            let player = player.unwrap_or_else(|| Player::new(Sound::silence(), [].into()));
            open_audio(local, ports, player, recording.clone())
        })
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.agreement.set_description(content)
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        self.agreement.set_hold(hold)
    }

    fn has_description(&self, content_type: &MediaType<'_>) -> bool {
        content_type.is("application", "sdp")
    }

    fn rollback_description(&mut self) {
        self.agreement.rollback();
    }

    fn close(&mut self) {
        self.agreement.close();
    }
}
