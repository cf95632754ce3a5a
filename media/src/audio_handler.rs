//! Descriptions with an RTP port.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::{
    AudioEnd, DescriptionError, Direction, Encoding, Incompatibility, MediaLossSender, MediaLosses,
    PortRange, Protection, RtpCounters,
    audio_lines::AudioLines,
    offer_answer::{Negotiator, OfferAnswer, OurLine},
    random::random,
    remote_audio::{AudioStream, RemoteAudio, crypto},
    rtp::RtpSession,
    rtp_port::RtpPort,
    session_description::{Description, Media},
};

/// Offers and answers every [`Encoding`](crate::Encoding) and telephone-event, and lets an [`AudioEnd`] hear and speak, or
/// the peer hear itself.
///
/// - The first audio stream over RTP/AVP or RTP/AVPF, or over RTP/SAVP or RTP/SAVPF where the feature `sdes` is built in,
///   with one of these formats is accepted; every other stream is refused.
/// - The RTP port is opened with the first description of ours that has an audio stream, inside a tokio runtime, and does
///   what was agreed when the pair is complete. Dropping or closing the handler frees it.
/// - While our first offer is open, and offers no protection, the first source that sends is heard, and nothing is sent
///   ([RFC 3264 §5.1](https://www.rfc-editor.org/rfc/rfc3264#section-5.1)).
/// - Packets go where the peer says that it receives, or where its own come from once they do: the first source of an
///   agreed payload type is locked on, because the described address is wrong behind a NAT; the described address takes
///   over if packets come from it.
/// - An offer may be answered in several dialogs
///   ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)): a
///   [fork](crate::SessionDescriptionHandler::fork) serves one. Forks share the port. It follows the one that completed its
///   pair last, or rolled back to it, until one [leaves](crate::SessionDescriptionHandler::leave_peer); the last that is
///   dropped or closed frees it.
#[derive(Debug)]
pub struct AudioHandler {
    ports: PortRange,
    offer_answer: OfferAnswer<RemoteAudio, ()>,
    lines: AudioLines,
    /// What the last complete pair agreed on; none before the first pair and where the audio stream is disabled.
    audio: Option<Box<AudioStream>>,
    port: Option<Arc<RtpPort>>,
    /// What hears and speaks; an echo has none.
    end: Option<AudioEnd>,
    counters: Arc<RtpCounters>,
    loss: MediaLossSender,
    patience: Duration,
    /// Whether a codec is spoken that keys can be sent beside, where the peer takes one.
    presses_keys: bool,
    /// Whether the peer has still to prove that it has our description.
    is_wary: bool,
    /// Names our dialog among those that share the port.
    dialog: u64,
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
        Self {
            ports: ports.clone(),
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            lines: AudioLines::new(),
            audio: None,
            port: None,
            end,
            counters: Arc::default(),
            loss: MediaLossSender::new(),
            patience: Duration::MAX,
            presses_keys: false,
            is_wary: false,
            dialog: random(),
        }
    }

    /// Whether a stream comes over a transport protocol that this handler has, with a key that it can use where there has to
    /// be one.
    pub fn has_transport(media: &Media<'_>) -> bool {
        crypto(media).is_ok()
    }

    /// Offers these encodings alone, the best first. An offer of the peer's is answered with all that we have.
    #[must_use]
    pub fn offering(mut self, encodings: Vec<Encoding>) -> Self {
        self.lines.offer_only(encodings);
        self
    }

    /// Offers audio with this protection.
    #[must_use]
    pub fn protected(mut self, protection: Protection) -> Self {
        self.lines.protect(protection);
        self
    }

    /// Tells of a [loss](crate::SessionDescriptionHandler::losses) when nothing came for so long, though neither side
    /// holds the other. A peer that vanished sends no BYE: without this its call would last for ever. One that never sent
    /// anything is not missed.
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

    /// Sends nothing before the peer has [proved](crate::SessionDescriptionHandler::confirmed) that it has our description.
    /// Otherwise a forged INVITE is enough to have us send audio to anybody, until our 2xx has waited in vain for its ACK.
    #[must_use]
    pub fn wary(mut self) -> Self {
        self.is_wary = true;
        self
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.counters)
    }

    /// The number of the port, which is opened when it is needed.
    fn port(&mut self) -> Result<u16, DescriptionError> {
        if self.port.is_none() {
            let (end, counters) = (self.end.clone(), Arc::clone(&self.counters));
            let mut session = RtpSession::new(end, counters, self.loss.clone(), self.patience);
            if self.is_wary {
                session.be_wary();
            }
            let port = RtpPort::open(self.offer_answer.local(), &self.ports, session);
            self.port = Some(Arc::new(port.map_err(DescriptionError::NoPort)?));
        }
        Ok(self.port.as_ref().map_or(0, |port| port.port()))
    }

    /// Lets go of the port. Who shares it may follow another peer, and sends ours nothing more.
    fn release(&mut self) {
        // Where nobody shares it, its end says goodbye.
        if let Some(Err(port)) = self.port.take().map(Arc::try_unwrap) {
            port.leave_dialog(self.dialog);
        }
    }

    /// The agreed stream, as we speak in it.
    fn audio(&self) -> Option<AudioStream> {
        let mut audio = self.audio.as_deref()?.clone();
        if self.presses_keys {
            audio.remote.formats = audio.remote.formats.preferring_keys();
        }
        Some(audio)
    }
}

impl Negotiator for AudioHandler {
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
        let port = self.port()?;
        let expected = self.lines.offer(line, port);
        // In a call, what was agreed before holds until the answer.
        if let (None, Some(port), Some(formats)) = (&self.audio, &self.port, expected) {
            port.expect(formats);
        }
        Ok(())
    }

    fn answer(&mut self, line: OurLine<'_>, stream: &RemoteAudio) -> Result<(), DescriptionError> {
        let port = self.port()?;
        self.lines.answer(line, stream, port);
        Ok(())
    }

    fn agree(&mut self, _: &str, stream: Option<(RemoteAudio, Direction)>) {
        let stream =
            stream.map(|(remote, direction)| self.lines.agreed(self.dialog, remote, direction));
        self.audio = stream.map(Box::new);
        self.follow();
    }

    fn follow(&mut self) {
        if let (Some(stream), Some(port)) = (self.audio(), &self.port) {
            port.follow(stream);
        } else {
            self.release();
        }
    }

    fn forked(&self) -> Result<Self, DescriptionError> {
        Ok(Self {
            offer_answer: self.offer_answer.fork()?,
            ports: self.ports.clone(),
            lines: self.lines.clone(),
            audio: self.audio.clone(),
            port: self.port.clone(),
            end: self.end.clone(),
            counters: Arc::clone(&self.counters),
            loss: self.loss.clone(),
            patience: self.patience,
            presses_keys: self.presses_keys,
            is_wary: self.is_wary,
            dialog: random(),
        })
    }

    fn confirm(&mut self) {
        self.is_wary = false;
        if let Some(port) = &self.port {
            port.trust();
        }
    }

    fn leave(&mut self) {
        if let Some(port) = &self.port {
            port.leave();
        }
    }

    fn has_keys(&self) -> bool {
        self.audio().is_some_and(|it| it.remote.formats.has_keys())
    }

    fn media_losses(&self) -> MediaLosses {
        self.loss.losses()
    }

    fn stop(&mut self) {
        self.audio = None;
        self.release();
    }
}
