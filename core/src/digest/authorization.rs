//! The credentials that somebody sends us.

use std::borrow::Cow;

use subtle::ConstantTimeEq;

use super::algorithm::Algorithm;
use super::credentials::Credentials;
use super::params::{DigestParams, unquote};
use super::response::{Once, Protected, Qop, response};

/// An Authorization with a quality of protection, as all that follow RFC 2617 send it
/// ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)). Without one there is no count of
/// the nonce, and so nothing against a replay.
pub(super) struct Authorization<'a> {
    pub(super) username: Cow<'a, str>,
    pub(super) realm: &'a str,
    pub(super) uri: &'a str,
    pub(super) algorithm: Algorithm,
    pub(super) qop: Qop,
    pub(super) once: Once<'a>,
    response: &'a str,
}

impl<'a> Authorization<'a> {
    /// `None` where it is malformed or of another scheme, or asks for what we do not know.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let params = DigestParams::parse(line)?;
        let get = |name: &str| params.get(name);
        let username = match (get("username"), get("username*")) {
            (Some(username), None) => unquote(username),
            (None, Some(username)) => extended(username)?.into(),
            _ => return None,
        };
        Some(Self {
            username,
            realm: get("realm")?,
            uri: get("uri")?,
            algorithm: Algorithm::parse(get("algorithm").unwrap_or("MD5"))?,
            qop: Qop::parse(get("qop")?)?,
            once: Once {
                nonce: get("nonce")?,
                client_nonce: get("cnonce")?,
                count: get("nc").filter(|count| count.len() == 8)?,
            },
            response: get("response")?,
        })
    }

    /// How often the nonce is used with this one.
    pub(super) fn count(&self) -> Option<u32> {
        u32::from_str_radix(self.once.count, 16).ok()
    }

    /// Whether whoever sent it knows the secret. It takes the same time wherever they differ.
    pub(super) fn proves(&self, credentials: &Credentials, request: Protected<'_>) -> bool {
        let found = self.response.to_ascii_lowercase();
        let is_right = |realm: &str| -> bool {
            let secret = credentials.hash(realm, self.algorithm.hash);
            let right = response(self.algorithm, self.qop, secret, self.once, request);
            right.as_bytes().ct_eq(found.as_bytes()).into()
        };
        let realm = unquote(self.realm);
        // Some hash a realm as it stands between its quotes.
        is_right(&realm) || (realm != self.realm && is_right(self.realm))
    }
}

/// What `UTF-8''…` says ([RFC 5987 §3.2](https://www.rfc-editor.org/rfc/rfc5987#section-3.2)).
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, escaped) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("UTF-8") {
        return None;
    }
    let mut octets = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let (octet, behind) = match first {
            b'%' => {
                let (digits, behind) = behind.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, behind)
            }
            other => (other, behind),
        };
        octets.push(octet);
        rest = behind;
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use offhook_message::Text;

    use super::*;
    use crate::digest::DigestAlgorithm;

    fn proves(line: &str, password: &str, uri: &str, body: &[u8]) -> bool {
        let found = Authorization::parse(line.as_bytes()).unwrap();
        let username = Text::new(found.username.clone()).unwrap();
        let request = Protected {
            method: "GET",
            uri,
            body,
        };
        found.proves(&Credentials::password(username, password), request)
    }

    const FIRST: &str = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
        uri=\"/dir/index.html\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
        cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
        opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", ";

    #[test]
    fn the_first_example_of_rfc_7616() {
        for params in [
            "algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"",
            "response=\"8CA523F5E9506FED4657C9700EEBDBEC\"",
            "algorithm=SHA-256, \
             response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
        ] {
            let line = format!("{FIRST}{params}");
            let is_right = |password, uri| proves(&line, password, uri, b"");
            assert!(is_right("Circle of Life", "/dir/index.html"), "{line}");
            assert!(!is_right("circle of life", "/dir/index.html"));
            assert!(!is_right("Circle of Life", "/dir/other.html"));
            let short = line.trim_end_matches('"');
            assert!(!proves(
                &format!("{short}0\""),
                "Circle of Life",
                "/dir/index.html",
                b""
            ));
        }
    }

    /// With the response of erratum 4897, and the name in the clear: RFC 7616 §3.9.2 hashes it.
    #[test]
    fn the_second_example_of_rfc_7616() {
        let line = "Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"api@example.org\", \
            uri=\"/doe.json\", algorithm=SHA-512-256, nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
            nc=00000001, cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v\", qop=auth, \
            response=\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5\"";
        let found = Authorization::parse(line.as_bytes()).unwrap();
        assert_eq!(found.username, "Jäsøn Doe");
        assert_eq!(found.algorithm.hash, DigestAlgorithm::Sha512T256);
        assert_eq!(found.count(), Some(1));
        assert!(proves(line, "Secret, or not?", "/doe.json", b""));
    }

    #[test]
    fn what_cannot_be_checked_is_none() {
        let complete = "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:b\", response=\"0\", \
            cnonce=\"c\", qop=auth, nc=00000001";
        assert!(Authorization::parse(complete.as_bytes()).is_some());
        for (param, other) in [
            ("username=\"a\", ", ""),
            ("username=\"a\"", "username*=UTF-8''a%"),
            ("username=\"a\"", "username*=UTF-8''%ff"),
            ("username=\"a\"", "username*=latin1''a"),
            ("username=\"a\"", "username=\"a\", username*=UTF-8''a"),
            ("realm=\"r\", ", ""),
            ("nonce=\"n\", ", ""),
            ("uri=\"sip:b\", ", ""),
            ("response=\"0\", ", ""),
            ("cnonce=\"c\", ", ""),
            ("qop=auth, ", ""),
            ("qop=auth", "qop=auth-conf"),
            (", nc=00000001", ""),
            ("nc=00000001", "nc=1"),
            ("nc=00000001", "nc=000000001"),
            ("Digest", "Basic"),
            ("Digest", "Digest algorithm=SHA-1,"),
            ("realm=\"r\"", "realm=\"r"),
        ] {
            let line = complete.replace(param, other);
            assert!(Authorization::parse(line.as_bytes()).is_none(), "{line}");
        }
        let line = complete.replace("00000001", "0000000g");
        assert_eq!(Authorization::parse(line.as_bytes()).unwrap().count(), None);
    }
}
