//! What must hold after every scenario, seen from outside.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::{Counts, Flow, Totals};
use offhook_message::{Message, Method, Response};

use crate::clock::seconds;
use crate::packet::{Direction, End, Packet};
use crate::trace::Trace;

/// What the responses of an end must not do, whatever the scenario.
pub(crate) fn check_responses(trace: &Trace, end: End) -> Vec<String> {
    let mut violations = Vec::new();
    let mut transactions: Vec<Answers<'_>> = Vec::new();
    let sent = trace
        .packets()
        .filter(|packet| packet.direction == end.sends());
    for packet in sent {
        match packet.message() {
            Ok(Message::Response(response)) => {
                if let Err(what) = check_response(&mut transactions, packet, response) {
                    violations.push(format!("packet #{}: {what}", packet.number));
                }
            }
            Ok(Message::Request(_)) => {}
            Err(malformed) => violations.push(format!("packet #{}: {malformed}", packet.number)),
        }
    }
    violations
}

/// What is wrong with the responses among the messages that a server has sent, in their order.
pub fn response_violations(sent: impl IntoIterator<Item = (Duration, Flow, Bytes)>) -> Vec<String> {
    let mut trace = Trace::default();
    for (number, (at, flow, bytes)) in sent.into_iter().enumerate() {
        let direction = Direction::FromServer;
        trace.push(Packet::new(number, at, direction, flow.remote, flow, bytes));
    }
    check_responses(&trace, End::Server)
}

/// What is left in a core when every timer has run out.
pub(crate) fn check_empty(counts: Counts) -> Option<String> {
    let counts = Counts {
        totals: Totals::default(),
        ..counts
    };
    (counts != Counts::default()).then(|| format!("{NOT_EMPTY}: {counts:?}"))
}

/// What one request was answered.
struct Answers<'a> {
    branch: &'a [u8],
    sent_by: &'a [u8],
    call_id: &'a [u8],
    cseq: Option<(u32, Method)>,
    to_tag: Option<&'a [u8]>,
    /// The final response, and when it was sent first.
    last: Option<(&'a Bytes, Duration)>,
}

fn check_response<'a>(
    transactions: &mut Vec<Answers<'a>>,
    packet: &'a Packet,
    response: &'a Response,
) -> Result<(), &'static str> {
    let headers = response.headers();
    let Ok(via) = headers.via() else {
        // A Via that is malformed behind its sent-by comes back as it is.
        let sender = headers.via_to_sent_by();
        return sender.map(drop).ok_or("a response without a Via");
    };
    // A request that lacks these is answered without them.
    let cseq = headers.cseq().ok().map(|cseq| (cseq.number, cseq.method));
    let call_id = headers.call_id().unwrap_or_default();
    let Some(branch) = via.branch() else {
        return Ok(()); // RFC 2543: it does not say which request it answers.
    };
    let known = transactions.iter().position(|other| {
        other.branch == branch
            && other.sent_by == via.sent_by
            && other.call_id == call_id
            && other.cseq == cseq
    });
    let index = known.unwrap_or_else(|| {
        transactions.push(Answers {
            branch,
            sent_by: via.sent_by,
            call_id,
            cseq,
            to_tag: None,
            last: None,
        });
        transactions.len() - 1
    });
    // A copy of a merged request is known by the life of the first one, not by its own.
    let began = transactions.iter().filter(|other| {
        other.call_id == transactions[index].call_id && other.cseq == transactions[index].cseq
    });
    let began = began.filter_map(|other| Some(other.last?.1)).min();
    let answers = &mut transactions[index];
    let status = response.status();
    let method = answers.cseq.as_ref().map(|(_, method)| method);
    if method == Some(&Method::Ack) {
        return Err("an ACK is answered");
    }
    if method != Some(&Method::Invite) && status.is_provisional() {
        return Err("a provisional response to another request than INVITE");
    }
    if let Some((last, at)) = answers.last {
        if packet.at >= began.unwrap_or(at) + LONGEST_LIFE && *last != packet.bytes {
            // A repetition that comes after its transaction's life is a new request.
            (answers.last, answers.to_tag) = (None, None);
        } else if *last != packet.bytes {
            return Err("another response follows a final one");
        }
    }
    if status.is_final() && answers.last.is_none() {
        answers.last = Some((&packet.bytes, packet.at));
    }
    let to_tag = headers.to().ok().and_then(|to| to.tag());
    if to_tag.is_none() {
        let needs_none = status.as_u16() == 100 || headers.to().is_err();
        return needs_none
            .then_some(())
            .ok_or("a response without a To tag");
    }
    if answers.to_tag.is_some_and(|tag| Some(tag) != to_tag) {
        return Err("the To tag is not that of the response before");
    }
    answers.to_tag = to_tag;
    Ok(())
}

