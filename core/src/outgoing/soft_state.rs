//! What a server keeps for us only as long as we refresh it: a binding, a subscription, a published
//! state.

use std::time::{Duration, Instant};

use offhook_message::{Headers, Response, StatusCode};

use crate::flow::{Channel, Flow};
use crate::random::Random;

/// How long a server is to keep something for us, and how often that went wrong.
#[derive(Debug)]
pub(crate) struct SoftState {
    /// What is asked for, in seconds: at least what the server wants.
    pub(crate) expires: u32,
    /// How often in a row it failed.
    pub(crate) failures: u32,
    /// How often in a row the server asked for a longer time.
    too_brief: u32,
    /// The connection that the server reaches us by, and since when. `None` where the next try has a time
    /// already.
    connection: Option<(Channel, Instant)>,
}

impl SoftState {
    pub(crate) fn new(expires: u32) -> Self {
        Self {
            expires,
            failures: 0,
            too_brief: 0,
            connection: None,
        }
    }

    /// The server has it.
    pub(crate) fn is_kept(&mut self) {
        self.failures = 0;
        self.too_brief = 0;
    }

    /// The server has accepted it by this flow, which is its way to us from now on.
    pub(crate) fn is_reached_by(&mut self, flow: Flow, now: Instant) {
        let same = self.connection.filter(|_| self.is_by(flow.channel));
        let connection = same.unwrap_or((flow.channel, now));
        self.connection = flow.transport.is_reliable().then_some(connection);
    }

    /// Whether this connection is the way of the server to us.
    pub(crate) fn is_by(&self, channel: Channel) -> bool {
        self.connection.is_some_and(|(own, _)| own == channel)
    }

    /// The connection is gone, and the next request goes another way already.
    pub(crate) fn lose_connection(&mut self) {
        self.connection = None;
    }

    /// The connection is gone. When to open the next: at once where this one has held for `life`, else after
    /// a while ([RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5)).
    pub(crate) fn reconnect_in(
        &mut self,
        now: Instant,
        life: Duration,
        random: &mut Random,
    ) -> Duration {
        match self.connection.take() {
            Some((_, since)) if now >= since + life => Duration::ZERO,
            _ => self.back_off(random),
        }
    }

    /// 423: takes the time that the server wants
    /// ([RFC 3261 §10.2.8](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.8)).
    pub(crate) fn is_longer_wanted(&mut self, response: &Response) -> bool {
        if response.status() != StatusCode::INTERVAL_TOO_BRIEF || self.too_brief >= MOST_TOO_BRIEF {
            return false;
        }
        let least = response.headers().min_expires().ok().flatten();
        let Some(least) = least.filter(|it| *it > self.expires) else {
            return false;
        };
        self.expires = least;
        self.too_brief += 1;
        true
    }

    /// When a server that refused is asked again: when it says so, or where it may only be in
    /// trouble. `None`: never.
    pub(crate) fn retry_in(
        &mut self,
        response: &Response,
        random: &mut Random,
    ) -> Option<Duration> {
        self.connection = None;
        let is_trouble = matches!(response.status().as_u16(), 408 | 430 | 480 | 500..=599);
        match retry_after(response.headers()) {
            Some(named) => Some(named),
            None if is_trouble => Some(self.back_off(random)),
            None => None,
        }
    }

    /// How long to wait after a failure
    /// ([RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5)).
    pub(crate) fn back_off(&mut self, random: &mut Random) -> Duration {
        self.connection = None;
        let per_mille = 500 + random.below(501);
        self.failures = self.failures.saturating_add(1);
        let factor = 2_u32.checked_pow(self.failures);
        let most = factor.and_then(|factor| BASE_BACK_OFF.checked_mul(factor));
        let most = most.unwrap_or(MOST_BACK_OFF).min(MOST_BACK_OFF);
        Duration::from_millis(most.as_secs() * per_mille)
    }
}

/// When to refresh what lives so long: after 50 to 90 % of its time, so that many clients do not
/// come at once.
pub(crate) fn refresh_after(life: Duration, random: &mut Random) -> Duration {
    let per_mille = 500 + random.below(401);
    let millis = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis / 1000 * per_mille).max(LEAST_WAIT)
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    let named = headers.retry_after().ok().flatten()?;
    Some(Duration::from_secs(named.seconds.into()).max(LEAST_WAIT))
}

/// No server is asked more often, whatever it grants or wants.
pub(crate) const LEAST_WAIT: Duration = Duration::from_secs(1);
/// RFC 5626 §4.5, where all flows have failed.
const BASE_BACK_OFF: Duration = Duration::from_secs(30);
/// RFC 5626 §4.5.
const MOST_BACK_OFF: Duration = Duration::from_mins(30);
/// How often in a row a server may want a longer time.
const MOST_TOO_BRIEF: u32 = 3;
