//! What must hold of the requests inside a dialog, seen from one end of it.

use std::time::Duration;

use offhook_message::Method;

use super::repetition::{LIFE, finals};
use super::timeline::{Received, Sent, Timeline};
use crate::clock::milliseconds;
use crate::packet::End;

/// What an end does inside a dialog and must not, or does not and must.
pub(super) fn check(timeline: &Timeline<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for sent in timeline.own_requests() {
        violations.extend(falling_cseq(timeline, sent));
        violations.extend(after_bye(timeline, sent));
        if is_change(&sent.key.method, sent.is_described) {
            violations.extend(second_change(timeline, sent));
            violations.extend(retry(timeline, sent));
        }
    }
    for received in &timeline.received {
        violations.extend(not_acknowledged(timeline, received));
        if received.status.is_none() && is_change(&received.key.method, received.is_described) {
            violations.extend(glare(timeline, received));
        }
    }
    violations
}

/// RFC 3261 §12.2.1.1: each request of a dialog has a higher number than the one before.
fn falling_cseq(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let before = timeline.own_requests();
    let mut before = before.filter(|it| it.key.tag == sent.key.tag && it.number < sent.number);
    let label = sent.label();
    before
        .any(|other| other.key.cseq >= sent.key.cseq)
        .then(|| format!("the CSeq of {label} does not rise (RFC 3261 §12.2.1.1)"))
}

/// RFC 3261 §15: a BYE is the last request of its dialog, but for the NOTIFYs of a subscription
/// that outlives the session (RFC 5057 §4.2), and for a BYE of ours where theirs came too late to be
/// taken (RFC 3261 §12.2.2).
fn after_bye(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    if sent.key.method == Method::Notify {
        return None;
    }
    let ours = timeline
        .bye(sent)
        .is_some_and(|bye| bye.number < sent.number);
    let theirs = timeline.is_ended_by_peer(sent);
    let is_needed = ours && is_accepted_late(timeline, sent);
    (theirs || (ours && !is_needed))
        .then(|| format!("{} comes after the BYE (RFC 3261 §15)", sent.label()))
}

/// Whether a BYE ends a session whose 2xx crossed the BYE to its early dialog
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
fn is_accepted_late(timeline: &Timeline<'_>, sent: &Sent<'_>) -> bool {
    let first = timeline.bye(sent).map_or(usize::MAX, |bye| bye.number);
    let mut received = timeline.received.iter();
    let accepted = received.find(|it| {
        it.key.method == Method::Invite && it.status.is_some_and(|it| (200..300).contains(&it))
    });
    sent.key.method == Method::Bye
        && accepted.is_some_and(|it| it.sent > first && it.sent <= sent.number)
}

/// RFC 3261 §14.1, RFC 3311 §5.1: no change is asked for while another is open, ours or theirs.
fn second_change(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let mut ours = timeline.own_requests().filter(|other| {
        other.number < sent.number
            && is_change(&other.key.method, other.is_described)
            && !(is_early(sent) && other.packet.to_tag().is_none())
    });
    let is_open = |other: &&Sent<'_>| {
        let answer = timeline.answer(other);
        answer.is_none_or(|answer| answer.sent > sent.number)
    };
    let mut theirs = timeline.received.iter().filter(|other| {
        other.status.is_none()
            && other.sent <= sent.number
            && is_change(&other.key.method, other.is_described)
            && !(is_early(sent) && other.key.tag.is_none())
    });
    let is_unanswered = |other: &&Received<'_>| {
        let answer = timeline.answer_to(other);
        answer.is_none_or(|answer| answer.number > sent.number)
    };
    let is_good = ours.find(is_open).is_none() && theirs.find(is_unanswered).is_none();
    let label = sent.label();
    (!is_good).then(|| format!("{label} comes while another change is open (RFC 3261 §14.1)"))
}

/// RFC 3261 §14.2, RFC 3311 §5.2: who asks for a change does not agree to another meanwhile.
fn glare(timeline: &Timeline<'_>, received: &Received<'_>) -> Option<String> {
    let answer = timeline.answer_to(received)?;
    let mut ours = timeline.own_requests().filter(|sent| {
        sent.number < received.sent
            && sent.number < answer.number
            && sent.first() + LIFE > received.at
            && is_change(&sent.key.method, sent.is_described)
            && (received.key.method == Method::Invite || sent.packet.to_tag().is_some())
    });
    let open = ours.find(|sent| {
        let answer = timeline.answer(sent);
        answer.is_none_or(|answer| answer.order > received.order)
    })?;
    let is_agreed = answer.status.is_some_and(|status| status < 300);
    let (label, open) = (answer.label(), open.label());
    is_agreed.then(|| format!("{label} is sent while {open} is open (RFC 3261 §14.2)"))
}

