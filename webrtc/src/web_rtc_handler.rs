//! Descriptions with ICE and DTLS-SRTP.

use std::{fmt, net::IpAddr, sync::Arc};

use offhook_media::{
    AudioEnd, DescriptionError, Formats, Hold, Incompatibility, MediaLossSender, MediaLosses,
    PortRange, SessionDescriptionHandler, Side,
    session_description::{is_audio, parse, print, time},
};
use offhook_message::Body;
use sdp_types::{Direction, Media, Session, Time};
use str0m::{
    RtcError,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    media::{self, MediaKind, Mid},
};
use tracing::warn;

use crate::{
    local_description::{self, fill, follow},
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
    session: Arc<Session>,
    place: usize,
    mid: Mid,
    pending: SdpPendingOffer,
}

struct RemoteOffer {
    session: Session,
    /// None where every audio stream is disabled.
    stream: Option<RemoteStream>,
}

/// The last complete pair.
struct Agreed {
    ours: Arc<Session>,
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
    fn offer(&mut self) -> Result<Arc<Session>, DescriptionError> {
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
        let ours = self.stream(&offer.to_sdp_string(), self.side.offered())?;
        let (others, place) = match &self.agreed {
            Some(agreed) => (&agreed.ours.medias[..], agreed.place),
            None => (&[][..], 0),
        };
        let mut session = self.side.session(self.local, Time::new(0, 0));
        fill(&mut session, Some(ours), others, place);
        let session = self.side.give(session);
        self.state = State::HaveLocalOffer(Box::new(LocalOffer {
            session: Arc::clone(&session),
            place,
            mid,
            pending,
        }));
        Ok(session)
    }

    fn answer(&mut self, offer: &RemoteOffer) -> Result<Arc<Session>, DescriptionError> {
        let Some(stream) = &offer.stream else {
            return Ok(self.refuse_all(&offer.session));
        };
        let has_other_certificate = self
            .agreed
            .as_ref()
            .is_some_and(|it| it.mid.is_some() && it.fingerprints != stream.fingerprints);
        let connection = self.connection()?;
        if has_other_certificate {
            connection.replace_peer();
        }
        let answer = connection
            .negotiate(|api| api.accept_offer(SdpOffer::from_sdp_string(&stream.text)?))
            .map_err(|error| unfit(&error))?;
        let direction = self.side.agreed(stream.direction);
        let ours = self.stream(&answer.to_sdp_string(), direction)?;
        let mut session = self.side.session(self.local, time(&offer.session));
        fill(
            &mut session,
            Some(ours),
            &offer.session.medias,
            stream.place,
        );
        follow(&mut session, &offer.session, stream);
        let session = self.side.give(session);
        let mid = Mid::from(stream.mid.as_str());
        self.complete(Arc::clone(&session), mid, direction, stream);
        Ok(session)
    }

    /// The answer to an offer that disables the audio.
    fn refuse_all(&mut self, offer: &Session) -> Arc<Session> {
        let place = offer.medias.iter().position(is_audio).unwrap_or(0);
        let mut answer = self.side.session(self.local, time(offer));
        fill(&mut answer, None, &offer.medias, place);
        let answer = self.side.give(answer);
        self.complete_without_audio(Arc::clone(&answer), place);
        answer
    }

