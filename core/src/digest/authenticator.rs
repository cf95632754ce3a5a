//! Demanding credentials of others.

use std::time::{Duration, Instant};

use offhook_message::{Header, HeaderName, Request, Text, Uri};

use super::algorithm::DigestAlgorithm;
use super::authorization::Authorization;
use super::credentials::Credentials;
use super::nonces::Nonces;
use super::params::{quote, unquote};
use super::response::Protected;

/// Demands credentials for requests, and checks them
/// ([RFC 3261 §22.2](https://www.rfc-editor.org/rfc/rfc3261#section-22.2), [RFC 7616](https://www.rfc-editor.org/rfc/rfc7616),
/// [RFC 8760](https://www.rfc-editor.org/rfc/rfc8760)).
///
/// What is not right gets a challenge, whatever is wrong with it. A nonce holds five minutes, and
/// each of its counts is taken once. Credentials without `qop`, as in RFC 2069, are not taken.
#[derive(Debug)]
pub struct Authenticator {
    /// As it stands between quotes.
    realm: String,
    algorithms: Vec<DigestAlgorithm>,
    nonces: Nonces,
}

impl Authenticator {
    /// One that challenges with every algorithm. The seed is secret and random.
    pub fn new(realm: &Text, seed: [u8; 32]) -> Self {
        Self {
            realm: quote(realm.as_str()),
            algorithms: DigestAlgorithm::ALL.to_vec(),
            nonces: Nonces::new(seed, LIFETIME),
        }
    }

    /// With these algorithms alone; users whose hash is known need theirs. Challenges have the
    /// strongest first ([RFC 8760 §2.3](https://www.rfc-editor.org/rfc/rfc8760#section-2.3)).
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[DigestAlgorithm]) -> Self {
        self.algorithms.retain(|it| algorithms.contains(it));
        self
    }

    /// The name of the user who sent the request. `users` gives the credentials of a user name:
    /// a password, or a hash for each algorithm; none for nobody.
    ///
    /// An ACK, a CANCEL, and requests inside a session of ours are not to be asked for credentials:
    /// the first two cannot be sent again with them
    /// ([RFC 3261 §22.1](https://www.rfc-editor.org/rfc/rfc3261#section-22.1)), the others follow an INVITE that was.
    ///
    /// # Errors
    ///
    /// It has no credentials of this realm, or they are wrong, too old or used before: reject the
    /// request with this.
    pub fn authenticate(
        &mut self,
        now: Instant,
        request: &Request,
        mut users: impl FnMut(&str) -> Vec<Credentials>,
    ) -> Result<String, Unauthorized> {
        let mut stale = Stale::No;
        for found in self.of_realm(request) {
            if !is_for(found.uri, request) || !is_known(&found, request, &users(&found.username)) {
                continue;
            }
            if self.take(now, &found) {
                return Ok(found.username.into_owned());
            }
            stale = Stale::Yes;
        }
        Err(self.challenge(now, stale))
    }

    /// The credentials that we could have asked for. A caller may have some for each of several
    /// servers of our realm that a proxy forked its request to
    /// ([RFC 3261 §22.3](https://www.rfc-editor.org/rfc/rfc3261#section-22.3)).
    fn of_realm<'a>(&self, request: &'a Request) -> Vec<Authorization<'a>> {
        let realm = unquote(&self.realm);
        let lines = request.headers().all(HeaderName::Authorization);
        let found = lines.filter_map(|field| Authorization::parse(field.value));
        let found = found.filter(|found| {
            unquote(found.realm) == realm && self.algorithms.contains(&found.algorithm.hash)
        });
        found.take(MOST_TRIED).collect()
    }

    /// Uses the nonce. False where it does not hold, or was used with that count.
    #[must_use]
    fn take(&mut self, now: Instant, found: &Authorization<'_>) -> bool {
        let nonce = self.nonces.check(now, found.once.nonce, &self.realm);
        let count = nonce.zip(found.count());
        count.is_some_and(|(nonce, count)| self.nonces.take(now, nonce, count))
    }

    fn challenge(&mut self, now: Instant, stale: Stale) -> Unauthorized {
        let Self {
            realm,
            algorithms,
            nonces,
        } = self;
        let nonce = nonces.issue(now, realm);
        let stale = match stale {
            Stale::Yes => ", stale=true",
            Stale::No => "",
        };
        let challenges = algorithms.iter().filter_map(|algorithm| {
            let value = format!(
                "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth,auth-int\"{stale}",
                algorithm.as_str()
            );
            let value = Text::new(value).ok()?;
            Some(Header::known(HeaderName::WwwAuthenticate, value))
        });
        Unauthorized {
            challenges: challenges.collect(),
        }
    }
}

