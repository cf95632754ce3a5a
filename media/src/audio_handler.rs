//! Descriptions with an RTP port that hears and speaks.

use std::net::IpAddr;

use offhook_message::{Body, MediaType};

use crate::{
    AudioEnd, DescriptionError, Hold, PortRange, SessionDescriptionHandler, audio_port::open_audio,
    port_agreement::PortAgreement,
};

/// Offers and answers every [`Encoding`](crate::Encoding) and telephone-event, and lets an [`AudioEnd`] hear and speak.
///
/// - The RTP port is opened with the first description of ours that has an audio stream. The end is asked to speak when
///   the pair is complete, while the direction lets it. Dropping or closing the handler frees the port.
/// - Packets go where the peer says that it receives, or where its own come from once they do.
#[derive(Debug)]
pub struct AudioHandler {
    agreement: PortAgreement,
    end: AudioEnd,
}

impl AudioHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer.
    pub fn new(local: IpAddr, ports: &PortRange, end: AudioEnd) -> Self {
        Self {
            agreement: PortAgreement::new(local, ports),
            end,
        }
    }
}

impl SessionDescriptionHandler for AudioHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let end = &self.end;
        self.agreement
            .description(|local, ports| open_audio(local, ports, end.clone()))
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
