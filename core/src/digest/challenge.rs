//! What a server asks for.

use offhook_message::StatusCode;

use super::algorithm::Algorithm;
use super::credentials::Credentials;
use super::params::{DigestParams, quote, unquote};
use super::response::{Once, Protected, Qop, response};

/// Whether a response asks for credentials.
pub(crate) fn is_challenge(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    )
}

/// A Digest challenge that we can answer
/// ([RFC 7616 §3.3](https://www.rfc-editor.org/rfc/rfc7616#section-3.3)). Texts are as they came, without their quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    opaque: Option<String>,
    /// The algorithm as it came; a server of RFC 2069 names none.
    name: Option<String>,
    pub(super) algorithm: Algorithm,
    qop: Qop,
    /// The response was right, and its nonce too old.
    pub(super) is_stale: bool,
}

impl Challenge {
    /// Reads one line of WWW-Authenticate or Proxy-Authenticate. `None` where it is no Digest
    /// challenge, is longer than [`LONGEST`], or asks for what we do not know.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        if line.len() > LONGEST {
            return None;
        }
        let params = DigestParams::parse(line)?;
        let get = |name: &str| params.get(name);
        let name = get("algorithm");
        Some(Self {
            realm: get("realm")?.to_owned(),
            nonce: get("nonce")?.to_owned(),
            opaque: get("opaque").map(str::to_owned),
            name: name.map(str::to_owned),
            algorithm: Algorithm::parse(name.unwrap_or("MD5"))?,
            qop: qop(get("qop"))?,
            is_stale: get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of Authorization or Proxy-Authorization
    /// ([RFC 7616 §3.4](https://www.rfc-editor.org/rfc/rfc7616#section-3.4)). `count` says how often the nonce is used with this one.
    pub(super) fn answer(
        &self,
        credentials: &Credentials,
        (client_nonce, count): (&str, u32),
        request: Protected<'_>,
    ) -> String {
        let Self { realm, nonce, .. } = self;
        let count = format!("{count:08x}");
        let response = self.response(credentials, (client_nonce, &count), request);
        let username = quote(credentials.username().as_str());
        let quoted = |name: &str, value: &str| format!("{name}=\"{value}\"");
        let mut params = vec![
            quoted("username", &username),
            quoted("realm", realm),
            quoted("nonce", nonce),
            quoted("uri", request.uri),
            quoted("response", &response),
        ];
        params.extend(self.name.as_ref().map(|name| format!("algorithm={name}")));
        let opaque = self.opaque.as_ref();
        params.extend(opaque.map(|opaque| quoted("opaque", opaque)));
        if self.qop != Qop::None || self.algorithm.is_session {
            params.push(quoted("cnonce", client_nonce));
        }
        if self.qop != Qop::None {
            params.push(format!("qop={}, nc={count}", self.qop.as_str()));
        }
        format!("Digest {}", params.join(", "))
    }

    fn response(
        &self,
        credentials: &Credentials,
        (client_nonce, count): (&str, &str),
        request: Protected<'_>,
    ) -> String {
        let once = Once {
            nonce: &self.nonce,
            client_nonce,
            count,
        };
        let hash = credentials.hash(&unquote(&self.realm), self.algorithm.hash);
        response(self.algorithm, self.qop, hash, once, request)
    }
}

/// `auth` where it is offered: a proxy on the way may change the body.
fn qop(offered: Option<&str>) -> Option<Qop> {
    let Some(offered) = offered else {
        return Some(Qop::None);
    };
    let offers = |qop: &Qop| {
        let mut list = offered.split(',').map(str::trim);
        list.any(|it| Qop::parse(it) == Some(*qop))
    };
    [Qop::Auth, Qop::AuthInt].into_iter().find(offers)
}

/// A call keeps what it was challenged with, for each realm.
pub(super) const LONGEST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use offhook_message::Text;

    use super::*;
    use crate::digest::DigestAlgorithm;

    fn response(
        challenge: &str,
        credentials: &Credentials,
        client_nonce: &str,
        request: Protected<'_>,
    ) -> String {
        let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
        challenge.response(credentials, (client_nonce, "00000001"), request)
    }

    fn mufasa(password: &str) -> Credentials {
        Credentials::password(Text::from_static("Mufasa"), password)
    }

    const INDEX: Protected<'_> = Protected {
        method: "GET",
        uri: "/dir/index.html",
        body: b"",
    };

    #[test]
    fn the_example_of_rfc_2617() {
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let response = response(challenge, &mufasa("Circle Of Life"), "0a4f113b", INDEX);
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_first_example_of_rfc_7616() {
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let challenge = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let credentials = mufasa("Circle of Life");
            assert_eq!(
                response(&challenge, &credentials, client_nonce, INDEX),
                expected
            );
        }
    }

    /// With the response of erratum 4897: the printed one is not of SHA-512/256.
    #[test]
    fn the_second_example_of_rfc_7616() {
        let challenge = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
            nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
            opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true";
        let credentials = Credentials::password(Text::from_static("Jäsøn Doe"), "Secret, or not?");
        let request = Protected {
            uri: "/doe.json",
            ..INDEX
        };
        let client_nonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        assert_eq!(
            response(challenge, &credentials, client_nonce, request),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }

    /// Computed by another implementation (Python's hashlib).
    #[test]
    fn sessions_bodies_and_rfc_2069() {
        let request = Protected {
            method: "INVITE",
            uri: "sip:bob@example.org",
            body: b"v=0\r\n",
        };
        for (params, expected) in [
            ("algorithm=MD5-sess, qop=\"auth\"", MD5_SESSION),
            (
                "algorithm=sha-256-SESS, qop=\"auth-int\"",
                SHA_256_SESSION_BODY,
            ),
            ("qop=auth-int", MD5_BODY),
            ("x=y", MD5_PLAIN),
        ] {
            let challenge = format!("Digest realm=\"r\", nonce=\"n\", {params}");
            assert_eq!(
                response(&challenge, &mufasa("p"), "c", request),
                expected,
                "{params}"
            );
        }
    }

    const MD5_SESSION: &str = "b475cbceffb28ba8ab4793896dc9ebbc";
    const SHA_256_SESSION_BODY: &str =
        "351d342de51997c2e40521ac7372c532b8c9db801cfa1e27f0fade2db61d08f0";
    const MD5_BODY: &str = "92d7b2009b058ed2d050ebced2f1aa61";
    const MD5_PLAIN: &str = "2adc48c97f050edeedc4320685cbabed";

    #[test]
    fn a_hash_does_instead_of_a_password() {
        let challenge = "Digest realm=\"testrealm@host.com\", qop=auth, nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let hash = "939E7578ED9E3C518A452ACEE763BCE9";
        let (user, realm) = (
            Text::from_static("Mufasa"),
            Text::from_static("testrealm@host.com"),
        );
        let credentials = Credentials::ha1(user, realm, DigestAlgorithm::Md5, hash);
        let response = response(challenge, &credentials, "0a4f113b", INDEX);
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
        assert!(credentials.fit("testrealm@host.com", DigestAlgorithm::Md5));
        assert!(!credentials.fit("testrealm@host.com", DigestAlgorithm::Sha256));
        assert!(!credentials.fit("other", DigestAlgorithm::Md5));
    }

    #[test]
    fn an_answer_repeats_what_it_answers() {
        let challenge = "dIgEsT  Realm = \"a \\\"b\\\"\" ,nonce=\"n\",,Opaque=\"\",algorithm=MD5,qop=\"auth\", stale=TRUE";
        let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
        assert!(challenge.is_stale);
        let user = Credentials::password(Text::from_static("a\"b\\"), "p");
        let answer = challenge.answer(&user, ("c", 0x1f), INDEX);
        let (before, after) = answer.split_once("response=\"").unwrap();
        assert_eq!(
            before,
            "Digest username=\"a\\\"b\\\\\", realm=\"a \\\"b\\\"\", nonce=\"n\", uri=\"/dir/index.html\", "
        );
        assert_eq!(
            &after[33..],
            ", algorithm=MD5, opaque=\"\", cnonce=\"c\", qop=auth, nc=0000001f"
        );
    }

    #[test]
    fn a_server_of_rfc_2069_gets_what_it_knows() {
        let challenge = Challenge::parse(b"Digest realm=\"r\", nonce=\"n\"").unwrap();
        let answer = challenge.answer(&mufasa("p"), ("c", 1), INDEX);
        let (before, response) = answer.split_once("response=").unwrap();
        assert!(before.ends_with("uri=\"/dir/index.html\", "));
        assert_eq!(response.len(), 34, "nothing follows it");
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        for line in [
            &b"Basic realm=\"r\""[..],
            b"Digest",
            b"Digest realm=\"r\"",
            b"Digest nonce=\"n\"",
            b"Digest realm=\"r, nonce=\"n\"",
            b"Digest realm=\"r\", nonce=\"n",
            b"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1",
            b"Digest realm=\"r\", nonce=\"n\", algorithm=-sess",
            b"Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"",
            b"Digest realm=\"r\", nonce=\"n\r\n n\"",
            b"Digest realm=\"\xff\", nonce=\"n\"",
            b"Digest realm",
            b"",
        ] {
            assert_eq!(Challenge::parse(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn what_is_too_long_to_keep_is_none() {
        let line = |length| format!("Digest realm=\"r\", nonce=\"{}\"", "n".repeat(length));
        assert!(Challenge::parse(line(4000).as_bytes()).is_some());
        assert_eq!(Challenge::parse(line(LONGEST).as_bytes()), None);
    }
}
