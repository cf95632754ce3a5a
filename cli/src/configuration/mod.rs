//! What `serve` does: the settings of `default.toml`, replaced one by one by those of the user's file.

mod account;
mod error;
mod media;
mod route;
mod routes;
mod secret;
mod tables;
mod target;
mod users;
mod values;

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use offhook::DigestAlgorithm;
use offhook_media::PortRange;
use serde::Deserialize;
use toml::{
    Spanned,
    de::{self, DeTable},
};

use self::error::Defect;
pub(crate) use self::{
    account::Accounts,
    route::{Answer, Media, Outcome, Route},
    routes::Routes,
    target::Target,
    users::Users,
};
use crate::answering::Recordings;
use crate::certificates::Certificates;
use crate::names::Names;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    #[serde(deserialize_with = "values::listeners")]
    pub(crate) listen: Vec<String>,
    #[serde(deserialize_with = "values::origins")]
    pub(crate) allow_origin: Vec<String>,
    #[serde(deserialize_with = "values::wait")]
    pub(crate) drain: Duration,
    #[serde(deserialize_with = "values::bound")]
    pub(crate) max_calls: usize,
    #[serde(deserialize_with = "values::bound")]
    pub(crate) max_transactions: usize,
    #[serde(deserialize_with = "values::wait")]
    pub(crate) longest_call: Duration,
    realm: String,
    #[serde(deserialize_with = "values::algorithms")]
    algorithms: Vec<DigestAlgorithm>,
    #[serde(default = "PortRange::any", deserialize_with = "values::ports")]
    pub(crate) rtp_ports: PortRange,
    #[serde(deserialize_with = "values::wait")]
    pub(crate) media_timeout: Duration,
    pub(crate) recordings: Recordings,
    #[serde(default, rename = "tls")]
    pub(crate) certificates: Certificates,
    pub(crate) advertise: Option<String>,
    #[serde(default, rename = "dns", deserialize_with = "values::dns")]
    pub(crate) names: Names,
    /// This and what follows are tables that may stand several times, and are read by themselves.
    #[serde(skip)]
    pub(crate) routes: Routes,
    #[serde(skip)]
    pub(crate) accounts: Accounts,
    #[serde(skip)]
    pub(crate) users: Users,
}

impl Configuration {
    /// The default configuration as `offhook config` prints it.
    pub(crate) const DEFAULT: &'static str = include_str!("default.toml");

    /// The default configuration with the settings of `file`, where one is given, in their place.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("{}: the configuration cannot be read", file.display()))?,
            None => String::new(),
        };
        let file = file.unwrap_or(Path::new("default.toml"));
        Self::parse(&text).map_err(|defect| defect.in_file(file))
    }

    /// What happens to the calls for a user.
    pub(crate) fn route(&self, user: Option<&str>) -> &Route {
        let chosen = user.and_then(|user| self.accounts.route(user));
        self.routes.of(chosen.or(user))
    }

    fn parse(text: &str) -> Result<Self, Defect> {
        let (mut settings, mut routes) = split(Self::DEFAULT)?;
        let (mut listed_settings, listed_routes) = split(text)?;
        routes.replace(listed_routes);
        let accounts = match listed_settings.remove("account") {
            Some(listed) => Accounts::read(text, listed, &routes)?,
            None => Accounts::default(),
        };
        let users = listed_settings.remove("user");
        settings.extend(listed_settings);

        let settings = de::Deserializer::from(Spanned::new(0..0, settings));
        let mut it = Self::deserialize(settings).map_err(|error| Defect::new(text, error))?;
        if let Some(listed) = users {
            it.users = Users::read(text, listed, &it.realm, it.algorithms.clone())?;
        }
        if let Some(route) = routes.authenticated()
            && it.users.is_empty()
        {
            let what = format!("route {route:?} has `authenticate`, and there is no `[[user]]`");
            return Err(Defect::in_all(what));
        }
        Ok(Self {
            routes,
            accounts,
            ..it
        })
    }
}

/// Routes are read one by one, so that an error can name the route it is in.
fn split(text: &str) -> Result<(DeTable<'_>, Routes), Defect> {
    let mut settings = DeTable::parse(text)
        .map_err(|error| Defect::new(text, error))?
        .into_inner();
    let routes = match settings.remove("route") {
        Some(listed) => Routes::read(text, listed)?,
        None => Routes::default(),
    };
    Ok((settings, routes))
}

#[cfg(test)]
mod tests;
