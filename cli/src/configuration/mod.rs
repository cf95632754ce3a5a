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

pub(crate) use self::{
    account::Accounts,
    route::{Answer, Media, Outcome, Route},
    routes::Routes,
    target::Target,
    users::Users,
};
use self::{error::Defect, values::Wait};
use crate::answering::Recordings;
use crate::certificates::Certificates;
use crate::names::Names;

#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) listen: Vec<String>,
    pub(crate) allow_origin: Vec<String>,
    pub(crate) drain: Duration,
    pub(crate) max_calls: usize,
    pub(crate) max_transactions: usize,
    pub(crate) longest_call: Duration,
    pub(crate) rtp_ports: PortRange,
    pub(crate) media_timeout: Duration,
    pub(crate) recordings: Recordings,
    pub(crate) certificates: Certificates,
    pub(crate) advertise: Option<String>,
    pub(crate) names: Names,
    pub(crate) routes: Routes,
    pub(crate) accounts: Accounts,
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

        let settings = Settings::deserialize(de::Deserializer::from(Spanned::new(0..0, settings)))
            .map_err(|error| Defect::new(text, error))?;
        let users = match users {
            Some(listed) => Users::read(text, listed, &settings.realm, settings.algorithms)?,
            None => Users::default(),
        };
        if let Some(route) = routes.authenticated()
            && users.is_empty()
        {
            let what = format!("route {route:?} has `authenticate`, and there is no `[[user]]`");
            return Err(Defect::in_all(what));
        }
        Ok(Self {
            listen: settings.listen,
            allow_origin: settings.allow_origin,
            drain: settings.drain.into(),
            max_calls: settings.max_calls,
            max_transactions: settings.max_transactions,
            longest_call: settings.longest_call.into(),
            rtp_ports: settings.rtp_ports,
            media_timeout: settings.media_timeout.into(),
            recordings: settings.recordings,
            certificates: settings.tls,
            advertise: settings.advertise,
            names: settings.dns,
            routes,
            accounts,
            users,
        })
    }
}

/// Everything but the tables that may stand several times.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(deserialize_with = "values::listeners")]
    listen: Vec<String>,
    #[serde(deserialize_with = "values::origins")]
    allow_origin: Vec<String>,
    drain: Wait,
    #[serde(deserialize_with = "values::bound")]
    max_calls: usize,
    #[serde(deserialize_with = "values::bound")]
    max_transactions: usize,
    longest_call: Wait,
    realm: String,
    #[serde(deserialize_with = "values::algorithms")]
    algorithms: Vec<DigestAlgorithm>,
    #[serde(default = "PortRange::any", deserialize_with = "values::ports")]
    rtp_ports: PortRange,
    media_timeout: Wait,
    recordings: Recordings,
    #[serde(default)]
    tls: Certificates,
    advertise: Option<String>,
    #[serde(default, deserialize_with = "values::dns")]
    dns: Names,
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
