//! That a session with a timer is refreshed in time, and does not live longer without.

use std::time::Duration;

use offhook_message::{Method, Refresher};

use super::timeline::{Sent, Timeline};
use crate::clock::seconds;

/// RFC 4028 §10, seen from one end.
pub(super) fn check(timeline: &Timeline<'_>) -> Vec<String> {
    let agreements = agreements(timeline);
    let over = over(timeline);
    let mut violations = Vec::new();
    for (index, agreement) in agreements.iter().enumerate() {
        let next = agreements.get(index + 1).map(|next| next.at);
        let until = over.into_iter().chain(next).min().unwrap_or(Duration::MAX);
        let violation = if agreement.is_ours {
            not_refreshed(timeline, agreement, until)
        } else {
            not_ended(timeline, agreement, until)
        };
        violations.extend(violation);
    }
    violations
}

/// What a 2xx says of the session timer.
struct Agreement {
    at: Duration,
    life: Duration,
    /// Whether this end refreshes.
    is_ours: bool,
}

/// Who refreshes begins when half of the time is over, and hangs up before the end of it if that
/// fails.
fn not_refreshed(
    timeline: &Timeline<'_>,
    agreement: &Agreement,
    until: Duration,
) -> Option<String> {
    let (half, end) = (
        agreement.at + agreement.life / 2,
        agreement.at + agreement.life,
    );
    let mut requests = timeline.own_requests();
    let is_begun = requests.any(|sent| {
        let is_refresh = matches!(sent.key.method, Method::Invite | Method::Update);
        is_refresh && (agreement.at..=half).contains(&sent.first())
    });
    let is_good = (is_begun || until <= half) && until <= end;
    (!is_good)
        .then(|| format!("no refresh comes by {half:?}, and no BYE by {end:?} (RFC 4028 §10)"))
}

/// Who waits for a refresh hangs up a third of the time before its end, or 32 s.
fn not_ended(timeline: &Timeline<'_>, agreement: &Agreement, until: Duration) -> Option<String> {
    let life = agreement.life;
    let end = agreement.at + life.saturating_sub((life / 3).min(seconds(32)));
    if until < end {
        return None;
    }
    let mut byes = timeline.own_requests();
    let is_ended = byes.any(|sent| sent.is_request(&Method::Bye) && sent.first() == end);
    (!is_ended && until != end)
        .then(|| format!("nobody refreshes, and no BYE comes at {end:?} (RFC 4028 §10)"))
}

/// What the 2xx say that this end has sent or received, in their order.
fn agreements(timeline: &Timeline<'_>) -> Vec<Agreement> {
    let is_success = |status: Option<u16>| status.is_some_and(|it| (200..300).contains(&it));
    let sent = timeline.sent.iter().filter(|sent| is_success(sent.status));
    let sent = sent.filter_map(|sent| {
        let expires = sent.session_expires.as_ref()?;
        Some(Agreement {
            at: sent.first(),
            life: seconds(expires.seconds.into()),
            is_ours: expires.refresher == Some(Refresher::Uas),
        })
    });
    let mut known = Vec::new();
    let received = timeline.received.iter();
    let received = received.filter_map(|received| {
        let is_first = !known.contains(&received.key.branch);
        let expires = received.session_expires.as_ref()?;
        if !is_success(received.status) || !is_first || !timeline.is_in_time(received) {
            return None;
        }
        known.push(received.key.branch);
        Some(Agreement {
            at: received.at,
            life: seconds(expires.seconds.into()),
            is_ours: expires.refresher != Some(Refresher::Uas),
        })
    });
    let mut agreements: Vec<_> = sent.chain(received).collect();
    agreements.sort_by_key(|agreement| agreement.at);
    agreements
}

/// When the session was over for this end: it sent or received BYE.
fn over(timeline: &Timeline<'_>) -> Option<Duration> {
    let mut ours = timeline.own_requests();
    let ours = ours.find(|sent| sent.is_request(&Method::Bye));
    let mut theirs = timeline.received.iter();
    let theirs = theirs.find(|it| it.status.is_none() && it.key.method == Method::Bye);
    let times = [ours.map(Sent::first), theirs.map(|it| it.at)];
    times.into_iter().flatten().min()
}
