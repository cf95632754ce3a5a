//! Descriptions without media.

use std::net::IpAddr;

use offhook_message::Body;

use crate::{
    DescriptionError, Direction, Hold, SessionDescriptionHandler, offer_answer::OfferAnswer,
};

/// Answers as [`AudioHandler`](crate::AudioHandler) does, but every stream is inactive and no port is opened: for tests and
/// load of the signalling alone. Clones serve the dialogs of a forked call.
#[derive(Clone, Debug)]
pub struct BareHandler(OfferAnswer);

impl BareHandler {
    /// A handler whose descriptions name `local`, the address of ours that faces the peer.
    pub fn new(local: IpAddr) -> Self {
        Self(OfferAnswer::new(local, Direction::Inactive))
    }
}

impl SessionDescriptionHandler for BareHandler {
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let content = self.0.description(|| Ok(DISCARD_PORT))?;
        Ok(Body::sdp(content.as_bytes().to_vec()))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.0.set_description(content)
    }

    fn set_answer(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.0.set_answer(content)
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        self.0.set_hold(hold)
    }

    fn takes_keys(&self) -> bool {
        false
    }

    fn rollback_description(&mut self) {
        self.0.rollback();
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// The m= line needs a port other than zero, which would refuse the stream. Nobody sends to an inactive one.
const DISCARD_PORT: u16 = 9;
