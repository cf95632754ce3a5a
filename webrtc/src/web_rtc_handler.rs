//! Descriptions with ICE and DTLS-SRTP.

use std::{fmt, net::IpAddr, sync::Arc};

use offhook_media::{
    AudioEnd, DescriptionError, Direction, Formats, Hold, Incompatibility, MediaLossSender,
    MediaLosses, PortRange, SessionDescriptionHandler, Side,
    session_description::{ALWAYS, Description, Media, text},
};
use offhook_message::Body;
use str0m::{
    RtcError,
    change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer},
    media::{self, MediaKind, Mid},
};
use tracing::warn;

use crate::{
    local_description::{LocalStream, fill},
    peer_connection::PeerConnection,
    remote_stream::{RemoteStream, is_enabled},
    stream::Stream,
};

/// Offers and answers every [`Encoding`](offhook_media::Encoding) and telephone-event over ICE and DTLS-SRTP.
///
/// - The first audio stream is accepted, every other stream is refused.
/// - The UDP port is opened with the first description of ours. Dropping or closing the handler frees it.
/// - We are ICE-lite with one host candidate, agree to `a=rtcp-mux`, and let an actpass peer begin the DTLS handshake.
/// - An offer with other certificates than the last one begins a new association
///   ([RFC 8842 §4](https://www.rfc-editor.org/rfc/rfc8842#section-4)), one with other ICE credentials restarts ICE
///   ([RFC 8839 §4.4.1](https://www.rfc-editor.org/rfc/rfc8839#section-4.4.1)).
pub struct WebRtcHandler {
    local: IpAddr,
    ports: PortRange,
    stream: Stream,
    connection: Option<PeerConnection>,
    loss: MediaLossSender,
    state: State,
    side: Side,
    agreed: Option<Agreed>,
}

enum State {
    Stable,
    HaveLocalOffer(Box<LocalOffer>),
    HaveRemoteOffer(Box<RemoteOffer>),
    Closed,
}

struct LocalOffer {
    text: Arc<str>,
    place: usize,
    mid: Mid,
    pending: SdpPendingOffer,
}

struct RemoteOffer {
    text: Box<str>,
    /// None where every audio stream is disabled.
    stream: Option<RemoteStream>,
}

/// The last complete pair.
struct Agreed {
    ours: Arc<str>,
    place: usize,
    /// None where there never was any audio.
    mid: Option<Mid>,
    fingerprints: Vec<String>,
    /// Whether the audio has keys.
    takes_keys: bool,
}

impl WebRtcHandler {
    /// A handler that lets `end` hear and speak. It binds and describes `local`, the address of ours that faces the peer,
    /// or that of a NAT before us; not an unspecified one, which no peer can send to.
    pub fn new(local: IpAddr, ports: &PortRange, end: AudioEnd) -> Self {
        Self::with(local, ports, Stream::audio(end))
    }

    /// A handler that sends the peer's packets back as they come. Addresses are as for [`new`](Self::new).
    pub fn echo(local: IpAddr, ports: &PortRange) -> Self {
        Self::with(local, ports, Stream::echo())
    }

    fn with(local: IpAddr, ports: &PortRange, stream: Stream) -> Self {
        let local = local.to_canonical();
        Self {
            local,
            ports: ports.clone(),
            stream,
            connection: None,
            loss: MediaLossSender::new(),
            state: State::Stable,
            side: Side::new(local, Direction::SendRecv),
            agreed: None,
        }
    }

