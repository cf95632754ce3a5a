//! The challenges of one conversation, and our answers to them.

use bytes::Bytes;
use offhook_message::{Header, HeaderName, Headers, Message, Text, parse};

use super::challenge::{Challenge, LONGEST};
use super::credentials::Credentials;
use super::params::DigestParams;
use super::response::Protected;
use crate::random::{Random, Token};

/// Credentials, with the challenges that they have answered. Once a realm has challenged us, every
/// request has an answer for it
/// ([RFC 3261 §22.2, §22.3](https://www.rfc-editor.org/rfc/rfc3261#section-22.2)).
#[derive(Clone, Debug, Default)]
pub(crate) struct Authentication {
    credentials: Vec<Credentials>,
    answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    asker: Asker,
    challenge: Challenge,
    /// Which of the credentials answer it.
    credentials: usize,
    client_nonce: Token,
    /// How often the nonce was used.
    count: u32,
    /// How often this realm has challenged the present request.
    challenged: u8,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Server,
    Proxy,
}

impl Asker {
    fn challenges(self, headers: &Headers) -> impl Iterator<Item = Challenge> {
        let lines = headers.all(match self {
            Self::Server => HeaderName::WwwAuthenticate,
            Self::Proxy => HeaderName::ProxyAuthenticate,
        });
        lines.filter_map(|field| Challenge::parse(field.value))
    }

    fn credentials(self) -> HeaderName {
        match self {
            Self::Server => HeaderName::Authorization,
            Self::Proxy => HeaderName::ProxyAuthorization,
        }
    }

    fn next_nonce(self, headers: &Headers) -> Option<String> {
        let mut lines = headers.named(match self {
            Self::Server => "Authentication-Info",
            Self::Proxy => "Proxy-Authentication-Info",
        });
        let line = lines.next().filter(|line| line.value.len() <= LONGEST)?;
        let params = DigestParams::of(line.value)?;
        params.get("nextnonce").map(str::to_owned)
    }
}

impl Authentication {
    pub(crate) fn new(credentials: Vec<Credentials>) -> Self {
        Self {
            credentials,
            answers: Vec::new(),
        }
    }

    pub(crate) fn has_credentials(&self) -> bool {
        !self.credentials.is_empty()
    }

    /// Whether anybody has asked.
    pub(crate) fn is_used(&self) -> bool {
        !self.answers.is_empty()
    }

    /// A new request: it may be challenged again.
    pub(crate) fn begin(&mut self) {
        for answer in &mut self.answers {
            answer.challenged = 0;
        }
    }

    /// No server has asked.
    pub(crate) fn forget_servers(&mut self) {
        self.answers.retain(|answer| answer.asker != Asker::Server);
    }

    /// No proxy has asked.
    pub(crate) fn forget_proxies(&mut self) {
        self.answers.retain(|answer| answer.asker != Asker::Proxy);
    }

    /// Takes the challenges of a 401 or 407. True where the request is worth another try: a
    /// challenge is new, or only our nonce was too old.
    #[must_use]
    pub(crate) fn challenge(&mut self, headers: &Headers, random: &mut Random) -> bool {
        let mut is_worth = false;
        for asker in [Asker::Server, Asker::Proxy] {
            for (challenge, credentials) in self.strongest(asker.challenges(headers)) {
                is_worth |= self.take(asker, challenge, credentials, random);
            }
        }
        is_worth
    }

    /// Whether who asks would get another answer now than the one in these headers, because that
    /// request went out before we knew of him, or of his present nonce.
    pub(crate) fn is_newer(&self, sent: &Headers, challenge: &Headers) -> bool {
        self.answers.iter().any(|answer| {
            let mut asks = answer.asker.challenges(challenge);
            let nonce = format!(" nonce=\"{}\"", answer.challenge.nonce);
            let mut answered = sent.all(answer.asker.credentials());
            asks.any(|it| it.realm == answer.challenge.realm)
                && !answered.any(|field| String::from_utf8_lossy(field.value).contains(&nonce))
        })
    }

    /// Takes the nonce that a server or proxy wants from now on. Which of several it is does not
    /// say.
    pub(crate) fn take_next_nonce(&mut self, headers: &Headers, random: &mut Random) {
        for asker in [Asker::Server, Asker::Proxy] {
            let Some(nonce) = asker.next_nonce(headers) else {
                continue;
            };
            let mut answers = self.answers.iter_mut().filter(|it| it.asker == asker);
            let (Some(answer), None) = (answers.next(), answers.next()) else {
                continue;
            };
            // The secret of a session was made with the first nonce.
            if answer.challenge.nonce != nonce && !answer.challenge.algorithm.is_session {
                answer.challenge.nonce = nonce;
                answer.client_nonce = random.token();
                answer.count = 0;
            }
        }
    }

