//! The offer/answer model of RFC 3264 for one session with at most one audio stream.

use std::{fmt, mem, net::IpAddr, sync::Arc};

use offhook_message::{Body, Method, Response};

use crate::{
    DescriptionError, Direction, Hold, Incompatibility, MediaLosses, SessionDescriptionHandler,
    session_description::{ALWAYS, Description, Lines, Media, text},
    side::Side,
};

/// One kind of media, of which [`OfferAnswer`] makes a [`SessionDescriptionHandler`]: the rules of RFC 3264 are there, and
/// here is what the audio line says and does. Who has a handler calls nothing of this.
pub trait Negotiator: Sized + Send + 'static {
    /// The peer's stream, as far as we can use it.
    type Stream;
    /// What is needed to take the answer to an offer of ours.
    type Pending;

    /// Whether the answer to a description that a refresh repeats counts, for the peer may have moved (RFC 4028 section 7.4).
    const FOLLOWS_REFRESH: bool;

    /// Where the offers and answers stand.
    fn offer_answer(&mut self) -> &mut OfferAnswer<Self::Stream, Self::Pending>;

    /// Whether the line of an offer has a stream.
    fn is_enabled(media: &Media<'_>) -> bool {
        media.port != 0
    }

    /// Reads a stream of the peer's. In an answer, `ours` is the line that it answers.
    fn read<'a>(
        &self,
        description: &Description<'a>,
        media: &Media<'a>,
        ours: Option<&Media<'_>>,
    ) -> Result<Self::Stream, Incompatibility>;

    /// The direction of a stream, as the peer says it.
    fn direction(stream: &Self::Stream) -> Direction;

    /// Writes our offer.
    ///
    /// # Errors
    ///
    /// Nothing has changed.
    fn offer(&mut self, line: OurLine<'_>) -> Result<Self::Pending, DescriptionError>;

    /// Writes our answer, which accepts this stream.
    ///
    /// # Errors
    ///
    /// Nothing has changed.
    fn answer(&mut self, line: OurLine<'_>, stream: &Self::Stream) -> Result<(), DescriptionError>;

    /// Takes the stream that answers our offer, before it is [agreed on](Self::agree).
    ///
    /// # Errors
    ///
    /// It is of no use though it could be read. Our offer is taken back.
    fn accept(
        &mut self,
        _pending: Self::Pending,
        _stream: &Self::Stream,
    ) -> Result<(), DescriptionError> {
        Ok(())
    }

    /// Does what a complete pair says, of which `ours` is our half. The direction is what flows, as we see it. Without a
    /// stream there is no audio.
    fn agree(&mut self, ours: &str, stream: Option<(Self::Stream, Direction)>);

    /// Does what the last complete pair says: a later offer was forgotten.
    fn follow(&mut self) {}

    /// See [`SessionDescriptionHandler::confirmed`].
    fn confirm(&mut self) {}

    /// See [`SessionDescriptionHandler::leave_peer`].
    fn leave(&mut self) {}

    /// See [`SessionDescriptionHandler::fork`]. Begins with [`OfferAnswer::fork`].
    fn forked(&self) -> Result<Self, DescriptionError> {
        Err(DescriptionError::NoOffer)
    }

    /// See [`SessionDescriptionHandler::takes_keys`].
    fn has_keys(&self) -> bool;

    /// See [`SessionDescriptionHandler::losses`].
    fn media_losses(&self) -> MediaLosses {
        MediaLosses::never()
    }

    /// Stops the media.
    fn stop(&mut self);
}

/// Where the audio line of a description of ours stands, and what is known of it.
pub struct OurLine<'a> {
    /// The description so far.
    pub lines: &'a mut Lines,
    /// The offer that is answered, or our half of the last pair.
    pub before: Option<&'a Description<'a>>,
    /// Where the line stands in that.
    pub place: usize,
    /// As we say it.
    pub direction: Direction,
}

