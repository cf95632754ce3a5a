//! SRTP (RFC 3711) with keys from the session description (RFC 4568).
//!
//! Who can read the signalling can decrypt the audio: it belongs on TLS.

mod context;
mod crypto;

pub(crate) use self::{
    context::Srtp,
    crypto::{Crypto, Keys, MasterKey},
};
