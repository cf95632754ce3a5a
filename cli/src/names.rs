//! Who looks up the names of peers.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use clap::Args;
use offhook::{Builder, DnsResolver};

/// As an argument, and as a setting of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Names {
    /// The name server that knows our peers, in place of those of the system: IP or IP:PORT
    #[arg(long = "dns", value_name = "ADDRESS", value_parser = name_server)]
    pub(crate) server: Option<SocketAddr>,
}

impl Names {
    /// The ones here in place of those there.
    pub(crate) fn or(self, other: Self) -> Self {
        let server = self.server.or(other.server);
        Self { server }
    }

    pub(crate) fn resolve(&self, builder: Builder) -> anyhow::Result<Builder> {
        let Some(server) = self.server else {
            return Ok(builder);
        };
        let resolver = DnsResolver::of(server).context("no name can be looked up")?;
        Ok(builder.resolver(resolver))
    }
}

/// The port of name servers is 53, unless told.
pub(crate) fn name_server(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    address
        .or_else(|_| text.parse())
        .map_err(|_| format!("expected {EXPECTED}"))
}

pub(crate) const EXPECTED: &str = "an address such as \"192.0.2.53\" or \"192.0.2.53:5353\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_has_a_port_or_53() {
        for (text, expected) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            assert_eq!(name_server(text).unwrap().to_string(), expected);
        }
        for text in ["", "ns.example.com", ":53", "192.0.2.53:"] {
            assert!(name_server(text).is_err(), "{text}");
        }
    }
}
