//! SIP syntax: parse, print, frame, headers, URIs ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261)).
//!
//! It does not know time, state, transport or what a message means. A message keeps the octets from which it was read and
//! prints as the same octets; header values are read when they are asked for.
//!
//! ```
//! use offhook_message::{Message, parse};
//!
//! let text = "OPTIONS sip:carol@example.com SIP/2.0\r\n\
//!             v: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK77\r\n\
//!             CSeq: 63104 OPTIONS\r\n\r\n";
//! let Message::Request(request) = parse(text.into())? else { unreachable!() };
//! assert_eq!(request.headers().cseq()?.number, 63104);
//! assert_eq!(request.headers().via()?.branch(), Some(&b"z9hG4bK77"[..]));
//! assert_eq!(request.as_bytes(), text.as_bytes());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod body;
mod dtmf;
mod framer;
mod grammar;
mod headers;
mod host;
mod message;
mod method;
mod multipart;
mod parse;
mod print;
mod request;
mod response;
mod sipfrag;
mod status;
mod text;
mod uri;

pub use body::Body;
pub use dtmf::Dtmf;
pub use framer::{Frame, Framer, FramingError};
pub use headers::{
    CSeq, Contact, DisplayName, Disposition, EventPackage, HeaderError, HeaderErrorKind,
    HeaderField, HeaderName, Headers, MediaRange, MediaType, NameAddr, ParamIter, ParamValue,
    Params, RAck, Reason, ReferTo, Refresher, Replaces, RetryAfter, Rport, SessionExpires, SipDate,
    SubscriptionState, Timestamp, Via,
};
pub use host::{Host, InvalidHost};
pub use message::Message;
pub use method::Method;
pub use parse::{Defect, Malformed, Span, parse};
pub use print::{Header, InvalidHeader, MessageWriter, ValueWriter};
pub use request::Request;
pub use response::Response;
pub use status::{Provisional, Redirection, Rejection, StatusCode, Success};
pub use text::{InvalidText, Text};
pub use uri::{SipUri, TelUri, Uri, UriBuf, UriError};