    /// Offers of ours keep its lines (RFC 3264 section 8).
    fn complete_without_audio(&mut self, ours: Arc<Session>, place: usize) {
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

    fn accept(&mut self, offer: LocalOffer, content: &Session) -> Result<(), DescriptionError> {
        let Some(stream) = offer.read_answer(content)? else {
            self.complete_without_audio(offer.session, offer.place);
            return Ok(());
        };
        let direction = self.side.agreed(stream.direction);
        self.connection()?
            .negotiate(|api| {
                api.accept_answer(offer.pending, SdpAnswer::from_sdp_string(&stream.text)?)
            })
            .map_err(|error| unfit(&error))?;
        self.complete(offer.session, offer.mid, direction, &stream);
        Ok(())
    }

    fn complete(
        &mut self,
        ours: Arc<Session>,
        mid: Mid,
        direction: Direction,
        stream: &RemoteStream,
    ) {
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
    fn stream(&self, written: &str, direction: Direction) -> Result<Media, Incompatibility> {
        let port = self.connection.as_ref().map_or(0, PeerConnection::port);
        local_description::stream(written, port, direction)
    }

    /// The peer's offer, with the first audio stream that is not disabled.
    fn read_offer(&self, session: Session) -> Result<RemoteOffer, Incompatibility> {
        let is_usable = |media| is_audio(media) && is_enabled(media);
        let Some(place) = session.medias.iter().position(is_usable) else {
            let stream = None;
            let is_disabled = session.medias.iter().any(is_audio);
            let offer = is_disabled.then_some(RemoteOffer { session, stream });
            return offer.ok_or(Incompatibility::MediaType);
        };
        let mid = self.agreed.as_ref().and_then(|it| it.mid);
        let mid = mid.map(|mid| mid.to_string());
        let stream = RemoteStream::read(&session, place, mid.as_deref().unwrap_or("0"))?;
        if SdpOffer::from_sdp_string(&stream.text).is_err() {
            return Err(Incompatibility::MediaSecurity);
        }
        Ok(RemoteOffer {
            session,
            stream: Some(stream),
        })
    }
}

impl LocalOffer {
    /// The stream of the peer's answer (RFC 3264 section 6): its m= lines must be those of our offer. None where it is
    /// refused.
    fn read_answer(&self, answer: &Session) -> Result<Option<RemoteStream>, Incompatibility> {
        let pairs = || self.session.medias.iter().zip(&answer.medias);
        if self.session.medias.len() != answer.medias.len()
            || !pairs().all(|(ours, theirs)| ours.media.eq_ignore_ascii_case(&theirs.media))
        {
            return Err(Incompatibility::AnswerMismatch);
        }
        let is_accepted = answer.medias.get(self.place).is_some_and(|it| it.port != 0);
        if !is_accepted {
            return Ok(None);
        }
        let mid = self.mid.to_string();
        let stream = RemoteStream::read(answer, self.place, &mid)?;
        if stream.mid != mid {
            return Err(Incompatibility::AnswerMismatch);
        }
        if SdpAnswer::from_sdp_string(&stream.text).is_err() {
            return Err(Incompatibility::MediaSecurity);
        }
        Ok(Some(stream))
    }
}

impl SessionDescriptionHandler for WebRtcHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let session = match std::mem::replace(&mut self.state, State::Stable) {
            State::Closed => {
                self.state = State::Closed;
                return Err(DescriptionError::Closed);
            }
            State::Stable => self.offer()?,
            State::HaveLocalOffer(offer) => {
                let session = Arc::clone(&offer.session);
                self.state = State::HaveLocalOffer(offer);
                session
            }
            // Where it fails nothing has changed.
            State::HaveRemoteOffer(offer) => match self.answer(&offer) {
                Ok(session) => session,
                Err(error) => {
                    self.state = State::HaveRemoteOffer(offer);
                    return Err(error);
                }
            },
        };
        Ok(Body::sdp(print(&session)))
    }

    /// Where our connection cannot take an answer that reads well, our offer is taken back.
    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        match &self.state {
            State::Closed => Err(DescriptionError::Closed),
            State::HaveRemoteOffer(_) => Err(DescriptionError::OfferPending),
            State::Stable => {
                let offer = self.read_offer(parse(content)?)?;
                self.state = State::HaveRemoteOffer(Box::new(offer));
                Ok(())
            }
            State::HaveLocalOffer(offer) => {
                let answer = parse(content)?;
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
fn agreed_formats(ours: &Session, stream: &RemoteStream) -> Formats {
    match ours.medias.get(stream.place) {
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
