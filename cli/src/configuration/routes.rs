use std::{collections::HashMap, time::Duration};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::{error::Defect, route::Route};

/// The routes by user.
#[derive(Debug, Default)]
pub(crate) struct Routes(HashMap<String, Route>);

impl Routes {
    /// The route of `user`, or else that of every user without one.
    pub(crate) fn of(&self, user: Option<&str>) -> &Route {
        user.and_then(|user| self.0.get(user))
            .or_else(|| self.0.get(EVERY_OTHER))
            .expect("the default configuration has a route for every other user")
    }

    /// The longest that a call for any of them goes without a final response.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.0.values().map(Route::wait).max().unwrap_or_default()
    }

    /// Reads the array of `[[route]]` tables that stands at `listed` in `text`.
    pub(super) fn read(text: &str, listed: Spanned<DeValue<'_>>) -> Result<Self, Defect> {
        let position = listed.span().start;
        let DeValue::Array(listed) = listed.into_inner() else {
            let what = "a route begins with the line `[[route]]`, and its keys follow";
            return Err(Defect::at(text, position, what.to_owned()));
        };

        let mut routes = HashMap::with_capacity(listed.len());
        for table in listed {
            let position = table.span().start;
            let route = read_one(text, table)?;
            if let Some(twice) = routes.insert(route.user.clone(), route) {
                let what = format!("route {:?} is there twice; leave one out", twice.user);
                return Err(Defect::at(text, position, what));
            }
        }
        Ok(Self(routes))
    }

    /// Puts each route of `listed` in the place of the one for the same user.
    pub(super) fn replace(&mut self, listed: Self) {
        self.0.extend(listed.0);
    }
}

fn read_one(text: &str, table: Spanned<DeValue<'_>>) -> Result<Route, Defect> {
    let position = table.span().start;
    let user = table
        .get_ref()
        .get("user")
        .and_then(|user| user.get_ref().as_str());
    let user = user.map(str::to_owned);
    Route::deserialize(ValueDeserializer::from(table))
        .map_err(|error| Defect::in_route(text, position, user.as_deref(), error))
}

const EVERY_OTHER: &str = "*";
