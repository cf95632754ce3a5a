use std::{collections::HashMap, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{error::Defect, route::Route, tables::Tables};

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

    /// Whether there is one for just this user.
    pub(super) fn has(&self, user: &str) -> bool {
        self.0.contains_key(user)
    }

    /// The user of a route whose callers have to be known.
    pub(super) fn authenticated(&self) -> Option<&str> {
        let mut routes = self.0.values();
        let route = routes.find(|route| route.authenticate)?;
        Some(&route.user)
    }

    /// Reads the array of `[[route]]` tables that stands at `listed` in `text`.
    pub(super) fn read(text: &str, listed: Spanned<DeValue<'_>>) -> Result<Self, Defect> {
        let mut routes = HashMap::new();
        for (position, route) in ROUTES.read::<Route>(text, listed)? {
            if let Some(twice) = routes.insert(route.user.clone(), route) {
                let what = "is there twice; leave one out";
                return Err(ROUTES.defect(text, position, &twice.user, what));
            }
        }
        Ok(Self(routes))
    }

    /// Puts each route of `listed` in the place of the one for the same user.
    pub(super) fn replace(&mut self, listed: Self) {
        self.0.extend(listed.0);
    }
}

const ROUTES: Tables = Tables {
    name: "route",
    key: "user",
    nameless: "route without a user",
};
const EVERY_OTHER: &str = "*";
