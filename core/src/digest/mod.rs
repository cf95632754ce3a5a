//! Digest authentication, as a client and as a server
//! ([RFC 3261 §22](https://www.rfc-editor.org/rfc/rfc3261#section-22), [RFC 7616](https://www.rfc-editor.org/rfc/rfc7616),
//! [RFC 8760](https://www.rfc-editor.org/rfc/rfc8760)).

mod algorithm;
mod authentication;
mod authenticator;
mod authorization;
mod challenge;
mod credentials;
mod nonces;
mod params;
mod response;

pub use algorithm::DigestAlgorithm;
pub(crate) use authentication::Authentication;
pub use authenticator::{Authenticator, Unauthorized};
pub(crate) use challenge::is_challenge;
pub use credentials::Credentials;
pub(crate) use response::Protected;
