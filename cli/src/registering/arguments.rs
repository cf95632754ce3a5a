use clap::{Args, value_parser};
use offhook::message::UriBuf;

use super::account::registrar_of;
use crate::caller::{CallerArguments, sip_uri};

#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// The address to register: sip:USER@DOMAIN
    #[arg(value_parser = address)]
    pub(crate) aor: UriBuf,

    /// The registrar; without it the domain of the address
    #[arg(long, value_name = "URI", value_parser = sip_uri)]
    pub(crate) registrar: Option<UriBuf>,

    /// How many seconds a binding should hold; the registrar decides
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = value_parser!(u32).range(1..=LONGEST))]
    pub(crate) expires: u32,

    #[command(flatten)]
    pub(crate) caller: CallerArguments,
}

/// A URI that can be registered: it has a user and a domain.
pub(crate) fn address(text: &str) -> Result<UriBuf, String> {
    let uri = sip_uri(text)?;
    match registrar_of(&uri) {
        Some(_) => Ok(uri),
        None => Err("expected for example sip:alice@example.com".to_owned()),
    }
}

/// A week, in seconds.
pub(crate) const LONGEST: i64 = 604_800;
