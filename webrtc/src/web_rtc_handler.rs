//! Descriptions with ICE and DTLS-SRTP.

use std::{fmt, net::IpAddr, time::Duration};

use offhook_media::{
    AudioEnd, DescriptionError, Direction, Formats, Incompatibility, MediaLossSender, MediaLosses,
    Negotiator, OfferAnswer, OurLine, PortRange,
    session_description::{Description, Media},
};
use str0m::{
    RtcError,
    change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer},
    media::{self, MediaKind, Mid},
};
use tracing::warn;

use crate::{
    local_description,
    peer_connection::PeerConnection,
    remote_stream::{RemoteStream, is_enabled},
    stream::Stream,
};

/// Offers and answers every [`Encoding`](offhook_media::Encoding) and telephone-event over ICE and DTLS-SRTP.
///
/// - The first audio stream that fits is accepted, every other stream is refused. Once there was one, only an offer with
///   other certificates may give it another name.
/// - The UDP port is opened with the first description of ours, inside a tokio runtime. Dropping or closing the handler
///   frees it.
/// - We are ICE-lite with one host candidate, agree to `a=rtcp-mux`, and let an actpass peer begin the DTLS handshake.
/// - An offer with other certificates than the last one begins a new association
///   ([RFC 8842 §4](https://www.rfc-editor.org/rfc/rfc8842#section-4)), one with other ICE credentials restarts ICE
///   ([RFC 8839 §4.4.1](https://www.rfc-editor.org/rfc/rfc8839#section-4.4.1)).
pub struct WebRtcHandler {
    ports: PortRange,
    /// What the stream of each connection is like.
    stream: Stream,
    connection: Option<PeerConnection>,
    loss: MediaLossSender,
    longest_ringing: Duration,
    offer_answer: OfferAnswer<RemoteStream, Pending>,
    /// The name of the audio; none where there never was any.
    mid: Option<Mid>,
    /// Of the certificates of the last stream.
    fingerprints: Vec<String>,
    /// Whether the audio has keys.
    has_keys: bool,
}

/// An offer of ours.
type Pending = Box<(Mid, SdpPendingOffer)>;

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
        Self {
            ports: ports.clone(),
            stream,
            connection: None,
            loss: MediaLossSender::new(),
            longest_ringing: LONGEST_RINGING,
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            mid: None,
            fingerprints: Vec::new(),
            has_keys: false,
        }
    }

    /// Waits for the peer to connect 20 seconds longer than `longest_ringing`: so long a call may ring, 3 minutes by
    /// default, as in the core. A browser that leaves aside what comes before the 2xx has our answer only then
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    #[must_use]
    pub fn ringing_for(mut self, longest_ringing: Duration) -> Self {
        self.longest_ringing = longest_ringing;
        self
    }

    fn connection(&mut self) -> Result<&PeerConnection, DescriptionError> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let (local, stream) = (self.offer_answer.local(), self.stream.anew());
            let (loss, longest_ringing) = (self.loss.clone(), self.longest_ringing);
            PeerConnection::open(local, &self.ports, stream, loss, longest_ringing)
                .map_err(DescriptionError::NoPort)?
        };
        Ok(self.connection.insert(connection))
    }

    /// Whether a stream that is offered has other certificates than the last one.
    fn begins_anew(&self, stream: &RemoteStream) -> bool {
        self.mid.is_some() && self.fingerprints != stream.fingerprints
    }
}

impl Negotiator for WebRtcHandler {
    type Stream = RemoteStream;
    type Pending = Pending;
    /// Where the browser is, ICE finds out.
    const FOLLOWS_REFRESH: bool = false;

    fn offer_answer(&mut self) -> &mut OfferAnswer<RemoteStream, Pending> {
        &mut self.offer_answer
    }

    fn is_enabled(media: &Media<'_>) -> bool {
        is_enabled(media)
    }

