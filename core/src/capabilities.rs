//! What we can do, as our messages say it.

use std::fmt;

use offhook_message::{Header, HeaderName, Headers, MessageWriter, Method, Text};

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

/// The headers by which we introduce ourselves, written down once.
#[derive(Debug)]
pub(crate) struct Introduction {
    pub(crate) allow: Header,
    pub(crate) supported: Header,
    /// What a re-INVITE or UPDATE of ours supports: its provisional responses are not acknowledged.
    pub(crate) supported_inside: Header,
    pub(crate) user_agent: Option<Header>,
    /// The INFO packages that we receive, where INFO is served
    /// ([RFC 6086 §5.2](https://www.rfc-editor.org/rfc/rfc6086#section-5.2)).
    pub(crate) recv_info: Vec<Header>,
    /// What an INVITE of ours requires and supports.
    pub(crate) options: Vec<Header>,
}

impl Introduction {
    pub(crate) fn new(config: &Config) -> Self {
        // Methods are tokens.
        let allow = Text::new(Allow(config).to_string()).unwrap_or(Text::from_static(""));
        let supports = |tags| Header::known(HeaderName::Supported, Text::from_static(tags));
        let supported = supports(supported(config));
        let user_agent = config.user_agent.clone();
        let is_served = config.methods.contains(&Method::Info);
        let packages = config.info_packages.iter().filter(|_| is_served).cloned();
        let packages = packages.map(|it| Header::known(HeaderName::RecvInfo, it));
        let options = match config.reliability {
            Reliability::Required => {
                let required = Header::known(HeaderName::Require, Text::from_static(RELIABLE));
                vec![required, supports(SUPPORTED_BESIDE_RELIABLE)]
            }
            _ => vec![supported.clone()],
        };
        Self {
            allow: Header::known(HeaderName::Allow, allow),
            supported,
            supported_inside: supports(SUPPORTED_BESIDE_RELIABLE),
            user_agent: user_agent.map(|it| Header::known(HeaderName::UserAgent, it)),
            recv_info: packages.collect(),
            options,
        }
    }

    pub(crate) fn write_user_agent(&self, writer: &mut MessageWriter) {
        if let Some(user_agent) = &self.user_agent {
            writer.extra(user_agent);
        }
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

/// What Supported lists where reliable provisional responses are required, off, or not acknowledged.
const SUPPORTED_BESIDE_RELIABLE: &str = "timer, replaces, norefersub";

/// The media types a body of an INVITE may have, as Accept lists them.
pub(crate) const ACCEPT: &str = "application/sdp";
