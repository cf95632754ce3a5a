//! The trait between a session and its media.

use offhook_message::{Body, MediaType, Response};

use crate::{DescriptionError, MediaLosses};

/// One session's descriptions and media, as in SIP.js (RFC 3264 offer/answer).
///
/// An offer taken by [`set_description`](Self::set_description) is answered by the next
/// [`description`](Self::description); without one pending, `description` makes an offer and the next `set_description`
/// is its answer. Media follows as soon as a pair is complete. All methods return at once.
///
/// Hold and resume are offers of ours as any other, and each is one line. An offer that was not sent, has no outcome, or
/// meets one of the peer's is taken back:
///
/// ```text
/// if session.invite(&handler.hold()?).is_err() {
///     handler.rollback_description();
/// }
/// …
/// SessionEvent::Answered(response) => handler.answered(&response)?,
/// SessionEvent::Refreshed(response) => handler.refreshed(&response)?,
/// SessionEvent::Unanswered(_) => handler.rollback_description(),
/// SessionEvent::Offer(offer) => {
///     handler.rollback_description();
///     …
/// }
/// ```
pub trait SessionDescriptionHandler {
    /// Our answer if the peer's offer is pending, else our offer.
    ///
    /// The same offer is returned until it is answered or rolled back. An answer is given once: a caller that sends it in
    /// several responses keeps the body, and one whose response was refused cannot take it back.
    fn description(&mut self) -> Result<Body, DescriptionError>;

    /// Takes the peer's offer, or its answer to the offer that [`description`](Self::description) gave: while ours is open
    /// all is taken for its answer, so [roll back](Self::rollback_description) before an offer of the peer's.
    ///
    /// On an error nothing has changed, and our own offer, if there was one, still waits for its answer. Only an answer that
    /// could be read, and that the connection then refuses, takes our offer back, as a
    /// [rollback](Self::rollback_description) does.
    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError>;

    /// Takes the peer's answer: to our offer, or where none is open to our last description.
    ///
    /// Errors are as for [`set_description`](Self::set_description).
    fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError>;

    /// Whether the next description of ours holds the peer. It takes effect with the pair that the description completes;
    /// a rollback takes it back.
    ///
    /// # Errors
    ///
    /// [`DescriptionError::OfferPending`] while an offer is open.
    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError>;

    /// Our offer that puts the peer on hold (RFC 3264 section 8.4): while it is in force we neither send nor hear. For
    /// [`Session::invite`](https://docs.rs/offhook/latest/offhook/struct.Session.html#method.invite).
    ///
    /// # Errors
    ///
    /// [`DescriptionError::OfferPending`] while an offer is open.
    fn hold(&mut self) -> Result<Body, DescriptionError> {
        self.set_hold(Hold::On)?;
        self.description()
    }

    /// Our offer that ends a [`hold`](Self::hold) of ours.
    ///
    /// # Errors
    ///
    /// As for [`hold`](Self::hold).
    fn resume(&mut self) -> Result<Body, DescriptionError> {
        self.set_hold(Hold::Off)?;
        self.description()
    }

    /// Takes the final response to a request of ours inside the session. That to a re-INVITE or UPDATE answers our offer,
    /// or refuses it: then the last complete pair stands (RFC 3261 section 14.1). Every other one is left aside, and so is
    /// each while an offer of the peer's is open.
    ///
    /// # Errors
    ///
    /// The answer is of no use. Our offer is taken back, and there is no agreement with the peer: hang up.
    fn answered(&mut self, response: &Response) -> Result<(), DescriptionError>;

    /// Takes the 2xx to a refresh of the session, which answers our last description once more (RFC 4028 section 7.4). It
    /// is left aside while an offer is open: that has an answer of its own.
    ///
    /// # Errors
    ///
    /// The answer is of no use, and there is no agreement with the peer: hang up.
    fn refreshed(&mut self, response: &Response) -> Result<(), DescriptionError>;

    /// Whether a body of this type is a session description that
    /// [`set_description`](Self::set_description) reads. Where it is not, the answer is 415.
    fn has_description(&self, content_type: &MediaType<'_>) -> bool {
        content_type.is("application", "sdp")
    }

    /// Forgets an offer that was not answered, ours or the peer's: the last complete pair stands. Does nothing where no
    /// offer is open.
    fn rollback_description(&mut self);

    /// The peer has our description: its ACK or PRACK is here. Media that are wary of whom they send to wait for that.
    fn confirmed(&mut self) {}

    /// Sends nothing and hears nobody until the next pair is complete, or a rollback goes back to the last: the peer that
    /// was heard before the answer is gone, and our offer, which names the port, waits for another one.
    ///
    /// Media that serve no more than one answer do nothing.
    fn leave_peer(&mut self);

    /// A handler for one dialog of an INVITE with our offer, which may be answered in several
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)): what is agreed in it binds no other.
    /// Whether they share their media, the kind of handler says.
    ///
    /// # Errors
    ///
    /// [`DescriptionError::NoOffer`] where no offer of ours is open, and where this kind of media has one peer.
    fn fork(&self) -> Result<Box<dyn SessionDescriptionHandler + Send>, DescriptionError> {
        Err(DescriptionError::NoOffer)
    }

    /// Whether keys that we press go to the peer in the audio (RFC 4733), by what was agreed last. Where they do not, INFO
    /// is left.
    fn takes_keys(&self) -> bool;

    /// Where to learn that there is no audio any more, though the session stands.
    fn losses(&self) -> MediaLosses {
        MediaLosses::never()
    }

    /// Stops the media and releases its sockets. Later descriptions fail with [`DescriptionError::Closed`].
    fn close(&mut self);
}

/// Whether we hold the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// We do not.
    #[default]
    Off,
    /// We do: nothing is sent, and nobody is heard.
    On,
}
