//! The media of calls with browsers: ICE, DTLS-SRTP and BUNDLE, as WebRTC wants them ([RFC 8825]).
//!
//! - [`WebRtcHandler`] is a [`SessionDescriptionHandler`](offhook_media::SessionDescriptionHandler) over str0m.
//! - [`Profile`] tells from an offer whether it asks for that or for plain RTP.
//!
//! We are an ICE-lite agent ([RFC 8445]): one UDP port a session and one host candidate, no STUN or TURN server. There is
//! audio alone; video and data channels are refused.
//!
//! [RFC 8825]: https://www.rfc-editor.org/rfc/rfc8825
//! [RFC 8445]: https://www.rfc-editor.org/rfc/rfc8445

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod clock;
mod local_description;
mod peer_connection;
mod profile;
mod remote_stream;
mod stream;
mod web_rtc_handler;

pub use profile::Profile;
pub use web_rtc_handler::WebRtcHandler;
