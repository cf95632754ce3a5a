//! The trait between a session and its media.

use offhook_message::{Body, MediaType};

use crate::DescriptionError;

/// One session's descriptions and media, as in SIP.js (RFC 3264 offer/answer).
///
/// An offer taken by [`set_description`](Self::set_description) is answered by the next
/// [`description`](Self::description); without one pending, `description` makes an offer and the next `set_description`
/// is its answer. Media follows as soon as a pair is complete. All methods return at once.
pub trait SessionDescriptionHandler {
    /// Our answer if the peer's offer is pending, else our offer.
    ///
    /// The same offer is returned until it is answered or rolled back. An answer is given once: a caller that sends it in
    /// several responses keeps the body, and one whose response was refused cannot take it back.
    fn description(&mut self) -> Result<Body, DescriptionError>;

    /// Takes the peer's offer, or its answer to the offer that [`description`](Self::description) gave.
    ///
    /// On an error nothing has changed, and our own offer, if there was one, still waits for its answer.
    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError>;

    /// Whether a body of this type is a session description that
    /// [`set_description`](Self::set_description) reads. Where it is not, the answer is 415.
    fn has_description(&self, content_type: &MediaType<'_>) -> bool;

    /// Forgets an offer that was not answered, ours or the peer's: the last complete pair stands. Does nothing where no
    /// offer is open.
    fn rollback_description(&mut self);

    /// Stops the media and releases its sockets. Later descriptions fail with [`DescriptionError::Closed`].
    fn close(&mut self);
}
