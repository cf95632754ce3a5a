//! What must happen in a call besides repetition, and what must not.

use std::time::Duration;

use offhook_message::Method;

use super::repetition::{LIFE, acknowledgement, prack, reliable_until, success_until};
use super::timeline::{Received, Sent, Timeline};
use crate::packet::End;
use crate::trace::Trace;

/// What the server owes its peer and has not done, or has done too early.
pub(super) fn check(timeline: &Timeline<'_>, trace: &Trace) -> Vec<String> {
    let mut violations = Vec::new();
    violations.extend(unanswered(timeline));
    violations.extend(merged(timeline));
    for sent in &timeline.sent {
        let violation = if sent.is_request(&Method::Bye) {
            early_bye(timeline, sent)
        } else if sent.answers_invite(100..200) && sent.rseq.is_some() {
            without_prack(timeline, sent).or_else(|| out_of_order(timeline, sent))
        } else if sent.answers_invite(200..300) {
            let first = without_ack(timeline, sent).or_else(|| not_held(timeline, sent));
            first.or_else(|| not_described(timeline, sent, trace))
        } else if sent.answers_invite(300..700) {
            refusal_without_ack(timeline, sent, trace)
        } else {
            None
        };
        violations.extend(violation);
    }
    violations
}

/// RFC 3261 §8.2: every request is answered, and all but INVITE at once.
fn unanswered(timeline: &Timeline<'_>) -> Option<String> {
    for request in &timeline.received {
        if request.status.is_some() || request.key.method == Method::Ack {
            continue;
        }
        let mut answers = timeline.sent.iter().filter(|sent| {
            sent.status.is_some_and(|status| status >= 200)
                && sent.key.branch == request.key.branch
                && sent.key.method == request.key.method
        });
        let is_answered = answers
            .any(|answer| request.key.method == Method::Invite || answer.first() <= request.at);
        if !is_answered {
            let (method, at) = (&request.key.method, request.at);
            return Some(format!(
                "the {method} that came at {at:?} has no answer (RFC 3261 §8.2)"
            ));
        }
    }
    None
}

/// RFC 3261 §8.2.2.2: of two copies of one INVITE the second gets 482 as long as the first is
/// known.
fn merged(timeline: &Timeline<'_>) -> Option<String> {
    let invites = timeline.received.iter();
    let mut invites = invites.filter(|received| {
        let is_first = received.key.tag.is_none() && received.status.is_none();
        is_first && received.key.method == Method::Invite
    });
    let first = invites.next()?;
    let other = invites.find(|other| other.key.branch != first.key.branch)?;
    let accepted = timeline
        .sent
        .iter()
        .find(|sent| sent.answers_invite(200..300) && sent.key.branch == first.key.branch);
    let known_until = accepted.map_or(Duration::MAX, |accepted| accepted.first() + LIFE);
    let mut answers = timeline.sent.iter();
    let wrong = answers.find(|sent| {
        let is_answer = sent.key.branch == other.key.branch && sent.answers_invite(100..700);
        is_answer && !is_loop(sent) && sent.first() < known_until
    })?;
    let label = wrong.label();
    Some(format!(
        "{label} answers a copy that must get 482 (RFC 3261 §8.2.2.2)"
    ))
}

fn is_loop(sent: &Sent<'_>) -> bool {
    sent.status == Some(482)
}

/// RFC 3261 §15: the callee sends no BYE before the ACK, or before it has waited 64·T1 for it.
fn early_bye(timeline: &Timeline<'_>, bye: &Sent<'_>) -> Option<String> {
    if timeline.end == End::Client {
        return None;
    }
    let has_ack = timeline.received.iter().any(|received| {
        received.key.method == Method::Ack
            && received.key.tag == bye.key.tag
            && received.sent <= bye.number
    });
    let has_waited = timeline.sent.iter().any(|sent| {
        sent.answers_invite(200..300)
            && sent.key.tag == bye.key.tag
            && sent.first() + LIFE == bye.first()
    });
    let is_good = has_ack || has_waited;
    (!is_good).then(|| format!("{} comes before the ACK (RFC 3261 §15)", bye.label()))
}

/// RFC 3261 §13.3.1.4, §14.2: without an ACK comes BYE after 64·T1.
fn without_ack(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let end = sent.first() + LIFE;
    if success_until(timeline, sent) <= end {
        return None;
    }
    let bye = timeline.bye(sent).map(Sent::first);
    (bye.is_none_or(|at| at > end)).then(|| {
        let label = sent.label();
        format!("{label} has no ACK by {end:?}, and BYE comes at {bye:?} (RFC 3261 §13.3.1.4)")
    })
}