impl OurLine<'_> {
    /// Writes the line in its place. The others are refused or disabled. `write` gets the line that was there.
    pub fn write(self, write: impl FnOnce(&mut Lines, Option<&Media<'_>>, Direction)) {
        let others = self.before.map_or(&[][..], |before| &before.medias);
        let (before, rest) = others.split_at_checked(self.place).unwrap_or((others, &[]));
        for other in before {
            self.lines.refused(other);
        }
        write(self.lines, rest.first(), self.direction);
        for other in rest.iter().skip(1) {
            self.lines.refused(other);
        }
    }
}

/// Where the offers and answers of a session stand
/// ([RFC 8829 §3.2](https://www.rfc-editor.org/rfc/rfc8829#section-3.2)), and what was last said.
///
/// ```text
///                 set_description(offer)
///          ┌───────────────────────────────► HaveRemoteOffer
///          │ ◄───────────────────────────────┘ description() or rollback_description()
///        Stable
///          │ ◄───────────────────────────────┐ set_answer(answer) or rollback_description()
///          └───────────────────────────────► HaveLocalOffer
///                 description()
/// ```
pub struct OfferAnswer<S, P> {
    side: Side,
    state: State<S, P>,
    /// Our half of the last complete pair.
    agreed: Option<Arc<str>>,
}

enum State<S, P> {
    Stable,
    HaveLocalOffer(Arc<str>, P),
    HaveRemoteOffer(Box<RemoteOffer<S>>),
    Closed,
}

/// An offer of the peer that can be answered.
struct RemoteOffer<S> {
    text: Box<str>,
    /// The place of the stream that we accept, and the stream; none where every audio stream is disabled.
    stream: Option<(usize, S)>,
}

impl<S, P> OfferAnswer<S, P> {
    /// Nothing is said yet. `most` is the most that our side does with a stream: `SendRecv` or `Inactive`.
    pub fn new(local: IpAddr, most: Direction) -> Self {
        Self {
            side: Side::new(local.to_canonical(), most),
            state: State::Stable,
            agreed: None,
        }
    }

    /// The address of ours that descriptions name.
    pub fn local(&self) -> IpAddr {
        self.side.local()
    }

    /// Where another dialog stands that our open offer makes.
    ///
    /// # Errors
    ///
    /// [`DescriptionError::NoOffer`] while none is open.
    pub fn fork(&self) -> Result<Self, DescriptionError>
    where
        P: Clone,
    {
        let (offer, pending) = match &self.state {
            State::HaveLocalOffer(offer, pending) => (Arc::clone(offer), pending.clone()),
            State::Closed => return Err(DescriptionError::Closed),
            State::Stable | State::HaveRemoteOffer(_) => return Err(DescriptionError::NoOffer),
        };
        Ok(Self {
            side: self.side.clone(),
            state: State::HaveLocalOffer(offer, pending),
            agreed: self.agreed.clone(),
        })
    }

    fn error(&self) -> DescriptionError {
        match self.state {
            State::Closed => DescriptionError::Closed,
            _ => DescriptionError::OfferPending,
        }
    }
}

/// Shows no description: it may hold keys.
impl<S, P> fmt::Debug for OfferAnswer<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferAnswer")
            .field("local", &self.side.local())
            .finish_non_exhaustive()
    }
}