/// How the violation begins that [`check_empty`] finds.
pub(crate) const NOT_EMPTY: &str = "the tables are not empty";

/// 64·T1: how long a transaction lives at most once it is answered, timer H and its like
/// ([RFC 3261, table 4](https://www.rfc-editor.org/rfc/rfc3261#page-265)).
const LONGEST_LIFE: Duration = seconds(32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Network, SERVER};
    use offhook_core::{Channel, Transport};

    /// What is wrong with these responses: status, method, To tag, branch.
    fn violations(responses: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let mut network = Network::new();
        let flow = Flow {
            transport: Transport::Udp,
            channel: Channel(0),
            local: SERVER,
            remote: SERVER,
        };
        for (status, method, tag, branch) in responses {
            let response = format!(
                "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{branch}\r\n\
                 To: <sip:b@c>{tag}\r\nCall-ID: d\r\nCSeq: 1 {method}\r\n\r\n"
            );
            let is_sent = network.send_from_server(Duration::ZERO, flow, response.into());
            assert!(is_sent);
        }
        check_responses(&network.trace, End::Server)
    }

    #[test]
    fn a_good_call_is_good() {
        let good = [
            ("100 Trying", "INVITE", "", "1"),
            ("180 Ringing", "INVITE", ";tag=1", "1"),
            ("200 OK", "INVITE", ";tag=1", "1"),
            ("200 OK", "INVITE", ";tag=1", "1"),
            ("200 OK", "BYE", ";tag=1", "2"),
            ("482 Loop Detected", "INVITE", ";tag=2", "3"),
            ("481 Gone", "CANCEL", ";tag=3", "3"),
        ];
        assert_eq!(violations(&good), [""; 0]);
    }

    #[test]
    fn each_violation_is_found() {
        let ok = ("200 OK", "INVITE", ";tag=1", "1");
        let cases = [
            (
                vec![ok, ("487 Request Terminated", "INVITE", ";tag=1", "1")],
                "packet #1: another response follows a final one",
            ),
            (
                vec![ok, ("180 Ringing", "INVITE", ";tag=1", "1")],
                "packet #1: another response follows a final one",
            ),
            (
                vec![("180 Ringing", "INVITE", ";tag=2", "1"), ok],
                "packet #1: the To tag is not that of the response before",
            ),
            (
                vec![("200 OK", "INVITE", "", "1")],
                "packet #0: a response without a To tag",
            ),
            (
                vec![("200 OK", "ACK", ";tag=1", "1")],
                "packet #0: an ACK is answered",
            ),
            (
                vec![("100 Trying", "BYE", "", "1")],
                "packet #0: a provisional response to another request than INVITE",
            ),
        ];
        for (responses, violation) in cases {
            assert_eq!(violations(&responses), [violation]);
        }
    }

    #[test]
    fn a_core_that_holds_something_is_not_empty() {
        let counts = Counts {
            totals: Totals {
                requests: 7,
                ..Totals::default()
            },
            ..Counts::default()
        };
        assert_eq!(check_empty(counts), None);
        let left = Counts {
            timers: 1,
            ..counts
        };
        assert!(check_empty(left).is_some());
    }
}
