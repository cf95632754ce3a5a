//! When each message of an end must have been sent again: worked out from what reached that end and
//! the text of the RFCs, not from the core.

use std::time::Duration;

use offhook_message::Method;

use super::timeline::{Received, Sent, Timeline};
use crate::clock::{milliseconds, seconds};

/// Messages that were sent again at other times than they must be.
pub(super) fn check(timeline: &Timeline<'_>) -> Vec<String> {
    let wrong = timeline.sent.iter().filter_map(|sent| {
        let rule = rule_of(timeline, sent);
        let expected = expected(timeline, sent, rule);
        let again = sent.times.get(1..).unwrap_or_default();
        (again != expected).then(|| {
            format!(
                "{} was sent again at {again:?}, but {} wants {expected:?}",
                sent.label(),
                rule.section()
            )
        })
    });
    wrong.collect()
}

/// How a message is repeated.
#[derive(Clone, Copy)]
enum Rule {
    /// Whenever its request comes again.
    Answer,
    /// Whenever its INVITE comes again, while nothing else was said; once a minute.
    Provisional,
    /// Until its PRACK too.
    Reliable,
    Success,
    Failure,
    /// Without a transaction: whenever its INVITE comes again.
    Stateless,
    Request,
    /// Until the first response.
    Invite,
    /// Whenever the final response comes again.
    Ack,
}

impl Rule {
    fn section(self) -> &'static str {
        match self {
            Self::Answer => "RFC 3261 §17.2.2",
            Self::Provisional => "RFC 3261 §13.3.1.1, §17.2.1",
            Self::Reliable => "RFC 3262 §3",
            Self::Success => "RFC 3261 §13.3.1.4",
            Self::Failure => "RFC 3261 §17.2.1",
            Self::Stateless => "RFC 3261 §8.2.7",
            Self::Request => "RFC 3261 §17.1.2.2",
            Self::Invite => "RFC 3261 §17.1.1.2",
            Self::Ack => "RFC 3261 §13.2.2.4, §17.1.1.2",
        }
    }
}

fn rule_of(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Rule {
    let Some(status) = sent.status else {
        return match sent.key.method {
            Method::Invite => Rule::Invite,
            Method::Ack => Rule::Ack,
            _ => Rule::Request,
        };
    };
    if sent.key.method != Method::Invite {
        // A request of a dialog that is gone has no transaction.
        return if status == 481 {
            Rule::Stateless
        } else {
            Rule::Answer
        };
    }
    match status {
        482 => Rule::Stateless,
        // A request of a dialog that is gone, or one that comes after its transaction's life.
        481 if !has_live_sibling(timeline, sent) && !is_ending(timeline, sent) => Rule::Stateless,
        100..200 if sent.rseq.is_some() => Rule::Reliable,
        100..200 => Rule::Provisional,
        200..300 => Rule::Success,
        _ => Rule::Failure,
    }
}

fn has_live_sibling(timeline: &Timeline<'_>, sent: &Sent<'_>) -> bool {
    let mut siblings = timeline.siblings(sent);
    siblings.any(|sibling| sibling.first() + LIFE > sent.first())
}

/// Whether our BYE is out and not answered, so that the dialog is still there.
fn is_ending(timeline: &Timeline<'_>, sent: &Sent<'_>) -> bool {
    let bye = timeline.bye(sent).filter(|bye| bye.number < sent.number);
    let bye = bye.filter(|_| !timeline.is_ended_by_peer(sent));
    bye.is_some_and(|bye| {
        let answer = timeline.answer(bye);
        answer.is_none_or(|answer| answer.sent > sent.number)
    })
}

fn expected(timeline: &Timeline<'_>, sent: &Sent<'_>, rule: Rule) -> Vec<Duration> {
    let first = sent.first();
    match rule {
        Rule::Answer => answers(timeline, sent, |again| again.at < first + LIFE),
        Rule::Stateless => {
            let (_, until) = superseded(timeline, sent);
            answers(timeline, sent, |again| again.at < until)
        }
        Rule::Provisional => {
            let (next, until) = superseded(timeline, sent);
            let minutes = (1..).map(|minute| first + seconds(60) * minute);
            let minutes = minutes.take_while(|at| *at <= until && sent.status != Some(100));
            let mut times = answers(timeline, sent, |again| again.sent <= next);
            if until < Duration::MAX {
                times.extend(minutes);
            }
            sorted(times)
        }
        Rule::Reliable => {
            let (next, _) = superseded(timeline, sent);
            let mut times = answers(timeline, sent, |again| again.sent <= next);
            times.extend(doubling(
                first,
                Duration::MAX,
                reliable_until(timeline, sent),
            ));
            sorted(times)
        }
        Rule::Success => doubling(first, T2, repeated_until(timeline, sent)),
        Rule::Failure => {
            let ack = acknowledgement(timeline, sent);
            let mut times = answers(timeline, sent, |again| {
                ack.is_none_or(|ack| again.order < ack.order)
            });
            if !timeline.is_stream {
                let until = ack.map_or(Duration::MAX, |ack| ack.at);
                times.extend(doubling(first, T2, until));
            }
            sorted(times)
        }
        Rule::Ack => {
            let finals = finals(timeline, sent).filter(|again| again.at < first + LIFE);
            finals.skip(1).map(|again| again.at).collect()
        }
        Rule::Request | Rule::Invite if timeline.is_stream => Vec::new(),
        Rule::Invite => {
            let mut responses = timeline.received.iter();
            let response = responses.find(|response| {
                response.status.is_some()
                    && response.key.branch == sent.key.branch
                    && response.key.method == Method::Invite
            });
            let until = response.map_or(Duration::MAX, |response| response.at);
            doubling(first, Duration::MAX, until)
        }
        Rule::Request => {
            let answer = timeline.answer(sent);
            doubling(first, T2, answer.map_or(Duration::MAX, |answer| answer.at))
        }
    }
}

/// The times at which the final response came that an ACK of ours is for.
pub(super) fn finals<'t, 'a>(
    timeline: &'t Timeline<'a>,
    ack: &'t Sent<'a>,
) -> impl Iterator<Item = &'t Received<'a>> {
    let is_final = |received: &&Received<'_>| {
        received.key.method == Method::Invite
            && received.key.cseq == ack.key.cseq
            && received.status.is_some_and(|status| status >= 200)
    };
    timeline.received.iter().filter(is_final)
}

