//! The offer/answer model of RFC 3264 for one session with at most one audio stream.

use std::{
    borrow::Cow,
    cell::OnceCell,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate::{
    DescriptionError, Direction, Encoding, Hold, Incompatibility,
    formats::{Formats, Kind},
    media_line::MediaLine,
    remote_audio::RemoteAudio,
    session_description::{ALWAYS, Description, Lines, Media, text},
    side::Side,
    srtp::{Crypto, Keys, MasterKey},
};

/// Where the session stands, what was agreed, and what was last said.
///
/// ```text
///                 set_description(offer)
///          ┌───────────────────────────────► HaveRemoteOffer
///          │ ◄───────────────────────────────┘ description() or rollback()
///        Stable
///          │ ◄───────────────────────────────┐ set_description(answer) or rollback()
///          └───────────────────────────────► HaveLocalOffer
///                 description()
/// ```
#[derive(Clone)]
pub(crate) struct OfferAnswer {
    side: Side,
    /// What we offer, the best first.
    encodings: Cow<'static, [Encoding]>,
    /// Our key where audio is encrypted, made when it is needed.
    key: OnceCell<MasterKey>,
    protection: Protection,
    state: State,
    /// Our half of the last complete pair.
    agreed: Option<Arc<str>>,
    /// Of a side that does anything with a stream.
    audio: Option<Box<AudioStream>>,
}

#[derive(Clone)]
enum State {
    Stable,
    HaveLocalOffer(Arc<str>),
    HaveRemoteOffer(Box<RemoteOffer>),
    Closed,
}

/// The audio stream of a complete pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioStream {
    /// Where the peer says that it receives; unknown for a host name.
    pub(crate) remote: Option<SocketAddr>,
    /// Those we share, in the peer's order and under the numbers that it wants to see.
    pub(crate) formats: Formats,
    /// The same under the numbers that we said: an answer may have others (RFC 3264 section 6.1).
    pub(crate) ours: Formats,
    /// As we see it: `SendOnly` means that we send.
    pub(crate) direction: Direction,
    /// Milliseconds of audio that the peer wants in a packet.
    pub(crate) packet_time: u32,
    /// Where the peer receives RTCP; `None` for the same port as RTP.
    pub(crate) rtcp_port: Option<u16>,
    pub(crate) srtp: Option<Keys>,
}

impl AudioStream {
    /// What a payload of this type is. Some peers write the number that they said themselves.
    pub(crate) fn kind(&self, payload_type: u8) -> Option<Kind> {
        let ours = self.ours.kind(payload_type);
        ours.or_else(|| self.formats.kind(payload_type))
    }
}

/// How audio is protected that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// By SRTP with a key in the description ([RFC 4568](https://www.rfc-editor.org/rfc/rfc4568)): who reads the
    /// signalling can decrypt the audio, so it belongs on TLS. Where this is not built in, nothing is protected.
    Sdes,
}

impl OfferAnswer {
    /// `direction` is the most that our side does with a stream: `SendRecv` or `Inactive`.
    pub(crate) fn new(local: IpAddr, direction: Direction) -> Self {
        Self {
            side: Side::new(local.to_canonical(), direction),
            encodings: Encoding::ALL.into(),
            key: OnceCell::new(),
            protection: Protection::None,
            state: State::Stable,
            agreed: None,
            audio: None,
        }
    }

    /// Offers these instead of all that we have.
    pub(crate) fn offer_only(&mut self, encodings: Vec<Encoding>) {
        self.encodings = encodings.into();
    }

    /// Offers audio with this protection. What the peer offers is answered as it is.
    pub(crate) fn protect(&mut self, protection: Protection) {
        self.protection = protection;
    }

    /// Whether no offer is open.
    pub(crate) fn is_stable(&self) -> bool {
        matches!(self.state, State::Stable)
    }

    /// What the last complete pair agreed on; none before the first pair and where the audio stream is disabled.
    pub(crate) fn audio(&self) -> Option<AudioStream> {
        let audio = self.audio.as_deref()?.clone();
        Some(AudioStream {
            direction: self.side.flowing(audio.direction),
            ..audio
        })
    }