    fn read<'a>(
        &self,
        description: &Description<'a>,
        media: &Media<'a>,
        ours: Option<&Media<'_>>,
    ) -> Result<RemoteStream, Incompatibility> {
        let known = self.mid.map(|mid| mid.to_string());
        let known = ours.map_or(known.as_deref(), Media::mid);
        let stream = RemoteStream::read(description, media, known.unwrap_or("0"))?;
        if ours.is_some() && known != Some(&stream.mid) {
            return Err(Incompatibility::AnswerMismatch);
        }
        let is_other = known.is_some_and(|known| known != stream.mid);
        if is_other && !self.begins_anew(&stream) {
            // The association has one stream, and str0m would restart ICE before it finds that this is not it.
            return Err(Incompatibility::MediaSecurity);
        }
        if SdpOffer::from_sdp_string(&stream.text).is_err() {
            return Err(Incompatibility::MediaSecurity);
        }
        Ok(stream)
    }

    fn direction(stream: &RemoteStream) -> Direction {
        stream.direction
    }

    fn offer(&mut self, line: OurLine<'_>) -> Result<Pending, DescriptionError> {
        let known = self.mid;
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
        let port = connection.port();
        let ((offer, pending), mid) = offered
            .map_err(|error| unfit(&error))?
            .ok_or(Incompatibility::MediaSecurity)?;
        let written = offer.to_sdp_string();
        local_description::write(&written, port, line, None)?;
        Ok(Box::new((mid, pending)))
    }

    fn answer(&mut self, line: OurLine<'_>, stream: &RemoteStream) -> Result<(), DescriptionError> {
        let begins_anew = self.begins_anew(stream);
        let connection = self.connection()?;
        let take = |api: SdpApi<'_>| api.accept_offer(SdpOffer::from_sdp_string(&stream.text)?);
        let answer = if begins_anew {
            connection.negotiate_anew(take)
        } else {
            connection.negotiate(take)
        };
        let port = connection.port();
        let written = answer.map_err(|error| unfit(&error))?.to_sdp_string();
        Ok(local_description::write(
            &written,
            port,
            line,
            Some(stream),
        )?)
    }

    fn accept(&mut self, pending: Pending, stream: &RemoteStream) -> Result<(), DescriptionError> {
        let (_, pending) = *pending;
        let answer =
            |api: SdpApi<'_>| api.accept_answer(pending, SdpAnswer::from_sdp_string(&stream.text)?);
        let connection = self.connection()?;
        let taken = connection.negotiate(answer);
        connection.arrived();
        Ok(taken.map_err(|error| unfit(&error))?)
    }

    fn agree(&mut self, ours: &str, stream: Option<(RemoteStream, Direction)>) {
        let (mut flowing, mut formats) = (Direction::Inactive, Formats::default());
        if let Some((stream, direction)) = stream {
            flowing = direction;
            formats = agreed_formats(ours, stream.formats);
            self.mid = Some(Mid::from(stream.mid.as_str()));
            self.fingerprints = stream.fingerprints;
        }
        self.has_keys = formats.has_keys();
        if let (Some(connection), Some(mid)) = (&self.connection, self.mid) {
            connection.follow(mid, flowing, formats);
        }
    }

    fn has_keys(&self) -> bool {
        self.has_keys
    }

    fn media_losses(&self) -> MediaLosses {
        self.loss.losses()
    }

    fn stop(&mut self) {
        self.connection = None;
    }
}

/// Those of the peer's formats that our description has too, in the peer's order.
fn agreed_formats(ours: &str, theirs: Formats) -> Formats {
    let ours = Description::read(ours).map_or_else(|_| Vec::new(), |ours| ours.medias);
    match ours.iter().find(|media| media.port != 0) {
        Some(media) => theirs.within(&Formats::common(media)),
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
            .field("local", &self.offer_answer.local())
            .field("port", &port)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

const LONGEST_RINGING: Duration = Duration::from_mins(3);
