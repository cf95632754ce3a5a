//! What we can do, as our messages say it: the one source of every Allow, Supported and Accept.

use offhook_message::Method;

use crate::config::{Config, Reliability};

/// The methods that the core serves, as Allow lists them.
pub(crate) fn allow(config: &Config) -> &'static str {
    match config.reliability {
        Reliability::Off => "INVITE, ACK, CANCEL, BYE, OPTIONS",
        _ => "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK",
    }
}

/// Whether the core serves a method.
pub(crate) fn is_allowed(method: &Method, config: &Config) -> bool {
    let mut allowed = allow(config).split(", ");
    allowed.any(|allowed| allowed == method.as_str())
}

/// The option tag of reliable provisional responses (RFC 3262).
pub(crate) const RELIABLE: &str = "100rel";

/// The media types a body of an INVITE may have, as Accept lists them.
pub(crate) const ACCEPT: &str = "application/sdp";
