//! Session descriptions and media for SIP calls, behind one trait: [`SessionDescriptionHandler`].
//!
//! The trait takes the peer's offers and answers and gives ours, as [RFC 3264] orders it. Two implementations are here:
//!
//! - [`AudioHandler`] lets an [`AudioEnd`] hear and speak: it plays, records, takes and presses keys, or is one leg of a
//!   bridge. [`AudioHandler::echo`] sends every RTP packet back to where it came from.
//! - [`BareHandler`] answers the same offers with inactive streams and opens no port.
//!
//! Both keep to the rules of [`OfferAnswer`], and fill in what a [`Negotiator`] says and does, as other kinds of media can.
//!
//! What is heard and spoken is an [`Audio`], in [`Frame`]s of linear audio that an [`Encoding`]'s [`Codec`] makes of
//! payloads and payloads of it. A [`Transceiver`] does that for a stream of packets, whatever protects and carries them.
//!
//! This crate knows nothing of SIP dialogs: who may offer when is decided by the caller. It speaks no ICE, and
//! SRTP with keys from the description alone, as the feature `sdes`.
//!
//! ```
//! use offhook_media::{BareHandler, SessionDescriptionHandler};
//!
//! let offer = b"v=0\r\n\
//!     o=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\n\
//!     s=-\r\n\
//!     c=IN IP4 192.0.2.1\r\n\
//!     t=0 0\r\n\
//!     m=audio 49170 RTP/AVP 18 8 0\r\n";
//!
//! let mut handler = BareHandler::new("192.0.2.9".parse()?);
//! handler.set_description(offer)?;
//! let answer = handler.description()?;
//!
//! let text = str::from_utf8(answer.content())?;
//! assert!(text.contains("m=audio 9 RTP/AVP 8 0\r\n"));
//! assert!(text.contains("a=inactive\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [RFC 3264]: https://www.rfc-editor.org/rfc/rfc3264

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod audio;
mod audio_handler;
mod audio_lines;
mod bare_handler;
mod codec;
mod connection;
mod counters;
mod description_error;
mod direction;
mod formats;
mod gate;
mod media_loss;
mod offer_answer;
mod port_range;
mod random;
mod remote_audio;
mod rtp;
mod rtp_port;
pub mod session_description;
mod session_description_handler;
mod side;
#[cfg_attr(not(feature = "sdes"), path = "srtp/none.rs")]
mod srtp;

pub use audio::{
    Audio, AudioEnd, FRAME_SAMPLES, FRAME_TIME, Frame, InvalidKey, Key, KeyTones, Leg, Player,
    Recording, SAMPLE_RATE, Sound,
};
pub use audio_handler::AudioHandler;
pub use audio_lines::Protection;
pub use bare_handler::BareHandler;
pub use codec::{Codec, Encoding};
pub use counters::RtpCounters;
pub use description_error::{DescriptionError, Incompatibility, Warning};
pub use direction::Direction;
pub use formats::{Formats, Kind};
pub use media_loss::{MediaLoss, MediaLossSender, MediaLosses};
pub use offer_answer::{Negotiator, OfferAnswer, OurLine};
pub use port_range::{InvalidPortRange, PortRange};
pub use rtp::{RtpHeader, Transceiver};
pub use session_description_handler::{Hold, SessionDescriptionHandler};