    fn connection(&mut self) -> Result<&PeerConnection, DescriptionError> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let (stream, loss) = (self.stream.anew(), self.loss.clone());
            PeerConnection::open(self.local, &self.ports, stream, loss)
                .map_err(DescriptionError::NoPort)?
        };
        Ok(self.connection.insert(connection))
    }

    /// Our offer: what was agreed before, or one audio stream.
    fn offer(&mut self) -> Result<Arc<str>, DescriptionError> {
        let known = self.agreed.as_ref().and_then(|agreed| agreed.mid);
        let connection = self.connection()?;
        let offered = connection.negotiate(|mut api| {
            let mid = if let Some(mid) = known {
                // Only a change makes an offer.
                api.set_direction(mid, media::Direction::Inactive);
                api.set_direction(mid, media::Direction::SendRecv);
                mid
            } else {
                let (kind, direction) = (MediaKind::Audio, media::Direction::SendRecv);
                api.add_media(kind, direction, None, None, None)
            };
            Ok(api.apply().map(|offer| (offer, mid)))
        });
        let ((offer, pending), mid) = offered
            .map_err(|error| unfit(&error))?
            .ok_or(Incompatibility::MediaSecurity)?;
        let written = offer.to_sdp_string();
        let ours = self.stream(&written, self.side.offered())?;
        let mut lines = self.side.lines(ALWAYS);
        if let Some(agreed) = &self.agreed {
            let others = Description::read(&agreed.ours)?.medias;
            fill(&mut lines, Some(&ours), &others, agreed.place);
        } else {
            fill(&mut lines, Some(&ours), &[], 0);
        }
        let text = self.side.give(&lines);
        self.state = State::HaveLocalOffer(Box::new(LocalOffer {
            text: Arc::clone(&text),
            place: self.agreed.as_ref().map_or(0, |agreed| agreed.place),
            mid,
            pending,
        }));
        Ok(text)
    }

    fn answer(&mut self, offer: &RemoteOffer) -> Result<Arc<str>, DescriptionError> {
        let theirs = Description::read(&offer.text)?;
        let Some(stream) = &offer.stream else {
            return Ok(self.refuse_all(&theirs));
        };
        let has_other_certificate = self
            .agreed
            .as_ref()
            .is_some_and(|it| it.mid.is_some() && it.fingerprints != stream.fingerprints);
        let connection = self.connection()?;
        let take = |api: SdpApi<'_>| api.accept_offer(SdpOffer::from_sdp_string(&stream.text)?);
        let answer = if has_other_certificate {
            connection.negotiate_anew(take)
        } else {
            connection.negotiate(take)
        };
        let answer = answer.map_err(|error| unfit(&error))?;
        let direction = self.side.agreed(stream.direction);
        let written = answer.to_sdp_string();
        let mut ours = self.stream(&written, direction)?;
        ours.follow(&theirs, stream);
        let mut lines = self.side.lines(theirs.time());
        fill(&mut lines, Some(&ours), &theirs.medias, stream.place);
        let text = self.side.give(&lines);
        let mid = Mid::from(stream.mid.as_str());
        self.complete(Arc::clone(&text), mid, direction, stream);
        Ok(text)
    }

    /// The answer to an offer that disables the audio.
    fn refuse_all(&mut self, offer: &Description<'_>) -> Arc<str> {
        let place = offer.medias.iter().position(Media::is_audio).unwrap_or(0);
        let mut lines = self.side.lines(offer.time());
        fill(&mut lines, None, &offer.medias, place);
        let answer = self.side.give(&lines);
        self.complete_without_audio(Arc::clone(&answer), place);
        answer
    }

    /// Offers of ours keep its lines (RFC 3264 section 8).
    fn complete_without_audio(&mut self, ours: Arc<str>, place: usize) {
        self.side.complete(None);
        let before = self.agreed.take();
        let mid = before.as_ref().and_then(|it| it.mid);
        if let (Some(connection), Some(mid)) = (&self.connection, mid) {
            connection.follow(mid, Direction::Inactive, Formats::default());
        }
        self.agreed = Some(Agreed {
            ours,
            place,
            mid,
            fingerprints: before.map_or_else(Vec::new, |it| it.fingerprints),
            takes_keys: false,
        });
    }

    fn accept(
        &mut self,
        offer: LocalOffer,
        answer: &Description<'_>,
    ) -> Result<(), DescriptionError> {
        let Some(stream) = offer.read_answer(answer)? else {
            self.complete_without_audio(offer.text, offer.place);
            return Ok(());
        };
        let direction = self.side.agreed(stream.direction);
        self.connection()?
            .negotiate(|api| {
                api.accept_answer(offer.pending, SdpAnswer::from_sdp_string(&stream.text)?)
            })
            .map_err(|error| unfit(&error))?;
        self.complete(offer.text, offer.mid, direction, &stream);
        Ok(())
    }

    fn complete(&mut self, ours: Arc<str>, mid: Mid, direction: Direction, stream: &RemoteStream) {
        self.side.complete(Some(direction));
        let formats = agreed_formats(&ours, stream);
        let takes_keys = formats.has_keys();
        if let Some(connection) = &self.connection {
            let direction = self.side.flowing(direction);
            connection.follow(mid, direction, formats);
        }
        self.agreed = Some(Agreed {
            ours,
            place: stream.place,
            mid: Some(mid),
            fingerprints: stream.fingerprints.clone(),
            takes_keys,
        });
    }

    /// Our line of the stream that str0m wrote.
    fn stream<'a>(
        &self,
        written: &'a str,
        direction: Direction,
    ) -> Result<LocalStream<'a>, Incompatibility> {
        let port = self.connection.as_ref().map_or(0, PeerConnection::port);
        LocalStream::read(written, port, direction)
    }

    /// The peer's offer, with the first audio stream that is not disabled.
    fn read_offer(&self, content: &[u8]) -> Result<RemoteOffer, DescriptionError> {
        let text = text(content)?;
        let offer = Description::read(&text)?;
        let is_usable = |media: &Media<'_>| media.is_audio() && is_enabled(media);
        let stream = match offer.medias.iter().position(is_usable) {
            Some(place) => {
                let mid = self.agreed.as_ref().and_then(|it| it.mid);
                let mid = mid.map(|mid| mid.to_string());
                let stream = RemoteStream::read(&offer, place, mid.as_deref().unwrap_or("0"))?;
                if SdpOffer::from_sdp_string(&stream.text).is_err() {
                    return Err(Incompatibility::MediaSecurity.into());
                }
                Some(stream)
            }
            None if offer.medias.iter().any(Media::is_audio) => None,
            None => return Err(Incompatibility::MediaType.into()),
        };
        let text = text.into();
        Ok(RemoteOffer { text, stream })
    }
}

