//! Why a description was refused, and how to tell the peer.

use std::{fmt, io};

use offhook_message::StatusCode;

/// Why a [`SessionDescriptionHandler`](crate::SessionDescriptionHandler) took or gave no description.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// The content is not SDP (RFC 8866).
    #[error("malformed session description: line {line} {fault}")]
    Malformed {
        /// The first that is wrong, from 1.
        line: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The content is larger than is read.
    #[error("the session description has {octets} octets, at most {limit} are read")]
    TooLarge {
        /// How long the content is.
        octets: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The description is understood, but there is no session to be had from it.
    #[error("session description not acceptable: {0}")]
    NotAcceptable(#[from] Incompatibility),
    /// An offer came, or was asked for, while an earlier one had no answer yet (RFC 3261 section 14.2).
    #[error("an earlier offer still waits for its answer")]
    OfferPending,
    /// No offer of ours is open that another dialog could answer.
    #[error("no offer of ours is open that another dialog could answer")]
    NoOffer,
    /// The handler was closed.
    #[error("the session's media is closed")]
    Closed,
    /// No RTP port could be opened.
    #[error("no RTP port: {0}")]
    NoPort(#[source] io::Error),
}

impl DescriptionError {
    /// The final response that tells it to the peer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE_HERE,
            Self::OfferPending | Self::NoOffer | Self::Closed => StatusCode::SERVER_INTERNAL_ERROR,
            Self::NoPort(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The Warning that goes with the response; none where the fault is ours.
    pub fn warning(&self) -> Option<Warning> {
        let (code, text) = match self {
            Self::Malformed { .. } | Self::TooLarge { .. } => (MISCELLANEOUS, self.to_string()),
            Self::NotAcceptable(reason) => (reason.warning_code(), reason.to_string()),
            Self::OfferPending | Self::NoOffer | Self::Closed | Self::NoPort(_) => return None,
        };
        Some(Warning { code, text })
    }
}

/// What keeps an understood description from becoming a session.
///
/// Ordered by how far a stream came: of several streams that do not fit, the last reason in this order is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatibility {
    /// There are more m= lines than are handled.
    #[error("Too many media streams")]
    TooManyStreams,
    /// An answer whose m= lines are not those of our offer (RFC 3264 section 6).
    #[error("The answer's media lines are not those of the offer")]
    AnswerMismatch,
    /// There is no audio stream.
    #[error("Media type not available: audio is needed")]
    MediaType,
    /// No audio stream uses plain RTP.
    #[error("Incompatible transport protocol: RTP/AVP or RTP/AVPF is needed")]
    TransportProtocol,
    /// No audio stream over RTP/SAVP or RTP/SAVPF has a key that we can use (RFC 4568).
    #[error("SRTP needs a=crypto with AES_CM_128_HMAC_SHA1_80 or AES_CM_128_HMAC_SHA1_32")]
    MediaKey,
    /// The connection address is of another network or address family than ours.
    #[error("Incompatible network address format")]
    AddressFormat,
    /// The connection address is a multicast group.
    #[error("Multicast not available")]
    Multicast,
    /// No audio stream has an encoding of ours.
    #[error("Incompatible media format: {FORMATS} is needed")]
    MediaFormat,
    /// The audio stream of a browser lacks what keys and connects it, or its connection cannot change so.
    #[error("WebRTC needs ICE, a SHA-256 fingerprint and a=rtcp-mux")]
    MediaSecurity,
}

impl Incompatibility {
    /// The warn-code of RFC 3261 section 20.43.
    pub const fn warning_code(self) -> u16 {
        match self {
            Self::AddressFormat => 301,
            Self::TransportProtocol => 302,
            Self::MediaType => 304,
            Self::MediaFormat => 305,
            Self::Multicast => 330,
            Self::TooManyStreams | Self::AnswerMismatch | Self::MediaKey | Self::MediaSecurity => {
                MISCELLANEOUS
            }
        }
    }
}

/// A warning for the peer's user (RFC 3261 section 20.43).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The warn-code, 300 to 399.
    pub code: u16,
    /// The warn-text: printable ASCII without quotes and backslashes.
    pub text: String,
}

impl Warning {
    /// The header's value. `agent` is a host, host and port, or pseudonym that names us.
    pub fn header_value(&self, agent: impl fmt::Display) -> String {
        format!("{} {agent} \"{}\"", self.code, self.text)
    }
}

const MISCELLANEOUS: u16 = 399;
const FORMATS: &str = if cfg!(feature = "opus") {
    "PCMU, PCMA, G722 or opus"
} else {
    "PCMU, PCMA or G722"
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;

    #[test]
    fn a_warning_is_one_quoted_line() {
        let error = DescriptionError::from(Incompatibility::MediaFormat);
        let warning = error.warning().unwrap().header_value("192.0.2.9:5060");
        let text = warning.strip_prefix("305 192.0.2.9:5060 \"Incompatible media format: ");
        let formats = text.and_then(|text| text.strip_suffix(" is needed\""));
        let formats: Vec<_> = formats.unwrap().split([',', ' ']).collect();
        for encoding in Encoding::ALL {
            assert!(formats.contains(&encoding.name()), "{encoding:?}");
        }
    }
}
