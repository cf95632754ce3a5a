//! What proves that a secret is known ([RFC 7616 §3.4.1](https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1)).

use super::algorithm::Algorithm;

/// The quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qop {
    /// As in RFC 2069.
    None,
    Auth,
    /// With the body.
    AuthInt,
}

/// The request that a response is for.
#[derive(Clone, Copy)]
pub(crate) struct Protected<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) body: &'a [u8],
}

/// What makes each response another one.
#[derive(Clone, Copy)]
pub(super) struct Once<'a> {
    pub(super) nonce: &'a str,
    pub(super) client_nonce: &'a str,
    /// As it is written: 8 hexadecimal digits.
    pub(super) count: &'a str,
}

impl Qop {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut all = [Self::Auth, Self::AuthInt].into_iter();
        all.find(|qop| name.eq_ignore_ascii_case(qop.as_str()))
    }
}

/// The response to a challenge. `secret` is the hash of `username:realm:password`.
pub(super) fn response(
    algorithm: Algorithm,
    qop: Qop,
    secret: String,
    once: Once<'_>,
    request: Protected<'_>,
) -> String {
    let hash = algorithm.hash;
    let nonce = once.nonce.as_bytes();
    let client_nonce = once.client_nonce.as_bytes();
    let mut first = secret;
    if algorithm.is_session {
        first = hash.hash([first.as_bytes(), nonce, client_nonce]);
    }
    let (method, uri) = (request.method.as_bytes(), request.uri.as_bytes());
    let second = match qop {
        Qop::AuthInt => hash.hash([method, uri, hash.hash([request.body]).as_bytes()]),
        Qop::None | Qop::Auth => hash.hash([method, uri]),
    };
    match qop {
        Qop::None => hash.hash([first.as_bytes(), nonce, second.as_bytes()]),
        qop => hash.hash([
            first.as_bytes(),
            nonce,
            once.count.as_bytes(),
            client_nonce,
            qop.as_str().as_bytes(),
            second.as_bytes(),
        ]),
    }
}
