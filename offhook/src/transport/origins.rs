use std::net::IpAddr;

use offhook_core::Transport;
use tokio_tungstenite::tungstenite::http::header::{HOST, ORIGIN};
use tokio_tungstenite::tungstenite::http::uri::Authority;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, Uri};

/// Which pages may call over a WebSocket. Any page may try, and its browser may be where no
/// stranger is, so a server looks at the Origin
/// ([RFC 6455 §10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2)).
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    named: Vec<Origin>,
    /// Whether all pages may.
    any: bool,
}

impl Origins {
    /// Lets pages of an origin call, or all pages where it is `*`.
    pub(crate) fn allow(&mut self, text: &str) -> Result<(), InvalidOrigin> {
        if text == "*" {
            self.any = true;
            return Ok(());
        }
        let origin = Origin::parse(text).ok_or_else(|| InvalidOrigin {
            text: text.to_owned(),
        })?;
        self.named.push(origin);
        Ok(())
    }

    /// Whether the client of a handshake may go on; its Origin where it may not.
    pub(super) fn admit<'a>(
        &self,
        headers: &'a HeaderMap,
        transport: Transport,
    ) -> Result<(), &'a HeaderValue> {
        // A browser always sends one, and a page cannot change it.
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        if self.any {
            return Ok(());
        }
        let only = match headers.get_all(ORIGIN).iter().count() {
            1 => origin.to_str().ok().and_then(Origin::parse),
            _ => None,
        };
        match only {
            Some(only) if self.named.contains(&only) || only.is_at_home(headers, transport) => {
                Ok(())
            }
            _ => Err(origin),
        }
    }
}

/// Where a page comes from ([RFC 6454 §4](https://www.rfc-editor.org/rfc/rfc6454#section-4)).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Whether the page comes from the host that it calls.
    ///
    /// That both have one name proves nothing by itself: whoever has the name may let it point to
    /// any address, ours among them (DNS rebinding). It does where a certificate was checked: ours,
    /// or that of the page, for one over HTTPS calls over TLS alone, be it that of a proxy before us.
    fn is_at_home(&self, headers: &HeaderMap, transport: Transport) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
            return false;
        };
        let host = host.host().to_ascii_lowercase();
        let (is_http, is_https) = (self.scheme == "http", self.scheme == "https");
        let is_proved = is_https || transport == Transport::Wss || address(&host).is_some();
        (is_http || is_https)
            && (self.host == host && is_proved || is_loopback(&self.host) && is_loopback(&host))
    }

    /// `None` is `null` as well: a page that hides where it comes from.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        // A browser leaves it out.
        let default = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self {
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().or(default),
            scheme,
        })
    }
}

/// A text that is no origin of pages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no origin of pages; write for example https://phone.example.com, or * for all"
)]
pub struct InvalidOrigin {
    text: String,
}

/// What names this machine, to every browser.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || address(host).is_some_and(|address| address.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        headers
    }

    fn may(origins: &Origins, origin: &str, host: &str, transport: Transport) -> bool {
        origins.admit(&headers(origin, host), transport).is_ok()
    }

    #[test]
    fn a_page_of_this_machine_calls_this_machine_and_no_other_page_does() {
        let nobody = Origins::default();
        for (origin, host, expected) in [
            ("http://127.0.0.1:8000", "127.0.0.1:5066", true),
            ("http://localhost:8000", "127.0.0.1:5066", true),
            ("https://app.localhost", "[::1]:5066", true),
            ("http://[::1]:8000", "LOCALHOST", true),
            ("https://evil.example", "127.0.0.1:5066", false),
            ("http://127.0.0.1.evil.example", "127.0.0.1:5066", false),
            ("http://192.0.2.66", "127.0.0.1:5066", false),
            // A name that points here now.
            ("http://evil.example:5066", "evil.example:5066", false),
            // A page of the caller's machine that calls past it, through a proxy.
            ("http://localhost:8000", "sip.example.com", false),
            ("app://localhost", "localhost:5066", false),
            ("file://", "127.0.0.1:5066", false),
            ("null", "127.0.0.1:5066", false),
            ("", "127.0.0.1:5066", false),
            ("http://a@127.0.0.1:8000", "127.0.0.1:5066", false),
        ] {
            let found = may(&nobody, origin, host, Transport::Ws);
            assert_eq!(found, expected, "{origin} {host}");
        }
    }

    #[test]
    fn a_page_of_the_same_host_calls_where_the_name_is_proved() {
        let nobody = Origins::default();
        for (origin, host, plain, tls) in [
            ("http://192.0.2.7:8000", "192.0.2.7:5066", true, true),
            ("http://[2001:DB8::7]", "[2001:db8::7]:5066", true, true),
            (
                "http://sip.example.com",
                "sip.example.com:5066",
                false,
                true,
            ),
            (
                "https://SIP.example.com:8443",
                "sip.Example.com",
                true,
                true,
            ),
            ("https://a.example.com", "sip.example.com", false, false),
        ] {
            assert_eq!(may(&nobody, origin, host, Transport::Ws), plain, "{origin}");
            assert_eq!(may(&nobody, origin, host, Transport::Wss), tls, "{origin}");
        }
        let mut without_host = headers("https://sip.example.com", "sip.example.com");
        without_host.remove(HOST);
        assert!(nobody.admit(&without_host, Transport::Wss).is_err());
    }

    #[test]
    fn those_that_are_named_call_from_anywhere() {
        let mut origins = Origins::default();
        origins.allow("https://phone.example.com:443/").unwrap();
        origins.allow("app://phone").unwrap();
        for (origin, expected) in [
            ("https://phone.example.com", true),
            ("app://phone", true),
            ("http://phone.example.com", false),
            ("https://phone.example.com:8443", false),
            ("https://phone.example.com.evil.example", false),
        ] {
            let found = may(&origins, origin, "127.0.0.1:5066", Transport::Ws);
            assert_eq!(found, expected, "{origin}");
        }
        let mut two = headers("https://phone.example.com", "sip.example.com");
        two.append(ORIGIN, "https://evil.example".parse().unwrap());
        assert!(origins.admit(&two, Transport::Ws).is_err());

        origins.allow("*").unwrap();
        for origin in ["https://evil.example", "null", "file://"] {
            assert!(may(&origins, origin, "127.0.0.1", Transport::Ws));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        for text in [
            "",
            "phone.example.com",
            "null",
            "https://",
            "https://a/b",
            "https://a?b",
        ] {
            let error = Origins::default().allow(text).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
