//! Whether both ends tell the same of how a call went.

use offhook_message::Method;

use super::timeline::Timeline;
use crate::caller::CallState;
use crate::descriptions::Descriptions;
use crate::packet::End;
use crate::trace::Trace;

/// Where the caller's end and what the server's application was told do not go together.
pub(super) fn check(
    timeline: &Timeline<'_>,
    trace: &Trace,
    caller: Option<CallState>,
) -> Vec<String> {
    let mut violations = Vec::new();
    let count = |start: &str| {
        let notes = trace.notes(End::Server);
        notes.filter(|(_, note)| note.starts_with(start)).count()
    };
    let accepted = timeline.sent.iter().filter(|sent| {
        let is_of_call = timeline
            .requests(sent)
            .all(|invite| invite.key.tag.is_none());
        sent.answers_invite(200..300) && is_of_call
    });
    let accepted = accepted.count();
    let (confirmed, ended) = (count("Confirmed"), count("Ended"));
    if confirmed > accepted {
        violations.push(format!("{accepted} calls accepted, {confirmed} confirmed"));
    }
    if ended < accepted {
        violations.push(format!("{accepted} calls accepted, {ended} ended"));
    }
    let is_agreed = match caller {
        Some(CallState::Ended) => accepted > 0,
        Some(CallState::Refused(status)) => {
            let mut refusals = timeline.sent.iter();
            let is_sent = refusals
                .any(|sent| sent.status == Some(status) && sent.key.method == Method::Invite);
            is_sent && confirmed == 0
        }
        Some(CallState::TimedOut) => confirmed == 0,
        Some(CallState::Calling | CallState::Proceeding | CallState::Established) | None => false,
    };
    if !is_agreed {
        violations.push(format!(
            "the ends do not agree: {caller:?} for the caller; {accepted} accepted, {confirmed} \
             confirmed and {ended} ended for the callee"
        ));
    }
    violations
}

/// After a change that failed both ends hold the descriptions from before it, after one that was
/// made both hold the new ones. While one is open they cannot know.
pub(super) fn check_descriptions(descriptions: Option<[Descriptions; 2]>) -> Option<String> {
    let [theirs, ours] = descriptions?;
    if theirs.offered.is_some() || ours.offered.is_some() {
        return None;
    }
    let (theirs, ours) = (theirs.agreed?, ours.agreed?);
    let is_same = theirs.ours == ours.theirs && theirs.theirs == ours.ours;
    (!is_same)
        .then(|| format!("the ends hold other descriptions: {theirs:?} and {ours:?} (RFC 3264 §8)"))
}
