//! User names and passwords.

use std::{convert::Infallible, env, fmt, str::FromStr};

use anyhow::{Context, bail};
use clap::Args;
use offhook::{
    Credentials,
    message::{Response, Text},
};
use serde::{Deserialize, Deserializer, de::Error};
use toml::Value;
use tracing::warn;

#[derive(Debug, Args)]
pub(crate) struct CredentialArguments {
    /// Who we are for servers and proxies that ask
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// The password of --user
    ///
    /// Everybody on this machine can read it in the list of processes. The environment variable
    /// `OFFHOOK_PASSWORD` does the same and cannot be read so.
    #[arg(long, value_name = "SECRET")]
    password: Option<Password>,
}

impl CredentialArguments {
    /// The credentials, where there are any. `user` stands in where a password has no user name.
    pub(crate) fn read(&self, user: Option<&str>) -> anyhow::Result<Option<Credentials>> {
        let environment = env::var(PASSWORD).ok().filter(|it| !it.is_empty());
        let Some(password) = self.choose(environment.map(Password)) else {
            if self.user.is_some() {
                bail!("--user needs a password: set {PASSWORD}, or give --password");
            }
            return Ok(None);
        };
        if self.password.is_some() {
            warn!("everybody on this machine can read --password; {PASSWORD} is not shown");
        }
        let Some(user) = self.user.as_deref().or(user) else {
            if self.password.is_some() {
                bail!("--password needs --user");
            }
            return Ok(None);
        };
        let name = Text::new(user).with_context(|| format!("--user {user:?}"))?;
        Ok(Some(Credentials::password(name, password.0)))
    }

    /// What is typed is meant for this very call.
    fn choose(&self, environment: Option<Password>) -> Option<Password> {
        self.password.clone().or(environment)
    }
}

/// What to do about a refusal for want of credentials, or for wrong ones.
pub(crate) fn advise(response: &Response, given: Option<&Credentials>) {
    if let Some(advice) = advice(response, given) {
        warn!("{advice}");
    }
}

fn advice(response: &Response, given: Option<&Credentials>) -> Option<String> {
    if !matches!(response.status().as_u16(), 401 | 407) {
        return None;
    }
    Some(match given {
        None => format!("who we are is asked: give --user, and the password in {PASSWORD}"),
        Some(own) if own.can_answer(response.headers()) => {
            "the user name or the password is wrong".to_owned()
        }
        Some(_) => "nothing was answered: no challenge is of our realm, with an algorithm that we \
                    know"
            .to_owned(),
    })
}

/// A secret that no message shows.
#[derive(Clone, PartialEq)]
pub(crate) struct Password(pub(crate) String);

impl FromStr for Password {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Password {
    /// Cites nothing.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().ok_or_else(|| D::Error::custom(EXPECTED))?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

const EXPECTED: &str = "expected a text in quotes";
const PASSWORD: &str = "OFFHOOK_PASSWORD";

#[cfg(test)]
mod tests {
    use super::*;
    use offhook::message::{Message, parse};

    fn arguments(user: Option<&str>, password: Option<&str>) -> CredentialArguments {
        CredentialArguments {
            user: user.map(str::to_owned),
            password: password.map(|it| Password(it.to_owned())),
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let arguments = arguments(Some("alice"), Some("s3cret"));
        let text = format!("{arguments:?}");
        assert!(text.contains("alice") && !text.contains("s3cret"), "{text}");
        let credentials = arguments.read(None).unwrap();
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }

    #[test]
    fn advice_tells_a_wrong_password_from_a_challenge_without_an_answer() {
        let advice = |head: &str, realm: Option<&'static str>| {
            let head = format!(
                "SIP/2.0 {head}\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@a>;tag=a\r\nTo: <sip:a@a>\r\n\
                 Call-ID: a\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
            );
            let Ok(Message::Response(response)) = parse(head.into()) else {
                panic!("no response");
            };
            let own = realm.map(|realm| {
                Credentials::password(Text::from_static("a"), "b")
                    .for_realm(Text::from_static(realm))
            });
            super::advice(&response, own.as_ref())
        };
        let digest = "407 No\r\nProxy-Authenticate: Digest realm=\"lab\", nonce=\"n\"";
        assert!(advice(digest, None).unwrap().contains("give --user"));
        assert!(
            advice(digest, Some("lab"))
                .unwrap()
                .contains("password is wrong")
        );
        for (head, realm) in [
            (digest, "other"),
            ("401 No", "lab"),
            (
                "401 No\r\nWWW-Authenticate: Digest realm=\"lab\", nonce=\"n\", algorithm=SHA-3",
                "lab",
            ),
        ] {
            let advice = advice(head, Some(realm)).unwrap();
            assert!(advice.contains("nothing was answered"), "{advice}");
        }
        assert_eq!(advice("403 No", None), None);
    }

    #[test]
    fn what_is_typed_is_stronger_than_the_environment() {
        let environment = || Some(Password("environment".to_owned()));
        let typed = arguments(None, Some("typed")).choose(environment());
        assert_eq!(typed, Some(Password("typed".to_owned())));
        assert_eq!(arguments(None, None).choose(environment()), environment());
        assert_eq!(arguments(None, None).choose(None), None);
    }

    #[test]
    fn a_password_needs_a_user() {
        let error = arguments(None, Some("s3cret")).read(None).unwrap_err();
        assert_eq!(error.to_string(), "--password needs --user");
        let found = arguments(None, Some("s3cret")).read(Some("alice")).unwrap();
        assert_eq!(found.unwrap().username().as_str(), "alice");
    }
}