    /// What our next description is to say. Taken back by [`rollback`](Self::rollback).
    pub(crate) fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        match self.state {
            State::Stable => {
                self.side.want(hold);
                Ok(())
            }
            State::HaveLocalOffer(_) | State::HaveRemoteOffer(_) => {
                Err(DescriptionError::OfferPending)
            }
            State::Closed => Err(DescriptionError::Closed),
        }
    }

    /// Our answer to the pending offer, else our offer. `port` is asked for our RTP port if the description needs one; where
    /// it fails nothing has changed.
    pub(crate) fn description(
        &mut self,
        mut port: impl FnMut() -> Result<u16, DescriptionError>,
    ) -> Result<Arc<str>, DescriptionError> {
        Ok(match &self.state {
            State::Closed => return Err(DescriptionError::Closed),
            State::HaveLocalOffer(offer) => Arc::clone(offer),
            State::HaveRemoteOffer(offer) => {
                let (answer, audio) = self.answer(offer, port)?;
                let answer = self.side.give(&answer);
                self.complete(Arc::clone(&answer), audio);
                answer
            }
            State::Stable => {
                let offer = self.offer(port()?)?;
                let offer = self.side.give(&offer);
                self.state = State::HaveLocalOffer(Arc::clone(&offer));
                offer
            }
        })
    }

    /// Takes the peer's offer or answer. On an error nothing has changed.
    pub(crate) fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        match &self.state {
            State::Closed => Err(DescriptionError::Closed),
            State::HaveRemoteOffer(_) => Err(DescriptionError::OfferPending),
            State::Stable => {
                let offer = RemoteOffer::read(content, self.side.local())?;
                self.state = State::HaveRemoteOffer(Box::new(offer));
                Ok(())
            }
            State::HaveLocalOffer(_) => self.set_answer(content),
        }
    }

    /// Takes the peer's answer to our offer, or to our half of the last pair. On an error nothing has changed.
    pub(crate) fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        let ours = match &self.state {
            State::Closed => return Err(DescriptionError::Closed),
            State::HaveRemoteOffer(_) => return Err(DescriptionError::OfferPending),
            State::HaveLocalOffer(offer) => Some(offer),
            State::Stable => self.agreed.as_ref(),
        };
        if let Some(ours) = ours.cloned() {
            let theirs = text(content)?;
            let (offer, answer) = (Description::read(&ours)?, Description::read(&theirs)?);
            let audio = self.read_answer(&offer, &answer)?;
            self.complete(ours, audio);
        }
        Ok(())
    }

    pub(crate) fn rollback(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Stable;
            self.side.roll_back();
        }
    }

    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
        self.audio = None;
    }

    fn complete(&mut self, agreed: Arc<str>, audio: Option<AudioStream>) {
        self.side.complete(audio.as_ref().map(|it| it.direction));
        self.audio = audio.filter(|_| self.side.is_active()).map(Box::new);
        self.agreed = Some(agreed);
        self.state = State::Stable;
    }

    /// The answer of RFC 3264 section 6: the offer's m= lines, one of them accepted.
    fn answer(
        &self,
        offer: &RemoteOffer,
        mut port: impl FnMut() -> Result<u16, DescriptionError>,
    ) -> Result<(Lines, Option<AudioStream>), DescriptionError> {
        let offered = Description::read(&offer.text)?;
        let mut lines = self.side.lines(offered.time());
        let mut stream = None;
        for (index, media) in offered.medias.iter().enumerate() {
            match &offer.audio {
                Some((place, audio)) if *place == index => {
                    let agreed = self.stream(audio, &audio.formats, &audio.formats);
                    let theirs = audio.crypto.as_ref();
                    let crypto = theirs.map(|crypto| crypto.answered(self.key()));
                    let line = MediaLine {
                        port: port()?,
                        direction: agreed.direction,
                        crypto: crypto.as_ref(),
                    };
                    line.answer(&mut lines, media, &audio.formats);
                    stream = Some(agreed);
                }
                _ => lines.refused(media),
            }
        }
        Ok((lines, stream))
    }

    /// The offer of RFC 3264 section 5, or of section 8 where a pair is agreed: its m= lines, all but audio disabled.
    fn offer(&self, port: u16) -> Result<Lines, DescriptionError> {
        let mut lines = self.side.lines(ALWAYS);
        let audio = |lines: &mut Lines, previous: Option<&Media<'_>>| {
            let enabled = previous.filter(|media| media.port != 0);
            let crypto = match (enabled, self.protection) {
                (Some(enabled), _) => Crypto::read(enabled),
                (None, Protection::Sdes) => Crypto::offered(self.key()),
                (None, Protection::None) => None,
            };
            let line = MediaLine {
                port,
                direction: self.side.offered(),
                crypto: crypto.as_ref(),
            };
            line.offer(lines, previous, &self.encodings);
        };
        let Some(agreed) = &self.agreed else {
            audio(&mut lines, None);
            return Ok(lines);
        };
        let agreed = Description::read(agreed)?;
        let place = audio_place(&agreed);
        for (index, previous) in agreed.medias.iter().enumerate() {
            if place == Some(index) {
                audio(&mut lines, Some(previous));
            } else {
                lines.refused(previous);
            }
        }
        Ok(lines)
    }

    /// Reads the answer to our offer (RFC 3264 section 7). An answer may refuse the audio stream.
    fn read_answer(
        &self,
        offer: &Description<'_>,
        answer: &Description<'_>,
    ) -> Result<Option<AudioStream>, DescriptionError> {
        let pairs = || offer.medias.iter().zip(&answer.medias);
        let same_lines = offer.medias.len() == answer.medias.len()
            && pairs().all(|(ours, theirs)| {
                ours.kind.eq_ignore_ascii_case(theirs.kind)
                    && (theirs.port == 0 || ours.protocol.eq_ignore_ascii_case(theirs.protocol))
            });
        if !same_lines {
            return Err(Incompatibility::AnswerMismatch.into());
        }
        let Some((ours, theirs)) =
            pairs().find(|(ours, theirs)| ours.port != 0 && theirs.port != 0)
        else {
            return Ok(None);
        };
        let audio = RemoteAudio::read(answer, theirs, self.side.local())?;
        if let Some(crypto) = &audio.crypto {
            let ours = Crypto::read(ours);
            if !ours.is_some_and(|ours| crypto.agrees_with(&ours)) {
                return Err(Incompatibility::AnswerMismatch.into());
            }
        }
        let ours = Formats::common(ours);
        let formats = audio.formats.shared_with(&ours);
        if formats.is_empty() {
            return Err(Incompatibility::MediaFormat.into());
        }
        let ours = ours.shared_with(&formats);
        Ok(Some(self.stream(&audio, &formats, &ours)))
    }

    fn stream(&self, audio: &RemoteAudio, formats: &Formats, ours: &Formats) -> AudioStream {
        AudioStream {
            remote: audio.remote,
            formats: formats.clone(),
            ours: ours.clone(),
            direction: self.side.agreed(audio.direction),
            packet_time: audio.packet_time,
            rtcp_port: audio.rtcp_port,
            srtp: audio.crypto.as_ref().map(|it| it.keys(self.key())),
        }
    }

    fn key(&self) -> MasterKey {
        self.key.get_or_init(MasterKey::random).clone()
    }
}