/// Why a request is not taken: the challenges of a 401, one for each algorithm. It becomes the
/// [`ResponseOptions`](crate::ResponseOptions) of one.
#[derive(Clone, Debug)]
pub struct Unauthorized {
    /// WWW-Authenticate, the strongest algorithm first.
    pub challenges: Vec<Header>,
}

/// Whether the credentials were right, and only the nonce is not.
#[derive(Clone, Copy)]
enum Stale {
    Yes,
    No,
}

/// Whether the credentials are for this request. A proxy or a redirection on the way may have
/// changed the Request-URI, and To, which still says where it was meant to go, has neither port nor
/// transport ([RFC 3261 §19.1.1, table 1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)). So it is no
/// failure that the URIs differ ([RFC 3261 §22.4](https://www.rfc-editor.org/rfc/rfc3261#section-22.4), item 6),
/// as long as they are about the same user: the response covers the URI that it was made for.
fn is_for(uri: &str, request: &Request) -> bool {
    let Ok(uri) = Uri::parse(uri.as_bytes()) else {
        return false;
    };
    let is_target = |target: Uri<'_>| uri.equivalent(&target) || is_same_user(&uri, &target);
    let is_callee = |to: Uri<'_>| uri.equivalent(&to) || is_same_address(&uri, &to);
    request.uri().is_ok_and(is_target) || request.headers().to().is_ok_and(|it| is_callee(it.uri))
}

fn is_same_user(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let (Some(one), Some(two)) = (one.as_sip(), two.as_sip()) else {
        return false;
    };
    one.secure == two.secure && one.user_unescaped() == two.user_unescaped()
}

/// Whether the user and the host are the same, whatever the port and the parameters are.
fn is_same_address(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let hosts = one.as_sip().zip(two.as_sip());
    is_same_user(one, two) && hosts.is_some_and(|(one, two)| one.host == two.host)
}

/// Whether the credentials are those of the user. Nobody knows from the time it takes whether there
/// is such a user.
fn is_known(found: &Authorization<'_>, request: &Request, users: &[Credentials]) -> bool {
    let protected = Protected {
        method: request.method().as_str(),
        uri: found.uri,
        body: request.body(),
    };
    let fits = |user: &&Credentials| {
        user.username().as_str() == found.username && user.fit(found.realm, found.algorithm.hash)
    };
    let nobody = Credentials::password(Text::from_static(""), "");
    let user = users.iter().find(fits);
    let is_right = found.proves(user.unwrap_or(&nobody), protected);
    user.is_some() && is_right
}

/// How many credentials of one request are tried: each costs some hashes.
const MOST_TRIED: usize = 4;

/// How long a nonce holds.
const LIFETIME: Duration = Duration::from_mins(5);

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts its clock somewhere"
)]
mod tests {
    use offhook_message::{Message, parse};

    use super::*;
    use crate::digest::Authentication;
    use crate::random::Random;