impl<N: Negotiator> SessionDescriptionHandler for N {
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let text = match mem::replace(&mut self.offer_answer().state, State::Stable) {
            State::Stable => offer(self)?,
            State::HaveLocalOffer(offer, pending) => {
                let text = Arc::clone(&offer);
                self.offer_answer().state = State::HaveLocalOffer(offer, pending);
                text
            }
            State::HaveRemoteOffer(offer) => match answer(self, &offer) {
                Ok(text) => {
                    complete(self, &text, offer.stream.map(|(_, stream)| stream));
                    text
                }
                Err(error) => {
                    self.offer_answer().state = State::HaveRemoteOffer(offer);
                    return Err(error);
                }
            },
            State::Closed => {
                self.offer_answer().state = State::Closed;
                return Err(DescriptionError::Closed);
            }
        };
        Ok(Body::sdp(text.as_bytes().to_vec()))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        match self.offer_answer().state {
            State::Stable => {
                let offer = read_offer(self, content)?;
                self.offer_answer().state = State::HaveRemoteOffer(Box::new(offer));
                Ok(())
            }
            _ => self.set_answer(content),
        }
    }

    fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        let offer_answer = self.offer_answer();
        let ours = match &offer_answer.state {
            State::HaveLocalOffer(offer, _) => Some(offer),
            State::Stable => offer_answer.agreed.as_ref().filter(|_| N::FOLLOWS_REFRESH),
            State::HaveRemoteOffer(_) | State::Closed => return Err(offer_answer.error()),
        };
        let Some(ours) = ours.cloned() else {
            return Ok(());
        };
        let theirs = text(content)?;
        let (offer, answer) = (Description::read(&ours)?, Description::read(&theirs)?);
        let stream = read_answer(self, &offer, &answer)?;
        let state = mem::replace(&mut self.offer_answer().state, State::Stable);
        if let (State::HaveLocalOffer(_, pending), Some(stream)) = (state, &stream) {
            self.accept(pending, stream)
                .inspect_err(|_| self.rollback_description())?;
        }
        complete(self, &ours, stream);
        Ok(())
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        let offer_answer = self.offer_answer();
        if !matches!(offer_answer.state, State::Stable) {
            return Err(offer_answer.error());
        }
        offer_answer.side.want(hold);
        Ok(())
    }

    fn answered(&mut self, response: &Response) -> Result<(), DescriptionError> {
        let cseq = response.headers().cseq();
        let is_change =
            cseq.is_ok_and(|cseq| matches!(cseq.method, Method::Invite | Method::Update));
        if !is_change || !matches!(self.offer_answer().state, State::HaveLocalOffer(..)) {
            return Ok(());
        }
        let answer = response.session_description();
        let taken = match answer.filter(|_| response.status().is_success()) {
            Some(answer) => self.set_answer(answer),
            None => Ok(()),
        };
        if matches!(self.offer_answer().state, State::HaveLocalOffer(..)) {
            self.rollback_description();
        }
        taken
    }

    fn refreshed(&mut self, response: &Response) -> Result<(), DescriptionError> {
        let is_stable = matches!(self.offer_answer().state, State::Stable);
        match response.session_description().filter(|_| is_stable) {
            Some(answer) => self.set_answer(answer),
            None => Ok(()),
        }
    }

    fn rollback_description(&mut self) {
        let offer_answer = self.offer_answer();
        if !matches!(offer_answer.state, State::Closed) {
            offer_answer.state = State::Stable;
            offer_answer.side.roll_back();
            self.follow();
        }
    }

    fn confirmed(&mut self) {
        self.confirm();
    }

    fn leave_peer(&mut self) {
        self.leave();
    }

    fn fork(&self) -> Result<Box<dyn SessionDescriptionHandler + Send>, DescriptionError> {
        Ok(Box::new(self.forked()?))
    }

    fn takes_keys(&self) -> bool {
        self.has_keys()
    }

    fn losses(&self) -> MediaLosses {
        self.media_losses()
    }

    fn close(&mut self) {
        self.offer_answer().state = State::Closed;
        self.stop();
    }
}

/// The offer of RFC 3264 section 5, or of section 8 where a pair is agreed: then it has the lines of that.
fn offer<N: Negotiator>(negotiator: &mut N) -> Result<Arc<str>, DescriptionError> {
    let OfferAnswer { side, agreed, .. } = negotiator.offer_answer();
    let (mut lines, direction) = (side.lines(ALWAYS), side.offered());
    let agreed = agreed.clone();
    let agreed = agreed.as_deref().map(Description::read).transpose()?;
    let medias = agreed.as_ref().map_or(&[][..], |agreed| &agreed.medias);
    // A disabled line is used again (RFC 3264 section 8.1).
    let enabled = medias.iter().position(|media| media.port != 0);
    let place = enabled.or_else(|| medias.iter().position(Media::is_audio));
    let pending = negotiator.offer(OurLine {
        lines: &mut lines,
        before: agreed.as_ref(),
        place: place.unwrap_or(medias.len()),
        direction,
    })?;
    let offer_answer = negotiator.offer_answer();
    let offer = offer_answer.side.give(&lines);
    offer_answer.state = State::HaveLocalOffer(Arc::clone(&offer), pending);
    Ok(offer)
}

