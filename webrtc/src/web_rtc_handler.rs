//! Descriptions with ICE and DTLS-SRTP.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use offhook_media::{
    AudioEnd, DescriptionError, Formats, Hold, Incompatibility, MediaLossSender, MediaLosses,
    PortRange, SessionDescriptionHandler,
    session_description::{parse, print},
};
use offhook_message::Body;
use sdp_types::{Direction, Origin, Session, Time};
use str0m::{
    RtcError,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    media::{self, MediaKind, Mid},
};
use tracing::warn;

use crate::{
    local_description::{LocalDescription, follow, refused},
    peer_connection::PeerConnection,
    remote_stream::{RemoteStream, is_audio, is_enabled},
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
    /// What the last complete pair says, and what the next one is to say.
    hold: Hold,
    wanted: Hold,
    /// Whether the peer holds us: it does not listen where we would send.
    is_held: bool,
    /// Fixed but for the version, which counts the different descriptions that we gave.
    origin: Origin,
    last_given: Option<Session>,
    agreed: Option<Agreed>,
}

enum State {
    Stable,
    HaveLocalOffer(Box<LocalOffer>),
    HaveRemoteOffer(Box<RemoteOffer>),
    Closed,
}

struct LocalOffer {
    session: Session,
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
    ours: Session,
    place: usize,
    mid: Mid,
    fingerprints: Vec<String>,
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
            hold: Hold::Off,
            wanted: Hold::Off,
            is_held: false,
            // Both numbers stay within a signed 64-bit integer (RFC 3264 section 5).
            origin: Origin::with_ip_addr(RandomState::new().hash_one(()) >> 1, 1, local),
            last_given: None,
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
    fn offer(&mut self) -> Result<Session, DescriptionError> {
        let known = self.agreed.as_ref().map(|agreed| agreed.mid);
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
        let (others, place) = match &self.agreed {
            Some(agreed) => (agreed.ours.medias.clone(), agreed.place),
            None => (Vec::new(), 0),
        };
        let direction = match self.wanted {
            // What both hold is inactive (RFC 3264 section 8.4).
            Hold::On if self.is_held => Direction::Inactive,
            _ => self.limit(),
        };
        let session =
            self.write(Time::new(0, 0), direction)
                .write(&offer.to_sdp_string(), &others, place)?;
        let session = self.give(session);
        self.state = State::HaveLocalOffer(Box::new(LocalOffer {
            session: session.clone(),
            place,
            mid,
            pending,
        }));
        Ok(session)
    }

    fn answer(&mut self, offer: RemoteOffer) -> Result<Session, DescriptionError> {
        let time = offer.session.times.first();
        let time = time.map_or(Time::new(0, 0), |t| Time::new(t.start_time, t.stop_time));
        let Some(stream) = offer.stream else {
            return Ok(self.refuse_all(&offer.session));
        };
        let has_other_certificate = self
            .agreed
            .as_ref()
            .is_some_and(|agreed| agreed.fingerprints != stream.fingerprints);
        let connection = self.connection()?;
        if has_other_certificate {
            connection.replace_peer();
        }
        let answer = connection
            .negotiate(|api| api.accept_offer(SdpOffer::from_sdp_string(&stream.text)?))
            .map_err(|error| unfit(&error))?;
        let direction = self.limit().intersect_with_remote(stream.direction);
        let mut session = self.write(time, direction).write(
            &answer.to_sdp_string(),
            &offer.session.medias,
            stream.place,
        )?;
        follow(&mut session, &offer.session, &stream);
        let session = self.give(session);
        let mid = Mid::from(stream.mid.as_str());
        self.complete(session.clone(), mid, direction, stream);
        Ok(session)
    }

    /// The answer to an offer that disables the audio.
    fn refuse_all(&mut self, offer: &Session) -> Session {
        let mut answer = self.write(Time::new(0, 0), Direction::Inactive).session();
        answer.medias = offer.medias.iter().map(refused).collect();
        if let (Some(connection), Some(agreed)) = (&self.connection, &self.agreed) {
            connection.follow(agreed.mid, Direction::Inactive, Formats::default());
        }
        self.give(answer)
    }

    fn accept(&mut self, offer: LocalOffer, content: &Session) -> Result<(), DescriptionError> {
        let stream = offer.read_answer(content)?;
        let direction = self.limit().intersect_with_remote(stream.direction);
        self.connection()?
            .negotiate(|api| {
                api.accept_answer(offer.pending, SdpAnswer::from_sdp_string(&stream.text)?)
            })
            .map_err(|error| unfit(&error))?;
        self.complete(offer.session, offer.mid, direction, stream);
        Ok(())
    }

    fn complete(&mut self, ours: Session, mid: Mid, direction: Direction, stream: RemoteStream) {
        self.is_held = !sends(direction);
        self.hold = self.wanted;
        if let Some(connection) = &self.connection {
            // While we hold, nobody is heard and nothing is sent, even where the direction lets us.
            let direction = match self.hold {
                Hold::Off => direction,
                Hold::On => Direction::Inactive,
            };
            connection.follow(mid, direction, agreed_formats(&ours, &stream));
        }
        self.agreed = Some(Agreed {
            ours,
            place: stream.place,
            mid,
            fingerprints: stream.fingerprints,
        });
    }

    /// The most that our side does with a stream.
    fn limit(&self) -> Direction {
        match self.wanted {
            Hold::Off => Direction::SendRecv,
            Hold::On => Direction::SendOnly,
        }
    }

    fn write(&self, time: Time, direction: Direction) -> LocalDescription {
        let port = self.connection.as_ref().map_or(0, PeerConnection::port);
        LocalDescription {
            origin: self.origin.clone(),
            address: (self.local, port).into(),
            time,
            direction,
        }
    }

    /// Raises the version where the description differs from the last one (RFC 3264 section 8). One that was rolled back
    /// counts: the peer has seen its version.
    fn give(&mut self, mut session: Session) -> Session {
        if self
            .last_given
            .as_ref()
            .is_some_and(|last| *last != session)
        {
            self.origin.sess_version += 1;
            session.origin.sess_version = self.origin.sess_version;
        }
        self.last_given = Some(session.clone());
        session
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
        let mid = self.agreed.as_ref().map(|agreed| agreed.mid.to_string());
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
    /// The stream of the peer's answer (RFC 3264 section 6): its m= lines must be those of our offer.
    fn read_answer(&self, answer: &Session) -> Result<RemoteStream, Incompatibility> {
        let pairs = || self.session.medias.iter().zip(&answer.medias);
        if self.session.medias.len() != answer.medias.len()
            || !pairs().all(|(ours, theirs)| ours.media.eq_ignore_ascii_case(&theirs.media))
        {
            return Err(Incompatibility::AnswerMismatch);
        }
        let is_accepted = answer.medias.get(self.place).is_some_and(|it| it.port != 0);
        if !is_accepted {
            return Err(Incompatibility::MediaFormat);
        }
        let mid = self.mid.to_string();
        let stream = RemoteStream::read(answer, self.place, &mid)?;
        if stream.mid != mid {
            return Err(Incompatibility::AnswerMismatch);
        }
        if SdpAnswer::from_sdp_string(&stream.text).is_err() {
            return Err(Incompatibility::MediaSecurity);
        }
        Ok(stream)
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
                let session = offer.session.clone();
                self.state = State::HaveLocalOffer(offer);
                session
            }
            State::HaveRemoteOffer(offer) => self.answer(*offer)?,
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

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        match self.state {
            State::Stable => {
                self.wanted = hold;
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
            self.wanted = self.hold;
        }
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

fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
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