/// RFC 3261 §14.1: a change that got 491 is sent again in 2.1 to 4 s by the owner of the Call-ID,
/// in 0 to 2 s by the other one; later where one of the peer's is open then.
fn retry(timeline: &Timeline<'_>, sent: &Sent<'_>) -> Option<String> {
    let before = timeline.own_requests().filter(|other| {
        other.number < sent.number
            && other.key.method == sent.key.method
            && other.packet.body() == sent.packet.body()
    });
    let refusal = timeline.answer(before.last()?)?;
    if refusal.status != Some(491) {
        return None;
    }
    let (least, most) = match timeline.end {
        End::Client => (2100, 4000),
        End::Server => (0, 2000),
    };
    let (least, most) = (milliseconds(least), milliseconds(most));
    let after = sent.first().saturating_sub(refusal.at);
    let may_be_late = is_peer_changing(timeline, refusal.at + least, refusal.at + most);
    let is_good = after >= least && (after <= most || may_be_late);
    let label = sent.label();
    (!is_good).then(|| format!("{label} comes {after:?} after the 491 (RFC 3261 §14.1)"))
}

/// Whether a change of the peer's is open at some time of these: from its arrival until our answer,
/// or the ACK of that.
fn is_peer_changing(timeline: &Timeline<'_>, from: Duration, until: Duration) -> bool {
    let received = || timeline.received.iter().filter(|it| it.status.is_none());
    let mut changes = received().filter(|it| is_change(&it.key.method, it.is_described));
    changes.any(|change| {
        let answer = timeline.answer_to(change);
        let end = answer.and_then(|answer| {
            if !answer.answers_invite(200..300) {
                return Some(answer.first());
            }
            let mut acks = received().filter(|it| it.key.method == Method::Ack);
            Some(acks.find(|ack| ack.key.cseq == change.key.cseq)?.at)
        });
        change.at <= until && end.is_none_or(|end| end >= from)
    })
}

/// RFC 3261 §13.2.2.4, §17.1.1.3: each final response to an INVITE gets an ACK at once.
fn not_acknowledged(timeline: &Timeline<'_>, received: &Received<'_>) -> Option<String> {
    let is_final = received.status.is_some_and(|status| status >= 200);
    if !is_final || received.key.method != Method::Invite {
        return None;
    }
    let mut acks = timeline
        .sent
        .iter()
        .filter(|sent| sent.is_request(&Method::Ack));
    let is_acknowledged = acks.any(|ack| {
        let is_meant = finals(timeline, ack).any(|other| other.order == received.order);
        is_meant && ack.first() <= received.at
    });
    let is_late = !timeline.is_in_time(received) || is_over(timeline, received);
    let at = received.at;
    (!is_acknowledged && !is_late).then(|| {
        format!("the response to INVITE that came at {at:?} has no ACK (RFC 3261 §13.2.2.4)")
    })
}

/// Whether the dialog of a re-INVITE is gone, so that nobody can acknowledge a 2xx to it: a BYE was
/// answered, which ends the repetition of the 2xx too.
fn is_over(timeline: &Timeline<'_>, received: &Received<'_>) -> bool {
    let mut before = timeline.received.iter();
    let mut before = before.by_ref().take_while(|it| it.order < received.order);
    let is_end = |it: &Received<'_>| it.key.method == Method::Bye;
    let has_ended = before.any(|it| is_end(it) && it.key.tag == received.key.tag);
    let is_success = received.status.is_some_and(|status| status < 300);
    has_ended && is_success && (timeline.end == End::Server || received.key.cseq > 1)
}

/// Whether a change may be one of an early dialog: that goes beside the first INVITE, whose offer is
/// answered there ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
fn is_early(sent: &Sent<'_>) -> bool {
    sent.key.method == Method::Update
}

/// Whether a request asks for a change of the session that has to be agreed on.
fn is_change(method: &Method, is_described: bool) -> bool {
    *method == Method::Invite || (*method == Method::Update && is_described)
}