impl LocalOffer {
    /// The stream of the peer's answer (RFC 3264 section 6): its m= lines must be those of our offer. None where it is
    /// refused.
    fn read_answer(
        &self,
        answer: &Description<'_>,
    ) -> Result<Option<RemoteStream>, DescriptionError> {
        let ours = Description::read(&self.text)?;
        let mut pairs = ours.medias.iter().zip(&answer.medias);
        if ours.medias.len() != answer.medias.len()
            || !pairs.all(|(ours, theirs)| ours.kind.eq_ignore_ascii_case(theirs.kind))
        {
            return Err(Incompatibility::AnswerMismatch.into());
        }
        let is_accepted = answer.medias.get(self.place).is_some_and(|it| it.port != 0);
        if !is_accepted {
            return Ok(None);
        }
        let mid = self.mid.to_string();
        let stream = RemoteStream::read(answer, self.place, &mid)?;
        if stream.mid != mid {
            return Err(Incompatibility::AnswerMismatch.into());
        }
        if SdpAnswer::from_sdp_string(&stream.text).is_err() {
            return Err(Incompatibility::MediaSecurity.into());
        }
        Ok(Some(stream))
    }
}

impl SessionDescriptionHandler for WebRtcHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let text = match std::mem::replace(&mut self.state, State::Stable) {
            State::Closed => {
                self.state = State::Closed;
                return Err(DescriptionError::Closed);
            }
            State::Stable => self.offer()?,
            State::HaveLocalOffer(offer) => {
                let text = Arc::clone(&offer.text);
                self.state = State::HaveLocalOffer(offer);
                text
            }
            // Where it fails nothing has changed.
            State::HaveRemoteOffer(offer) => match self.answer(&offer) {
                Ok(text) => text,
                Err(error) => {
                    self.state = State::HaveRemoteOffer(offer);
                    return Err(error);
                }
            },
        };
        Ok(Body::sdp(text.as_bytes().to_vec()))
    }

    /// Where our connection cannot take an answer that reads well, our offer is taken back.
    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        match &self.state {
            State::Closed => Err(DescriptionError::Closed),
            State::HaveRemoteOffer(_) => Err(DescriptionError::OfferPending),
            State::Stable => {
                let offer = self.read_offer(content)?;
                self.state = State::HaveRemoteOffer(Box::new(offer));
                Ok(())
            }
            State::HaveLocalOffer(offer) => {
                let text = text(content)?;
                let answer = Description::read(&text)?;
                offer.read_answer(&answer)?;
                match std::mem::replace(&mut self.state, State::Stable) {
                    State::HaveLocalOffer(offer) => self.accept(*offer, &answer),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Without an offer of ours nothing is to be done: where the browser is, ICE finds out.
    fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        match self.state {
            State::Stable => Ok(()),
            _ => self.set_description(content),
        }
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
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

    fn rollback_description(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Stable;
            self.side.roll_back();
        }
    }

    fn takes_keys(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.takes_keys)
    }

    fn losses(&self) -> MediaLosses {
        self.loss.losses()
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.connection = None;
    }
}

/// Those of the peer's formats that our description has too, in the peer's order.
fn agreed_formats(ours: &str, stream: &RemoteStream) -> Formats {
    let ours = Description::read(ours).ok();
    match ours.as_ref().and_then(|it| it.medias.get(stream.place)) {
        Some(media) => stream.formats.clone().within(&Formats::common(media)),
        None => Formats::default(),
    }
}

fn unfit(error: &RtcError) -> Incompatibility {
    warn!(%error, "a description passed our checks but not those of the connection");
    Incompatibility::MediaSecurity
}

/// Shows no description: it holds the password of ICE.
impl fmt::Debug for WebRtcHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.connection.as_ref().map(PeerConnection::port);
        f.debug_struct("WebRtcHandler")
            .field("local", &self.local)
            .field("port", &port)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