    fn invite(uri: &str, body: &str, headers: &[Header]) -> Request {
        let headers = headers.iter().map(|header| {
            let (name, value) = (header.name(), header.value());
            format!("{name}: {value}\r\n")
        });
        let headers = headers.collect::<String>();
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=a\r\n\
             To: <sip:bob@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match parse(text.into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    struct Bench {
        server: Authenticator,
        client: Authentication,
        random: Random,
        now: Instant,
    }

    fn alice(password: &str) -> Credentials {
        Credentials::password(Text::from_static("alice"), password)
    }

    impl Bench {
        fn new() -> Self {
            Self {
                server: Authenticator::new(&Text::from_static("lab"), [1; 32]),
                client: Authentication::new(vec![alice("secret")]),
                random: Random::new([2; 32]),
                now: Instant::now(),
            }
        }

        fn ask(&mut self, request: &Request) -> Result<String, Unauthorized> {
            let users = |name: &str| match name {
                "alice" => vec![alice("secret")],
                _ => Vec::new(),
            };
            self.server.authenticate(self.now, request, users)
        }

        /// The credentials for an INVITE.
        fn credentials(&mut self) -> Vec<Header> {
            self.client.authorize(Protected {
                method: "INVITE",
                uri: "sip:bob@b",
                body: b"offer",
            })
        }

        fn invite(&mut self) -> Result<String, Unauthorized> {
            let credentials = self.credentials();
            self.ask(&invite("sip:bob@b", "offer", &credentials))
        }

        /// Whether the client has another try after a challenge.
        fn challenge(&mut self, unauthorized: &Unauthorized) -> bool {
            let response = invite("sip:x@y", "", &unauthorized.challenges);
            self.client.challenge(response.headers(), &mut self.random)
        }

        /// Lets the client answer the first challenge.
        fn begin(&mut self) {
            let unauthorized = self.invite().unwrap_err();
            assert!(!is_stale(&unauthorized));
            assert!(self.challenge(&unauthorized));
        }
    }

    fn is_stale(unauthorized: &Unauthorized) -> bool {
        let lines: Vec<_> = unauthorized.challenges.iter().map(Header::value).collect();
        let stale = lines
            .iter()
            .filter(|it| it.as_str().ends_with(", stale=true"));
        let stale = stale.count();
        assert!(stale == 0 || stale == lines.len(), "{lines:?}");
        stale > 0
    }

    #[test]
    fn the_strongest_challenge_comes_first() {
        let mut bench = Bench::new();
        let unauthorized = bench.invite().unwrap_err();
        let lines = unauthorized.challenges.iter();
        let algorithms: Vec<_> = lines
            .filter_map(|line| {
                line.value()
                    .as_str()
                    .split_once("algorithm=")?
                    .1
                    .split_once(',')
            })
            .map(|(algorithm, _)| algorithm)
            .collect();
        assert_eq!(algorithms, ["SHA-512-256", "SHA-256", "MD5"]);
    }

    #[test]
    fn who_knows_the_password_is_known() {
        for algorithm in DigestAlgorithm::ALL {
            let mut bench = Bench::new();
            bench.server = bench.server.with_algorithms(&[algorithm]);
            bench.begin();
            for _ in 0..3 {
                assert_eq!(bench.invite().unwrap(), "alice");
            }
        }
    }

    #[test]
    fn a_hash_does_instead_of_a_password() {
        let mut bench = Bench::new();
        bench.server = bench.server.with_algorithms(&[DigestAlgorithm::Md5]);
        bench.begin();
        let credentials = bench.credentials();
        let request = invite("sip:bob@b", "offer", &credentials);
        let of_realm = |realm: &'static str| {
            let hash = alice("secret").hash(realm, DigestAlgorithm::Md5);
            let (user, realm) = (Text::from_static("alice"), Text::from_static(realm));
            Credentials::ha1(user, realm, DigestAlgorithm::Md5, hash)
        };
        let mut ask = |user: Credentials| {
            let users = |_: &str| vec![user.clone()];
            bench.server.authenticate(bench.now, &request, users)
        };
        assert!(ask(of_realm("other")).is_err());
        assert!(ask(of_realm("lab")).is_ok());
    }

    #[test]
    fn others_are_not() {
        let mut bench = Bench::new();
        bench.begin();
        let [header] = &bench.credentials()[..] else {
            panic!("one challenge is answered");
        };
        let right = header.value().as_str();
        let digit = if right.contains("response=\"0") {
            "1"
        } else {
            "0"
        };
        for (part, other) in [
            ("username=\"alice\"", "username=\"bob\""),
            ("realm=\"lab\"", "realm=\"other\""),
            ("uri=\"sip:bob@b\"", "uri=\"sip:carol@b\""),
            ("uri=\"sip:bob@b\"", "uri=\"\""),
            ("SHA-512-256", "SHA-256"),
            ("qop=auth", "qop=auth-int"),
            ("nc=00000001", "nc=00000002"),
            ("Digest ", "Basic "),
            ("realm=\"lab\"", "realm=\"lab"),
            ("response=\"", &format!("response=\"{digit}")),
        ] {
            assert!(right.contains(part), "{right}");
            let wrong = Text::new(right.replacen(part, other, 1)).unwrap();
            let wrong = Header::known(HeaderName::Authorization, wrong);
            let unauthorized = bench
                .ask(&invite("sip:bob@b", "offer", &[wrong]))
                .unwrap_err();
            assert!(!is_stale(&unauthorized), "{other}");
        }
        let header = header.clone();
        assert!(bench.ask(&invite("sip:bob@b", "offer", &[header])).is_ok());
    }

    #[test]
    fn a_wrong_password_is_refused_without_end_of_challenges() {
        let mut bench = Bench::new();
        bench.client = Authentication::new(vec![alice("guess")]);
        bench.begin();
        let unauthorized = bench.invite().unwrap_err();
        assert!(!is_stale(&unauthorized));
        assert!(
            !bench.challenge(&unauthorized),
            "the client does not try again"
        );
    }

    #[test]
    fn credentials_are_for_the_address_that_was_called() {
        let mut bench = Bench::new();
        bench.begin();
        for (uri, is_right) in [
            ("sip:bob@192.0.2.1", true), // To says that it was sip:bob@b.
            ("sip:bob@b:5070", true),
        ] {
            let credentials = bench.credentials();
            let asked = bench.ask(&invite(uri, "offer", &credentials));
            assert_eq!(asked.is_ok(), is_right, "{uri}");
        }
        for (digest_uri, request_uri, is_right) in [
            // To lacks what the caller had behind the host, and a proxy has another target.
            ("sip:bob@b:5070;transport=tcp", "sip:bob@192.0.2.1", true),
            ("sip:%62ob@B:5070;transport=tcp", "sip:7@192.0.2.1", true),
            // The caller was sent on, and To is of before.
            ("sip:carol@c:5070", "sip:carol@192.0.2.1:5060", true),
            ("sip:carol@b", "sip:bob@192.0.2.1", false),
            ("sip:bob@c", "sip:carol@192.0.2.1", false),
            ("sip:b", "sip:bob@192.0.2.1", false),
            ("sips:bob@b", "sip:bob@192.0.2.1", false),
            ("tel:+1", "sip:bob@192.0.2.1", false),
        ] {
            let credentials = bench.client.authorize(Protected {
                method: "INVITE",
                uri: digest_uri,
                body: b"offer",
            });
            let asked = bench.ask(&invite(request_uri, "offer", &credentials));
            assert_eq!(asked.is_ok(), is_right, "{digest_uri} {request_uri}");
            assert!(asked.is_ok() || !is_stale(&asked.unwrap_err()));
        }
    }

    #[test]
    fn a_replay_is_refused_and_what_is_merely_old_may_try_again() {
        let mut bench = Bench::new();
        bench.begin();
        let credentials = bench.credentials();
        let request = invite("sip:bob@b", "offer", &credentials);
        assert!(bench.ask(&request).is_ok());
        assert!(is_stale(&bench.ask(&request).unwrap_err()));
        assert!(bench.invite().is_ok());

        bench.now += LIFETIME + Duration::from_millis(1);
        let unauthorized = bench.invite().unwrap_err();
        assert!(is_stale(&unauthorized));
        bench.client.begin();
        assert!(bench.challenge(&unauthorized));
        assert!(bench.invite().is_ok());
    }

    #[test]
    fn after_a_restart_the_nonces_of_before_are_stale() {
        let mut bench = Bench::new();
        bench.begin();
        bench.server = Authenticator::new(&Text::from_static("lab"), [9; 32]);
        assert!(is_stale(&bench.invite().unwrap_err()));
    }

    #[test]
    fn the_body_is_protected_where_the_client_wants_it() {
        let mut bench = Bench::new();
        let mut unauthorized = bench.invite().unwrap_err();
        for header in &mut unauthorized.challenges {
            let line = header.value().as_str().replace("auth,auth-int", "auth-int");
            *header = Header::known(HeaderName::WwwAuthenticate, Text::new(line).unwrap());
        }
        assert!(bench.challenge(&unauthorized));
        assert!(bench.invite().is_ok());
        let credentials = bench.credentials();
        assert!(
            bench
                .ask(&invite("sip:bob@b", "other", &credentials))
                .is_err()
        );
    }

    #[test]
    fn credentials_of_other_realms_are_left_alone() {
        let mut bench = Bench::new();
        bench.begin();
        let other = Text::from_static("Digest username=\"x\", realm=\"other\"");
        let mut headers = vec![Header::known(HeaderName::Authorization, other)];
        headers.extend(bench.credentials());
        assert!(bench.ask(&invite("sip:bob@b", "offer", &headers)).is_ok());
    }

    #[test]
    fn credentials_for_another_server_of_the_realm_do_no_harm() {
        let mut other = Bench::new();
        other.server = Authenticator::new(&Text::from_static("lab"), [9; 32]);
        let mut bench = Bench::new();
        other.begin();
        bench.begin();
        let theirs = other.credentials().remove(0);
        let own = bench.credentials().remove(0);
        let wrong = own.value().as_str().replace("nc=00000001", "nc=00000002");
        let wrong = Header::known(HeaderName::Authorization, Text::new(wrong).unwrap());
        let mut ask = |headers: &[Header]| bench.ask(&invite("sip:bob@b", "offer", headers));
        assert!(is_stale(
            &ask(&[wrong.clone(), theirs.clone()]).unwrap_err()
        ));
        let mut too_many = vec![wrong.clone(); MOST_TRIED];
        too_many.push(own.clone());
        assert!(!is_stale(&ask(&too_many).unwrap_err()));
        assert_eq!(ask(&[theirs, wrong, own]).unwrap(), "alice");
    }

    #[test]
    fn a_realm_may_need_its_quotes() {
        let realm = Text::from_static("CORP\\lab \"1\"");
        let algorithm = DigestAlgorithm::Md5;
        let known = |realm: &Text, hashed: &str| {
            let hash = alice("secret").hash(hashed, algorithm);
            Credentials::ha1(Text::from_static("alice"), realm.clone(), algorithm, hash)
        };
        let own = [
            alice("secret"),
            alice("secret").for_realm(realm.clone()),
            known(&realm, realm.as_str()),
        ];
        for client in &own {
            let mut bench = Bench::new();
            bench.server = Authenticator::new(&realm, [1; 32]).with_algorithms(&[algorithm]);
            bench.client = Authentication::new(vec![client.clone()]);
            bench.begin();
            for user in &own {
                let credentials = bench.credentials();
                let request = invite("sip:bob@b", "offer", &credentials);
                let users = |_: &str| vec![user.clone()];
                let asked = bench.server.authenticate(bench.now, &request, users);
                assert_eq!(asked.unwrap(), "alice");
            }
        }

        let mut bench = Bench::new();
        bench.server = Authenticator::new(&realm, [1; 32]).with_algorithms(&[algorithm]);
        let as_it_stands = known(&realm, &quote(realm.as_str()));
        bench.client = Authentication::new(vec![as_it_stands]);
        bench.begin();
        assert_eq!(bench.invite().unwrap(), "alice");
    }

    #[test]
    fn any_change_to_credentials_is_borne() {
        let mut bench = Bench::new();
        bench.begin();
        let credentials = bench.credentials();
        let right = credentials[0].value().as_str();
        for at in 0..right.len() {
            for other in ["", "\"", "\\", ",", "=", " ", "0", "%", "'", "ä"] {
                let wrong = format!("{}{other}{}", &right[..at], &right[at + 1..]);
                let wrong = Header::known(HeaderName::Authorization, Text::new(wrong).unwrap());
                let asked = bench.ask(&invite("sip:bob@b", "offer", &[wrong]));
                assert!(asked.is_err() || asked.is_ok_and(|user| user == "alice"));
            }
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let bench = Bench::new();
        let shown = format!("{:?}", bench.server);
        assert_eq!(
            shown,
            "Authenticator { realm: \"lab\", algorithms: [Sha512T256, Sha256, Md5], nonces: Nonces { used: 0, .. } }"
        );
    }
}
