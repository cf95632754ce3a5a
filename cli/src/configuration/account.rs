use std::collections::HashMap;

use serde::Deserialize;
use toml::{Spanned, de::DeValue};

use super::{error::Defect, routes::Routes, secret::Secret, tables::Tables};
use crate::{
    caller::{Path, proxy, sip_uri},
    credentials::Password,
    registering::{Account, LONGEST, address, registrar_of},
};

/// The addresses that are registered.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) accounts: Vec<Account>,
    /// By the user of the address: the route that its calls take.
    routes: HashMap<String, String>,
}

impl Accounts {
    /// The route of the calls for this user, by its name, where an account chooses it.
    pub(super) fn route(&self, user: &str) -> Option<&str> {
        self.routes.get(user).map(String::as_str)
    }

    /// Reads the array of `[[account]]` tables that stands at `listed` in `text`.
    pub(super) fn read(
        text: &str,
        listed: Spanned<DeValue<'_>>,
        routes: &Routes,
    ) -> Result<Self, Defect> {
        let mut accounts = Self::default();
        for (position, listed) in ACCOUNTS.read::<Listed>(text, listed)? {
            let aor = listed.account.aor.to_string();
            let defect = |what: &str| ACCOUNTS.defect(text, position, &aor, what);
            accounts.add(listed, routes).map_err(|it| defect(&it))?;
        }
        Ok(accounts)
    }

    fn add(&mut self, listed: Listed, routes: &Routes) -> Result<(), String> {
        let Listed { account, route } = listed;
        let mut others = self.accounts.iter();
        if others.any(|other| other.aor == account.aor && other.registrar == account.registrar) {
            return Err("is there twice; leave one out".to_owned());
        }
        let user = account.user().unwrap_or_default();
        let mut others = self.accounts.iter();
        let is_shared = others.any(|other| other.user().is_some_and(|other| other == user));
        if is_shared && self.routes.get(&user) != route.as_ref() {
            return Err(SHARED.to_owned());
        }
        if let Some(route) = route {
            if !routes.has(&route) {
                return Err(format!("takes the route {route:?}, and there is none"));
            }
            self.routes.insert(user, route);
        }
        self.accounts.push(account);
        Ok(())
    }
}

/// One of the tables.
#[derive(Deserialize)]
#[serde(try_from = "Keys")]
struct Listed {
    account: Account,
    route: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    aor: String,
    registrar: Option<String>,
    proxy: Option<String>,
    user: Option<String>,
    password: Option<Password>,
    password_env: Option<String>,
    ha1: Option<Password>,
    realm: Option<String>,
    expires: Option<u32>,
    route: Option<String>,
}

impl TryFrom<Keys> for Listed {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let aor = address(&keys.aor).map_err(|error| format!("`aor`: {error}"))?;
        let registrar = keys.registrar.as_deref().map(sip_uri).transpose();
        let registrar = registrar.map_err(|error| format!("`registrar`: {error}"))?;
        let proxy = keys.proxy.as_deref().map(proxy).transpose();
        let expires = keys.expires.unwrap_or(EXPIRES);
        if !(1..=LONGEST).contains(&i64::from(expires)) {
            return Err(format!("`expires` is {expires}; expected 1 to {LONGEST} s"));
        }
        let mut account = Account {
            registrar: registrar
                .or_else(|| registrar_of(&aor))
                .ok_or("`registrar` is missing")?,
            aor,
            path: Path {
                proxy: proxy.map_err(|error| format!("`proxy`: {error}"))?,
                credentials: None,
            },
            expires,
        };
        let is_open = keys.password.is_none() && keys.password_env.is_none() && keys.ha1.is_none();
        if !is_open {
            let user = keys.user.or_else(|| account.user()).unwrap_or_default();
            let secret = Secret::read(keys.password, keys.password_env, keys.ha1)?;
            account.path.credentials = Some(secret.credentials(&user, keys.realm.as_deref())?);
        } else if keys.user.is_some() {
            return Err("`user` needs `password`, `password_env` or `ha1`".to_owned());
        }
        Ok(Self {
            account,
            route: keys.route,
        })
    }
}

const ACCOUNTS: Tables = Tables {
    name: "account",
    key: "aor",
    nameless: "account without an aor",
};
/// In seconds.
const EXPIRES: u32 = 600;
const SHARED: &str =
    "has the user of another account and not its `route`: their calls cannot be told apart";
