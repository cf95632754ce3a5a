use std::io;
use std::net::{IpAddr, SocketAddr};

use offhook_core::Transport;
use tokio::net::lookup_host;

use crate::listener::AdvertisedUri;

/// What peers are told of our address where a NAT stands before us, in Via and Contact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advertised {
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    port: Option<u16>,
}

impl Advertised {
    /// The first address of each kind that the host has.
    pub(crate) async fn look_up(uri: &AdvertisedUri) -> io::Result<Self> {
        let addresses = lookup_host((uri.host.as_str(), 0)).await?;
        let (v4, v6): (Vec<_>, Vec<_>) = addresses.map(|it| it.ip()).partition(IpAddr::is_ipv4);
        Ok(Self {
            v4: v4.first().copied(),
            v6: v6.first().copied(),
            port: uri.port,
        })
    }

    /// In place of `local`; `None` where nothing is told in its place. The port is that of UDP and
    /// TCP: the others have ports of their own.
    pub(crate) fn of(&self, transport: Transport, local: SocketAddr) -> Option<SocketAddr> {
        let address = if local.is_ipv4() { self.v4 } else { self.v6 };
        let port = self
            .port
            .filter(|_| matches!(transport, Transport::Udp | Transport::Tcp));
        Some(SocketAddr::new(address?, port.unwrap_or(local.port())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_local_address_is_replaced_by_one_of_its_kind() {
        let advertised = Advertised::look_up(&"192.0.2.7:5070".parse().unwrap()).await;
        let advertised = advertised.unwrap();
        for (transport, local, expected) in [
            (Transport::Udp, "10.0.0.1:5060", Some("192.0.2.7:5070")),
            (Transport::Tls, "10.0.0.1:5061", Some("192.0.2.7:5061")),
            (Transport::Udp, "[::1]:5060", None),
        ] {
            let told = advertised.of(transport, local.parse().unwrap());
            assert_eq!(told, expected.map(|address| address.parse().unwrap()));
        }
        let nothing = Advertised::default();
        assert_eq!(nothing.of(Transport::Udp, ([10, 0, 0, 1], 1).into()), None);
    }
}
