//! Digest authentication as a client
//! ([RFC 3261 §22](https://www.rfc-editor.org/rfc/rfc3261#section-22), [RFC 7616](https://www.rfc-editor.org/rfc/rfc7616),
//! [RFC 8760](https://www.rfc-editor.org/rfc/rfc8760)).

mod algorithm;
mod authentication;
mod challenge;
mod credentials;

pub use algorithm::DigestAlgorithm;
pub(crate) use authentication::Authentication;
pub(crate) use challenge::Protected;
pub use credentials::Credentials;
