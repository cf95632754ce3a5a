//! What an application knows of an account.

use std::fmt;

use offhook_message::Text;

use super::algorithm::DigestAlgorithm;
use super::params::unquote;

/// A user name with what proves it. The secret is never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Credentials {
    username: Text,
    realm: Option<Text>,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Password(String),
    Ha1 {
        algorithm: DigestAlgorithm,
        hash: String,
    },
}

impl Credentials {
    /// A user name with a password, for any realm.
    pub fn password(username: Text, password: impl Into<String>) -> Self {
        Self {
            username,
            realm: None,
            secret: Secret::Password(password.into()),
        }
    }

    /// A user name with the hash of `username:realm:password` in hexadecimal digits, which is good
    /// for that realm and that algorithm alone.
    pub fn ha1(
        username: Text,
        realm: Text,
        algorithm: DigestAlgorithm,
        hash: impl Into<String>,
    ) -> Self {
        Self {
            username,
            realm: Some(realm),
            secret: Secret::Ha1 {
                algorithm,
                hash: hash.into().to_ascii_lowercase(),
            },
        }
    }

    /// For this realm alone, so that no other server or proxy gets to see a response.
    #[must_use]
    pub fn for_realm(mut self, realm: Text) -> Self {
        self.realm = Some(realm);
        self
    }

    /// The user name.
    pub fn username(&self) -> &Text {
        &self.username
    }

    /// Whether they can answer a challenge of this realm, which is as it stands between quotes, and
    /// of this algorithm.
    pub(super) fn fit(&self, realm: &str, algorithm: DigestAlgorithm) -> bool {
        let own = self.realm.as_ref();
        let is_realm = own.is_none_or(|own| own.as_str() == unquote(realm));
        let is_algorithm = match &self.secret {
            Secret::Password(_) => true,
            Secret::Ha1 { algorithm: own, .. } => *own == algorithm,
        };
        is_realm && is_algorithm
    }

    /// The hash of `username:realm:password`. The realm has no quotes.
    pub(super) fn hash(&self, realm: &str, algorithm: DigestAlgorithm) -> String {
        match &self.secret {
            Secret::Password(password) => algorithm.hash([
                self.username.as_str().as_bytes(),
                realm.as_bytes(),
                password.as_bytes(),
            ]),
            Secret::Ha1 { hash, .. } => hash.clone(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let (user, realm) = (Text::from_static("alice"), Text::from_static("example.com"));
        let password = Credentials::password(user.clone(), "s3cret");
        assert_eq!(
            format!("{password:?}"),
            "Credentials { username: \"alice\", .. }"
        );
        let hash = Credentials::ha1(user, realm, DigestAlgorithm::Md5, "abcdef");
        assert_eq!(
            format!("{hash:?}"),
            "Credentials { username: \"alice\", .. }"
        );
    }
}
