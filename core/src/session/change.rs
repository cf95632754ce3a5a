//! A change of the session that we asked for.

use offhook_message::{Body, Method};

use crate::slot::Slot;

/// A re-INVITE or UPDATE of ours, from the verb to its final response.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) method: Method,
    /// The number of the request that is out, or was out last.
    pub(crate) cseq: u32,
    /// Our offer.
    pub(crate) offer: Option<Body>,
    /// How often it met a request of the peer's (491).
    pub(crate) collisions: u32,
}

/// The ACK of the last re-INVITE of ours, which answers repetitions of its 2xx.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) cseq: u32,
    pub(crate) transaction: Slot,
}

/// Whose Call-ID a dialog has, which decides who waits longer after a collision
/// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// We called.
    Caller,
    /// We were called.
    Callee,
}
