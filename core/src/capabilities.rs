//! What we can do, as our messages say it.

use std::fmt;

use offhook_message::{Headers, Method};

use crate::config::{Config, Reliability};

/// The methods that are served, by the core or by the application: the one source of every Allow.
pub(crate) struct Allow<'a>(pub(crate) &'a Config);

impl Allow<'_> {
    /// Whether a method is served.
    pub(crate) fn includes(&self, method: &Method) -> bool {
        SERVED.contains(method)
            || (*method == Method::Prack && self.0.reliability != Reliability::Off)
            || self.0.methods.contains(method)
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prack = (self.0.reliability != Reliability::Off).then_some(&Method::Prack);
        let methods = SERVED.iter().chain(prack);
        let further = self.0.methods.iter().filter(|it| !SERVED.contains(it));
        for (index, method) in methods.chain(further).enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(method.as_str())?;
        }
        Ok(())
    }
}

/// What the core serves by itself, whatever is configured.
const SERVED: &[Method] = &[
    Method::Invite,
    Method::Ack,
    Method::Cancel,
    Method::Bye,
    Method::Options,
    Method::Update,
    Method::Notify,
];

/// The option tag of reliable provisional responses (RFC 3262).
pub(crate) const RELIABLE: &str = "100rel";

/// The option tag of session timers (RFC 4028).
pub(crate) const TIMER: &str = "timer";

/// Whether the sender says that it takes UPDATE (RFC 3311 §5).
pub(crate) fn takes_update(headers: &Headers) -> bool {
    let mut methods = headers.allow().filter_map(Result::ok);
    methods.any(|method| method == b"UPDATE")
}

/// What Supported lists.
pub(crate) fn supported(config: &Config) -> &'static str {
    match config.reliability {
        Reliability::Off => SUPPORTED_BESIDE_RELIABLE,
        _ => "100rel, timer, replaces, norefersub",
    }
}

/// What Supported lists where reliable provisional responses are required or off.
pub(crate) const SUPPORTED_BESIDE_RELIABLE: &str = "timer, replaces, norefersub";

/// The media types a body of an INVITE may have, as Accept lists them.
pub(crate) const ACCEPT: &str = "application/sdp";
