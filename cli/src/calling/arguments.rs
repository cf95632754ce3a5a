use std::time::Duration;

use clap::Args;
use offhook::message::{Uri, UriBuf};

use crate::arguments::seconds;

/// Exits with 0 when the call was established and ended, with 1 when it was refused, with 3 when
/// nobody answered, and with 2 when it was not placed at all.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// Whom to call: sip:USER@HOST:PORT, with ;transport=tcp for TCP
    #[arg(value_parser = sip_uri)]
    pub(crate) uri: UriBuf,

    /// Who calls; `offhook` at our address unless told
    #[arg(long, value_name = "URI", value_parser = sip_uri)]
    pub(crate) from: Option<UriBuf>,

    /// Offer an inactive stream and open no port for audio
    #[arg(long)]
    pub(crate) bare: bool,

    /// How long to talk before we hang up; without it the other side ends the call
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,

    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub(crate) timeout: Duration,

    /// What goes to stderr: error, warn, info, debug, trace, or a filter such as offhook=debug
    ///
    /// Replaces the environment variable `RUST_LOG`. Without either: info.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,

    /// Print each step on stdout as a JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A URI that can be called.
pub(crate) fn sip_uri(text: &str) -> Result<UriBuf, String> {
    let uri: UriBuf = text
        .parse()
        .map_err(|error| format!("{error}; {EXAMPLE}"))?;
    match uri.as_uri() {
        Uri::Sip(_) => Ok(uri),
        _ => Err(EXAMPLE.to_owned()),
    }
}

const EXAMPLE: &str = "expected for example sip:echo@192.0.2.1";
