//! The way of requests inside a dialog
//! ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).

use std::borrow::Cow;

use offhook_message::{NameAddr, SipUri};

use crate::flow::Scheme;

/// What the remote target and the route set make of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    pub(crate) request_uri: Cow<'a, [u8]>,
    /// The value of Route; empty where there is none.
    pub(crate) routes: Cow<'a, [u8]>,
    /// The URI of where the request goes first.
    pub(crate) next_hop: &'a [u8],
}

impl<'a> Path<'a> {
    /// `routes` is the route set as the value of one header.
    pub(crate) fn new(target: &'a [u8], routes: &'a [u8]) -> Self {
        let mut values = NameAddr::parse_list(routes).map_while(Result::ok);
        let Some(first) = values.next() else {
            return Self {
                request_uri: Cow::Borrowed(target),
                routes: Cow::Borrowed(b""),
                next_hop: target,
            };
        };
        let next_hop = first.uri_bytes();
        if first.uri.as_sip().is_none_or(SipUri::lr) {
            return Self {
                request_uri: Cow::Borrowed(target),
                routes: Cow::Borrowed(routes),
                next_hop,
            };
        }
        // A strict router finds its own address in the Request-URI, and the target at the end.
        let behind = values.map(|route| route.uri_bytes()).chain([target]);
        let behind: Vec<_> = behind.map(|uri| [b"<", uri, b">"].concat()).collect();
        Self {
            request_uri: Cow::Owned(first.uri.to_request_uri().as_bytes().to_vec()),
            routes: Cow::Owned(behind.join(&b", "[..])),
            next_hop,
        }
    }

    /// The scheme of our Contact in requests: `sips` where they go to such a URI, at first or in the
    /// end ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).
    pub(crate) fn scheme(&self) -> Scheme {
        Scheme::of([&*self.request_uri, self.next_hop])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_routes_a_request_goes_to_the_target() {
        let path = Path::new(b"sip:a@10.0.0.1", b"");
        assert_eq!(&*path.request_uri, b"sip:a@10.0.0.1");
        assert_eq!(path.next_hop, b"sip:a@10.0.0.1");
        assert!(path.routes.is_empty());
    }

    #[test]
    fn a_loose_router_is_routed_by() {
        let routes = b"<sip:p1.example.com;lr>, <sip:p2.example.com;lr>";
        let path = Path::new(b"sip:a@10.0.0.1", routes);
        assert_eq!(&*path.request_uri, b"sip:a@10.0.0.1");
        assert_eq!(path.next_hop, b"sip:p1.example.com;lr");
        assert_eq!(&*path.routes, routes);
    }

    #[test]
    fn a_strict_router_is_the_request_uri() {
        let routes = b"<sip:p1.example.com>, <sip:p2.example.com;lr>";
        let path = Path::new(b"sip:a@10.0.0.1", routes);
        assert_eq!(&*path.request_uri, b"sip:p1.example.com");
        assert_eq!(path.next_hop, b"sip:p1.example.com");
        assert_eq!(&*path.routes, b"<sip:p2.example.com;lr>, <sip:a@10.0.0.1>");
    }
}
