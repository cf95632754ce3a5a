use std::time::Duration;

use clap::{Args, value_parser};
use offhook::message::UriBuf;

use crate::{
    arguments::seconds,
    caller::{CallerArguments, sip_uri},
};

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// Whom to call: sip:USER@HOST:PORT, with ;transport=tcp, tls or ws, or sips:USER@HOST:PORT
    #[arg(value_parser = sip_uri)]
    pub(crate) uri: UriBuf,

    /// How many calls to begin in a second
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,

    /// How many calls to place in all
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    pub(crate) calls: u32,

    /// How long each call lasts
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    pub(crate) hold: Duration,

    /// How many calls may be in progress at once; past that calls begin late
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    #[command(flatten)]
    pub(crate) caller: CallerArguments,
}
