use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use offhook::{ContactTarget, QValue, Transport, message::UriError};
use serde::{Deserialize, Deserializer, de::Error};

/// One Contact of a 302. In its URI `{here}` stands for the address the call came in on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub(crate) struct Target {
    uri: String,
    q: Option<QValue>,
}

impl Target {
    /// A target without a rank.
    pub(super) fn to(uri: String) -> Result<Self, String> {
        Keys { uri, q: None }.try_into()
    }

    /// The Contact for a call that came in over `transport` on the address `local`.
    pub(crate) fn contact(
        &self,
        transport: Transport,
        local: SocketAddr,
    ) -> Result<ContactTarget, UriError> {
        let mut uri = self.uri.replace(HERE, &here(transport, local));
        let scheme = self.uri.get(..SIP.len());
        let is_sip = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SIP));
        if transport == Transport::Wss && is_sip && uri != self.uri {
            // RFC 7118 section 5.2.2 has one parameter for WS and WSS: the scheme says which.
            uri.replace_range(..SIP.len(), "sips:");
        }
        let uri = uri.parse()?;
        Ok(ContactTarget { uri, q: self.q })
    }
}

impl TryFrom<Keys> for Target {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let target = Self {
            uri: keys.uri,
            q: keys.q.map(q_value).transpose()?,
        };
        if target.uri.replace(HERE, "").contains(['{', '}']) {
            return Err(format!(
                "`uri` {:?} has a placeholder other than {HERE}",
                target.uri
            ));
        }
        match target.contact(Transport::Tcp, SAMPLE) {
            Ok(_) => Ok(target),
            Err(error) => Err(format!(
                "`uri` {:?} cannot be a Contact: {error}",
                target.uri
            )),
        }
    }
}

/// Reads a URI by itself, where the call is to be transferred to.
pub(super) fn alone<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Target>, D::Error> {
    let uri = String::deserialize(deserializer)?;
    Target::to(uri).map(Some).map_err(D::Error::custom)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    uri: String,
    q: Option<f64>,
}

fn q_value(q: f64) -> Result<QValue, String> {
    // Three decimals without their point are thousandths; a fourth one would be lost.
    let digits = format!("{q:.3}");
    let is_exact = digits.parse() == Ok(q);
    let thousandths = digits.replace('.', "").parse().ok();
    thousandths
        .filter(|_| is_exact)
        .and_then(QValue::from_thousandths)
        .ok_or_else(|| format!("`q` is {q}; expected 0 to 1 with at most three decimals"))
}

/// UDP is what a URI without a transport means (RFC 3263 section 4.1).
fn here(transport: Transport, local: SocketAddr) -> String {
    let host = match local {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    match transport {
        Transport::Udp => format!("{host}:{}", local.port()),
        Transport::Wss => here(Transport::Ws, local),
        _ => format!(
            "{host}:{};transport={}",
            local.port(),
            transport.parameter()
        ),
    }
}

const HERE: &str = "{here}";
const SIP: &str = "sip:";

/// An address of each call's kind, to see that a URI can be made at all.
const SAMPLE: SocketAddr = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 5060, 0, 0));

#[cfg(test)]
mod tests {
    use offhook::message::Uri;

    use super::*;

    #[test]
    fn here_leads_to_the_transport_that_the_call_came_by() {
        let local = ([192, 0, 2, 1], 7443).into();
        for name in ["udp", "tcp", "tls", "ws", "wss"] {
            let transport = Transport::parse(name.as_bytes()).unwrap();
            let target = Target::to("sip:echo@{here}".to_owned()).unwrap();
            let contact = target.contact(transport, local).unwrap();
            let Uri::Sip(uri) = contact.uri.as_uri() else {
                panic!("{}", contact.uri);
            };
            assert_eq!(Transport::of_uri(&uri), Some(transport), "{}", contact.uri);
        }
        let elsewhere = Target::to("sip:echo@192.0.2.9".to_owned()).unwrap();
        let contact = elsewhere.contact(Transport::Wss, local).unwrap();
        assert_eq!(contact.uri.to_string(), "sip:echo@192.0.2.9");
    }
}