/// Shows no description: it may hold keys.
impl fmt::Debug for OfferAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferAnswer")
            .field("local", &self.side.local())
            .field("audio", &self.audio)
            .finish_non_exhaustive()
    }
}

/// An offer of the peer that can be answered.
#[derive(Clone)]
struct RemoteOffer {
    text: Box<str>,
    /// The stream that we accept and its place; none where every audio stream is disabled.
    audio: Option<(usize, RemoteAudio)>,
}

impl RemoteOffer {
    /// Chooses the first audio stream that fits.
    fn read(content: &[u8], local: IpAddr) -> Result<Self, DescriptionError> {
        let text = text(content)?;
        let offer = Description::read(&text)?;
        let mut unfit = None;
        let mut audio = None;
        for (index, media) in offer.medias.iter().enumerate() {
            if !media.is_audio() || media.port == 0 {
                continue;
            }
            match RemoteAudio::read(&offer, media, local) {
                Ok(fit) => {
                    audio = Some((index, fit));
                    break;
                }
                Err(reason) => unfit = unfit.max(Some(reason)),
            }
        }
        if audio.is_none() && !(unfit.is_none() && offer.medias.iter().any(Media::is_audio)) {
            return Err(unfit.unwrap_or(Incompatibility::MediaType).into());
        }
        Ok(Self {
            text: text.into(),
            audio,
        })
    }
}

/// Where the agreed pair has its audio line; a disabled one is used again (RFC 3264 section 8.1).
fn audio_place(agreed: &Description<'_>) -> Option<usize> {
    let medias = &agreed.medias;
    let enabled = medias.iter().position(|media| media.port != 0);
    enabled.or_else(|| medias.iter().position(Media::is_audio))
}