/// RFC 3262 §3: without a PRACK comes 504 after 64·T1.
fn without_prack(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let end = sent.first() + LIFE;
    let is_over = reliable_until(timeline, sent) < end;
    let mut finals = timeline.siblings(sent);
    let timeout = finals.any(|other| other.status == Some(504) && other.first() == end);
    let is_good = is_over || timeout || prack(timeline, sent).is_some_and(|found| found.at <= end);
    (!is_good).then(|| {
        let label = sent.label();
        format!("{label} has no PRACK by {end:?}, and no 504 comes then (RFC 3262 §3)")
    })
}

/// RFC 3262 §3: `RSeq` begins in the lower half and goes up by one, and the next response waits for
/// the PRACK.
fn out_of_order(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let before = timeline.siblings(sent);
    let before = before.filter(|other| other.rseq.is_some() && other.number < sent.number);
    let last = before.max_by_key(|other| other.number);
    let is_good = match (last, sent.rseq) {
        (_, None) => true,
        (None, Some(rseq)) => (1..1 << 31).contains(&rseq),
        (Some(last), Some(rseq)) => {
            let is_acknowledged =
                prack(timeline, last).is_some_and(|prack| prack.sent <= sent.number);
            last.rseq.is_some_and(|last| last + 1 == rseq) && is_acknowledged
        }
    };
    (!is_good).then(|| format!("{} is not the next in order (RFC 3262 §3)", sent.label()))
}

/// RFC 3262 §3: a 2xx waits for the PRACK of each response with a session description.
fn not_held(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let mut described = timeline
        .siblings(sent)
        .filter(|other| other.rseq.is_some() && other.is_described && other.number < sent.number);
    let open = described.find(|other| {
        let prack = prack(timeline, other);
        prack.is_none_or(|prack| prack.sent > sent.number)
    })?;
    let (label, open) = (sent.label(), open.label());
    Some(format!(
        "{label} does not wait for the PRACK of {open} (RFC 3262 §3)"
    ))
}

/// RFC 3261 §13.2.1: when the ACK is here, each side has described the session.
fn not_described(timeline: &Timeline<'_>, sent: &Sent<'_>, trace: &Trace) -> Option<String> {
    let number = sent.key.cseq;
    let is_ack = |ack: &Received<'_>| ack.key.cseq == number;
    let ack = timeline.first_in_dialog(sent, &Method::Ack, is_ack)?;
    let mut before = trace.packets().filter(|packet| packet.number < ack.number);
    if before.any(|packet| packet.label() == "BYE") {
        return None; // Nobody needs an answer any more.
    }
    let mut reliable = timeline.siblings(sent).filter(|other| other.rseq.is_some());
    let is_ours = sent.is_described || reliable.any(|other| other.is_described);
    let mut requests = timeline.requests(sent);
    let mut received = timeline.received.iter();
    let is_theirs = ack.is_described
        || requests.any(|invite| invite.is_described)
        || received.any(|other| other.key.method == Method::Prack && other.is_described);
    let is_good = is_ours && is_theirs;
    (!is_good).then(|| {
        let label = sent.label();
        format!("{label} is acknowledged, and the session is not described (RFC 3261 §13.2.1)")
    })
}

/// RFC 3261 §17.2.1: the application hears of a refusal that nobody acknowledged for 64·T1.
fn refusal_without_ack(timeline: &Timeline<'_>, sent: &Sent<'_>, trace: &Trace) -> Option<String> {
    let is_of_call = timeline
        .requests(sent)
        .all(|invite| invite.key.tag.is_none());
    if is_loop(sent) || !is_of_call {
        return None;
    }
    let end = sent.first() + LIFE;
    let is_acknowledged = acknowledgement(timeline, sent).is_some_and(|found| found.at <= end);
    let is_told = is_noted(trace, "NotAcknowledged", end);
    (is_acknowledged == is_told).then(|| {
        let (label, how) = (sent.label(), if is_told { "told" } else { "not told" });
        format!("the application is {how} at {end:?} that {label} has no ACK (RFC 3261 §17.2.1)")
    })
}

fn is_noted(trace: &Trace, text: &str, at: Duration) -> bool {
    trace.notes(End::Server).any(|note| note == (at, text))
}