    /// The credentials for a request.
    pub(crate) fn authorize(&mut self, request: Protected<'_>) -> Vec<Header> {
        let Self {
            credentials,
            answers,
        } = self;
        let headers = answers.iter_mut().filter_map(|answer| {
            let name = answer.asker.credentials();
            answer.count = answer.count.saturating_add(1);
            let client_nonce = answer.client_nonce.to_string();
            let once = (client_nonce.as_str(), answer.count);
            let credentials = credentials.get(answer.credentials)?;
            let value = answer.challenge.answer(credentials, once, request);
            Some(Header::known(name, Text::new(value).ok()?))
        });
        headers.collect()
    }

    /// The credentials of an INVITE that was sent, which its ACK repeats
    /// ([RFC 3261 §22.1](https://www.rfc-editor.org/rfc/rfc3261#section-22.1)).
    pub(crate) fn of_request(invite: &Bytes) -> Vec<Header> {
        let Ok(Message::Request(invite)) = parse(invite.clone()) else {
            return Vec::new();
        };
        let askers = [Asker::Server, Asker::Proxy].into_iter();
        let fields = askers.flat_map(|asker| invite.headers().all(asker.credentials()));
        let headers = fields.filter_map(|field| {
            let value = std::str::from_utf8(field.value).ok()?;
            Some(Header::known(field.name, Text::new(value).ok()?))
        });
        headers.collect()
    }

    /// For each realm the strongest challenge that we can answer, of equal ones the first
    /// ([RFC 8760 §2.4](https://www.rfc-editor.org/rfc/rfc8760#section-2.4)).
    fn strongest(&self, challenges: impl Iterator<Item = Challenge>) -> Vec<(Challenge, usize)> {
        let mut strongest: Vec<(Challenge, usize)> = Vec::new();
        for challenge in challenges {
            let Some(credentials) = self.credentials_for(&challenge) else {
                continue;
            };
            let same = strongest
                .iter_mut()
                .find(|(other, _)| other.realm == challenge.realm);
            match same {
                Some((other, _)) if other.algorithm.hash >= challenge.algorithm.hash => {}
                Some(other) => *other = (challenge, credentials),
                None => strongest.push((challenge, credentials)),
            }
        }
        strongest
    }

    fn credentials_for(&self, challenge: &Challenge) -> Option<usize> {
        let mut credentials = self.credentials.iter();
        credentials.position(|own| own.fit(&challenge.realm, challenge.algorithm.hash))
    }

    fn take(
        &mut self,
        asker: Asker,
        challenge: Challenge,
        credentials: usize,
        random: &mut Random,
    ) -> bool {
        let mut answers = self.answers.iter_mut();
        let known = answers.find(|it| it.asker == asker && it.challenge.realm == challenge.realm);
        let Some(answer) = known else {
            if self.answers.len() >= MOST_REALMS {
                return false;
            }
            self.answers.push(Answer {
                asker,
                challenge,
                credentials,
                client_nonce: random.token(),
                count: 0,
                challenged: 1,
            });
            return true;
        };
        let is_new_nonce = answer.challenge.nonce != challenge.nonce;
        let is_refused = !(challenge.is_stale && is_new_nonce);
        if answer.challenged >= MOST_CHALLENGES || (answer.challenged > 0 && is_refused) {
            return false;
        }
        if is_new_nonce {
            answer.client_nonce = random.token();
            answer.count = 0;
        }
        answer.challenge = challenge;
        answer.credentials = credentials;
        answer.challenged += 1;
        true
    }
}

impl Credentials {
    /// Whether they can answer a challenge of this 401 or 407: one of Digest, of their realm, with
    /// an algorithm that we know ([RFC 3261 §22](https://www.rfc-editor.org/rfc/rfc3261#section-22)).
    pub fn can_answer(&self, response: &Headers) -> bool {
        let askers = [Asker::Server, Asker::Proxy].into_iter();
        let mut challenges = askers.flat_map(|asker| asker.challenges(response));
        challenges.any(|it| self.fit(&it.realm, it.algorithm.hash))
    }
}

/// How many realms may challenge one conversation: a server and the proxies on the way.
const MOST_REALMS: usize = 8;
/// How often one realm may challenge one request, stale nonces included.
const MOST_CHALLENGES: u8 = 3;
