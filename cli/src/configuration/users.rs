use offhook::{
    Authenticator, Credentials, DigestAlgorithm, ResponseOptions,
    message::{Rejection, Request, Text},
};
use serde::Deserialize;
use toml::{Spanned, de::DeValue};

use super::{error::Defect, secret::Secret, tables::Tables};
use crate::credentials::Password;

/// Who may call the routes that ask.
#[derive(Debug, Default)]
pub(crate) struct Users {
    /// `None` where there are no users.
    authenticator: Option<Authenticator>,
}

impl Users {
    /// The answer to a request that none of them sent.
    pub(crate) fn refusal(&self, request: &Request) -> Option<ResponseOptions<Rejection>> {
        let Some(authenticator) = &self.authenticator else {
            return Some(Rejection::FORBIDDEN.into());
        };
        let authenticated = authenticator.authenticate(request);
        authenticated.err().map(ResponseOptions::from)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.authenticator.is_none()
    }

    /// Reads the array of `[[user]]` tables that stands at `listed` in `text`.
    pub(super) fn read(
        text: &str,
        listed: Spanned<DeValue<'_>>,
        realm: &str,
        mut algorithms: Vec<DigestAlgorithm>,
    ) -> Result<Self, Defect> {
        let mut users = Vec::new();
        for (position, user) in USERS.read::<User>(text, listed)? {
            let name = user.name.clone();
            add(user, realm, &mut users, &mut algorithms)
                .map_err(|what| USERS.defect(text, position, &name, &what))?;
        }
        let authenticator = authenticator(realm, users).map_err(Defect::in_all)?;
        let authenticator = authenticator.with_algorithms(&algorithms);
        Ok(Self {
            authenticator: Some(authenticator),
        })
    }
}

/// Takes one more user, and the algorithms that all of them can be asked for.
fn add(
    User { name, secret }: User,
    realm: &str,
    users: &mut Vec<Credentials>,
    algorithms: &mut Vec<DigestAlgorithm>,
) -> Result<(), String> {
    if users.iter().any(|user| user.username().as_str() == name) {
        return Err("is there twice; leave one out".to_owned());
    }
    if let Secret::Ha1(algorithm, _) = &secret {
        algorithms.retain(|it| it == algorithm);
        if algorithms.is_empty() {
            return Err(NO_CHALLENGE.to_owned());
        }
    }
    users.push(secret.credentials(&name, Some(realm))?);
    Ok(())
}

fn authenticator(realm: &str, users: Vec<Credentials>) -> Result<Authenticator, String> {
    let realm = Text::new(realm).map_err(|error| format!("`realm` {realm:?}: {error}"))?;
    let of_name = move |name: &str| {
        let users = users.iter();
        let users = users.filter(|user| user.username().as_str() == name);
        users.cloned().collect()
    };
    Authenticator::new(&realm, of_name).map_err(|error| error.to_string())
}

/// One of the tables.
#[derive(Deserialize)]
#[serde(try_from = "Keys")]
struct User {
    name: String,
    secret: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: String,
    password: Option<Password>,
    password_env: Option<String>,
    ha1: Option<Password>,
}

impl TryFrom<Keys> for User {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let secret = Secret::read(keys.password, keys.password_env, keys.ha1)?;
        let name = keys.name;
        Ok(Self { name, secret })
    }
}

const USERS: Tables = Tables {
    name: "user",
    key: "name",
    nameless: "user without a name",
};
const NO_CHALLENGE: &str =
    "has a hash that is none of `algorithms`, or not all users can be asked for";
