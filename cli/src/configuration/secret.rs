use std::env;

use offhook::{Credentials, DigestAlgorithm, message::Text};

use crate::credentials::Password;

/// What proves that a user is who he says. No error cites it.
pub(super) enum Secret {
    Password(String),
    Ha1(DigestAlgorithm, String),
}

impl Secret {
    /// Of these three keys exactly one is to be there.
    pub(super) fn read(
        password: Option<Password>,
        password_env: Option<String>,
        ha1: Option<Password>,
    ) -> Result<Self, String> {
        match (password, password_env, ha1) {
            (Some(password), None, None) => Ok(Self::Password(password.0)),
            (None, Some(name), None) => env::var(&name).map(Self::Password).map_err(|_| {
                format!("`password_env` names {name:?}, and there is no such variable")
            }),
            (None, None, Some(hash)) => Self::ha1(hash.0),
            (None, None, None) => Err(format!("one of {KEYS} is needed")),
            _ => Err(format!("only one of {KEYS} can be set")),
        }
    }

    fn ha1(hash: String) -> Result<Self, String> {
        let is_hexadecimal = hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        match hash.len() {
            32 if is_hexadecimal => Ok(Self::Ha1(DigestAlgorithm::Md5, hash)),
            64 if is_hexadecimal => Ok(Self::Ha1(DigestAlgorithm::Sha256, hash)),
            _ => Err("`ha1` is not 32 (MD5) or 64 (SHA-256) hexadecimal digits".to_owned()),
        }
    }

    /// The credentials of that user. A hash is good for one realm alone.
    pub(super) fn credentials(
        self,
        user: &str,
        realm: Option<&str>,
    ) -> Result<Credentials, String> {
        let text = |name: &str, value: &str| {
            Text::new(value).map_err(|error| format!("`{name}` {value:?}: {error}"))
        };
        let user = text("user", user)?;
        let realm = realm.map(|realm| text("realm", realm)).transpose()?;
        match (self, realm) {
            (Self::Password(password), None) => Ok(Credentials::password(user, password)),
            (Self::Password(password), Some(realm)) => {
                Ok(Credentials::password(user, password).for_realm(realm))
            }
            (Self::Ha1(algorithm, hash), Some(realm)) => {
                Ok(Credentials::ha1(user, realm, algorithm, hash))
            }
            (Self::Ha1(..), None) => Err("`ha1` needs `realm`".to_owned()),
        }
    }
}

const KEYS: &str = "`password`, `password_env` and `ha1`";