/// The answer of RFC 3264 section 6: the offer's m= lines, one of them accepted.
fn answer<N: Negotiator>(
    negotiator: &mut N,
    offer: &RemoteOffer<N::Stream>,
) -> Result<Arc<str>, DescriptionError> {
    let offered = Description::read(&offer.text)?;
    let side = &negotiator.offer_answer().side;
    let mut lines = side.lines(offered.time());
    if let Some((place, stream)) = &offer.stream {
        let line = OurLine {
            direction: side.agreed(N::direction(stream)),
            lines: &mut lines,
            before: Some(&offered),
            place: *place,
        };
        negotiator.answer(line, stream)?;
    } else {
        for media in &offered.medias {
            lines.refused(media);
        }
    }
    Ok(negotiator.offer_answer().side.give(&lines))
}

/// Chooses the first audio stream that fits. Where only other streams are enabled, to answer would refuse all of them
/// (RFC 3264 section 6).
fn read_offer<N: Negotiator>(
    negotiator: &mut N,
    content: &[u8],
) -> Result<RemoteOffer<N::Stream>, DescriptionError> {
    let agreed = negotiator.offer_answer().agreed.as_ref();
    let has_streams = agreed.is_some_and(|agreed| agreed.contains("\nm="));
    let text = text(content)?;
    let offer = Description::read(&text)?;
    let (mut unfit, mut stream) = (None, None);
    for (place, media) in offer.medias.iter().enumerate() {
        if !media.is_audio() || !N::is_enabled(media) {
            continue;
        }
        match negotiator.read(&offer, media, None) {
            Ok(fit) => {
                stream = Some((place, fit));
                break;
            }
            Err(reason) => unfit = unfit.max(Some(reason)),
        }
    }
    let is_silent = || {
        let mut medias = offer.medias.iter();
        let is_disabled = medias.any(Media::is_audio) && !offer.medias.iter().any(N::is_enabled);
        // Section 5: who offers no stream at all may add one later. Section 8: no line vanishes again.
        is_disabled || (offer.medias.is_empty() && !has_streams)
    };
    if stream.is_none() && !is_silent() {
        return Err(unfit.unwrap_or(Incompatibility::MediaType).into());
    }
    let text = text.into();
    Ok(RemoteOffer { text, stream })
}

/// Reads the answer to our offer (RFC 3264 section 7). It may refuse the audio stream.
fn read_answer<N: Negotiator>(
    negotiator: &N,
    offer: &Description<'_>,
    answer: &Description<'_>,
) -> Result<Option<N::Stream>, DescriptionError> {
    let pairs = || offer.medias.iter().zip(&answer.medias);
    let is_same =
        |(ours, theirs): (&Media<'_>, &Media<'_>)| ours.kind.eq_ignore_ascii_case(theirs.kind);
    if offer.medias.len() != answer.medias.len() || !pairs().all(is_same) {
        return Err(Incompatibility::AnswerMismatch.into());
    }
    let accepted = pairs().find(|(ours, theirs)| ours.port != 0 && theirs.port != 0);
    let stream = accepted.map(|(ours, theirs)| negotiator.read(answer, theirs, Some(ours)));
    Ok(stream.transpose()?)
}

fn complete<N: Negotiator>(negotiator: &mut N, ours: &Arc<str>, stream: Option<N::Stream>) {
    let OfferAnswer { side, agreed, .. } = negotiator.offer_answer();
    *agreed = Some(Arc::clone(ours));
    let direction = stream.as_ref().map(|it| side.agreed(N::direction(it)));
    side.complete(direction);
    let flowing = direction.map(|direction| side.flowing(direction));
    negotiator.agree(ours, stream.zip(flowing));
}
