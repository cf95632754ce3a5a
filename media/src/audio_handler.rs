//! Descriptions with an RTP port that hears and speaks.

use std::{net::IpAddr, sync::Arc};

use offhook_message::{Body, MediaType};

use crate::{
    AudioEnd, DescriptionError, Encoding, Hold, Liveness, PortRange, Protection, RtpCounters,
    SessionDescriptionHandler, port_agreement::PortAgreement, rtp::End,
};

/// Offers and answers every [`Encoding`](crate::Encoding) and telephone-event, and lets an [`AudioEnd`] hear and speak.
///
/// - The RTP port is opened with the first description of ours that has an audio stream. The end is asked to speak when
///   the pair is complete, while the direction lets it. Dropping or closing the handler frees the port.
/// - Packets go where the peer says that it receives, or where its own come from once they do.
#[derive(Debug)]
pub struct AudioHandler {
    agreement: PortAgreement,
}

impl AudioHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer.
    pub fn new(local: IpAddr, ports: &PortRange, end: AudioEnd) -> Self {
        Self {
            agreement: PortAgreement::new(local, ports, End::Audio(end)),
        }
    }

    /// Offers these encodings alone, the best first. An offer of the peer's is answered with all that we have.
    #[must_use]
    pub fn offering(mut self, encodings: Vec<Encoding>) -> Self {
        self.agreement.offer_only(encodings);
        self
    }

    /// Offers audio with this protection.
    #[must_use]
    pub fn protected(mut self, protection: Protection) -> Self {
        self.agreement.protect(protection);
        self
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.agreement.counters)
    }

    /// Whether the peer is still there.
    pub fn liveness(&self) -> Liveness {
        self.agreement.liveness.clone()
    }
}

impl SessionDescriptionHandler for AudioHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        self.agreement.description()
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
