//! Descriptions with an RTP port.

use std::{net::IpAddr, sync::Arc, time::Duration};

use offhook_message::Body;

use crate::{
    AudioEnd, DescriptionError, Direction, Encoding, Hold, MediaLossSender, MediaLosses, PortRange,
    Protection, RtpCounters, SessionDescriptionHandler,
    offer_answer::{AudioStream, OfferAnswer},
    rtp::RtpSession,
    rtp_port::RtpPort,
};

/// Offers and answers every [`Encoding`](crate::Encoding) and telephone-event, and lets an [`AudioEnd`] hear and speak, or
/// the peer hear itself.
///
/// - The first audio stream over RTP/AVP or RTP/AVPF with one of these formats is accepted; every other stream is refused.
/// - The RTP port is opened with the first description of ours that has an audio stream, and does what was agreed when the
///   pair is complete. Dropping or closing the handler frees it.
/// - Packets go where the peer says that it receives, or where its own come from once they do: the first source of an
///   agreed payload type is locked on, because the described address is wrong behind a NAT; the described address takes
///   over if packets come from it.
/// - An offer may be answered in several dialogs
///   ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)): a clone that is made behind the offer
///   serves one, and what is agreed in it binds no other. Clones share the port. It follows the one that completed its pair
///   last, or rolled back to it; the last that is dropped or closed frees it.
#[derive(Clone, Debug)]
pub struct AudioHandler {
    local: IpAddr,
    ports: PortRange,
    offer_answer: OfferAnswer,
    port: Option<Arc<RtpPort>>,
    /// What hears and speaks; an echo has none.
    end: Option<AudioEnd>,
    counters: Arc<RtpCounters>,
    loss: MediaLossSender,
    patience: Duration,
    /// Whether a codec is spoken that keys can be sent beside, where the peer takes one.
    presses_keys: bool,
}

impl AudioHandler {
    /// A handler that lets `end` hear and speak. It binds and describes `local`, the address of ours that faces the peer;
    /// not an unspecified one, which no peer can send to.
    pub fn new(local: IpAddr, ports: &PortRange, end: AudioEnd) -> Self {
        Self::with(local, ports, Some(end))
    }

    /// A handler that sends the peer's packets back to where they came from, as they are but for their synchronization
    /// source, while the direction is sendrecv. Addresses are as for [`new`](Self::new).
    pub fn echo(local: IpAddr, ports: &PortRange) -> Self {
        Self::with(local, ports, None)
    }

    fn with(local: IpAddr, ports: &PortRange, end: Option<AudioEnd>) -> Self {
        let local = local.to_canonical();
        Self {
            local,
            ports: ports.clone(),
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            port: None,
            end,
            counters: Arc::default(),
            loss: MediaLossSender::new(),
            patience: Duration::MAX,
            presses_keys: false,
        }
    }

    /// Offers these encodings alone, the best first. An offer of the peer's is answered with all that we have.
    #[must_use]
    pub fn offering(mut self, encodings: Vec<Encoding>) -> Self {
        self.offer_answer.offer_only(encodings);
        self
    }

    /// Offers audio with this protection.
    #[must_use]
    pub fn protected(mut self, protection: Protection) -> Self {
        self.offer_answer.protect(protection);
        self
    }

    /// Tells of a [loss](SessionDescriptionHandler::losses) when nothing came for so long, though neither side holds the
    /// other. A peer that vanished sends no BYE: without this its call would last for ever. One that never sent anything
    /// is not missed.
    #[must_use]
    pub fn patient_for(mut self, longest_silence: Duration) -> Self {
        self.patience = longest_silence;
        self
    }

    /// Speaks a codec that keys can be sent beside ([RFC 4733 §2.1](https://www.rfc-editor.org/rfc/rfc4733#section-2.1)),
    /// where the peer takes one, though it may like another better.
    #[must_use]
    pub fn pressing_keys(mut self) -> Self {
        self.presses_keys = true;
        self
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.counters)
    }

    fn follow_if_stable(&mut self) {
        if self.offer_answer.is_stable() {
            self.follow();
        }
    }

    /// Makes the port do what the last complete pair says.
    fn follow(&mut self) {
        if let (Some(stream), Some(port)) = (self.audio(), &self.port) {
            port.follow(stream);
        } else {
            self.port = None;
        }
    }

    /// The agreed stream, as we speak in it.
    fn audio(&self) -> Option<AudioStream> {
        let mut audio = self.offer_answer.audio()?;
        if self.presses_keys {
            audio.formats = audio.formats.preferring_keys();
        }
        Some(audio)
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
                let (end, counters) = (self.end.clone(), Arc::clone(&self.counters));
                let session = RtpSession::new(end, counters, self.loss.clone(), self.patience);
                RtpPort::open(self.local, &self.ports, session)
                    .map(Arc::new)
                    .map_err(DescriptionError::NoPort)?
            };
            Ok(self.port.insert(port).port())
        })?;
        self.follow_if_stable();
        Ok(Body::sdp(content.as_bytes().to_vec()))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.offer_answer.set_description(content)?;
        self.follow_if_stable();
        Ok(())
    }

    fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.offer_answer.set_answer(content)?;
        self.follow_if_stable();
        Ok(())
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        self.offer_answer.set_hold(hold)
    }

    fn rollback_description(&mut self) {
        self.offer_answer.rollback();
        self.follow();
    }

    fn takes_keys(&self) -> bool {
        self.audio().is_some_and(|audio| audio.formats.has_keys())
    }

    fn losses(&self) -> MediaLosses {
        self.loss.losses()
    }

    fn close(&mut self) {
        self.offer_answer.close();
        self.port = None;
    }
}