/// Once for each time the request came again while the message was the one to answer with.
fn answers(
    timeline: &Timeline<'_>,
    sent: &Sent<'_>,
    is_in_time: impl Fn(&Received<'_>) -> bool,
) -> Vec<Duration> {
    let again = timeline.requests(sent);
    let again = again.filter(|again| again.sent > sent.number && is_in_time(again));
    again.map(|again| again.at).collect()
}

/// T1 after the first time, then at twice the interval up to `longest`, for 64·T1. What is due when
/// the cause to stop arrives is sent: timers come first.
fn doubling(first: Duration, longest: Duration, until: Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    let (mut at, mut interval) = (first + T1, T1);
    while at < first + LIFE && at <= until {
        times.push(at);
        interval = (interval * 2).min(longest);
        at += interval;
    }
    times
}

/// The next response to the same INVITE: the number of its packet, and when it was sent.
fn superseded(timeline: &Timeline<'_>, sent: &Sent<'_>) -> (usize, Duration) {
    let later = timeline.siblings(sent);
    let later = later.filter(|other| other.number > sent.number);
    let next = later.min_by_key(|other| other.number);
    next.map_or((usize::MAX, Duration::MAX), |next| {
        (next.number, next.first())
    })
}

/// When a reliable provisional response had done its work: its PRACK came, or a final response
/// went out.
pub(super) fn reliable_until(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Duration {
    let prack = prack(timeline, sent).map(|prack| prack.at);
    let finals = timeline.siblings(sent);
    let finals = finals.filter(|other| other.status.is_some_and(|status| status >= 200));
    let times = prack.into_iter().chain(finals.map(Sent::first));
    times.min().unwrap_or(Duration::MAX)
}

/// The PRACK of a reliable provisional response that came first.
pub(super) fn prack<'t, 'a>(
    timeline: &'t Timeline<'a>,
    sent: &Sent<'a>,
) -> Option<&'t Received<'a>> {
    timeline.first_in_dialog(sent, &Method::Prack, |prack| {
        prack.rack.as_ref().is_some_and(|rack| {
            Some(rack.rseq) == sent.rseq
                && rack.cseq == sent.key.cseq
                && rack.method == Method::Invite
        })
    })
}

/// When a 2xx had done its work: its ACK came, or the session was ended by either side.
pub(super) fn success_until(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Duration {
    let bye = timeline.first_in_dialog(sent, &Method::Bye, |bye| !timeline.is_overtaken(bye));
    let until = acknowledged_or_ended(timeline, sent);
    bye.map_or(until, |bye| bye.at.min(until))
}

/// When a 2xx is sent no more. A BYE of a peer that knows the early dialog does not say that it has arrived.
fn repeated_until(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Duration {
    let mut others = timeline.siblings(sent);
    if others.any(|other| matches!(other.status, Some(101..200))) {
        acknowledged_or_ended(timeline, sent)
    } else {
        success_until(timeline, sent)
    }
}

/// When the ACK of a 2xx came, or the answer to a BYE of ours.
fn acknowledged_or_ended(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Duration {
    let number = sent.key.cseq;
    let ack = timeline.first_in_dialog(sent, &Method::Ack, |ack| ack.key.cseq == number);
    let ours = timeline.bye(sent).and_then(|bye| timeline.answer(bye));
    let times = [ack, ours].into_iter().flatten();
    times.map(|stop| stop.at).min().unwrap_or(Duration::MAX)
}

/// The ACK of a refusal that came first.
pub(super) fn acknowledgement<'t, 'a>(
    timeline: &'t Timeline<'a>,
    sent: &Sent<'_>,
) -> Option<&'t Received<'a>> {
    let mut received = timeline.received.iter();
    received.find(|received| {
        received.status.is_none()
            && received.key.method == Method::Ack
            && received.key.branch == sent.key.branch
            && received.sent > sent.number
    })
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

/// The estimate of the round trip ([RFC 3261, table 4](https://www.rfc-editor.org/rfc/rfc3261#page-265)).
const T1: Duration = milliseconds(500);
/// The longest interval between repetitions.
const T2: Duration = seconds(4);
/// 64·T1.
pub(super) const LIFE: Duration = seconds(32);
