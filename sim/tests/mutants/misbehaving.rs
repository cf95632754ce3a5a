//! Servers that do what they may not, with a client that is a core: whatever comes, each call of its
//! has an outcome, and it keeps nothing.

use offhook_core::Transport;
use offhook_sim::matrix::{CallFlow, Case, Schedule};
use offhook_sim::{CallState, End, Fault, Passing, every_schedule};

use crate::broken::{Broken, is, line, replace, sent, transmit};

impl Broken {
    /// Each response that begins with this, to this method, is another.
    fn responding(
        start: &'static str,
        method: &'static str,
        rewrite: impl Fn(&str) -> String + 'static,
    ) -> Self {
        Self::new(move |passing| match sent(&passing) {
            Some(text) if is(&text, start, method) => vec![replace(passing, rewrite(&text))],
            _ => vec![passing],
        })
    }

    /// Each response that begins with this is followed by another one, to the same request.
    fn also_responding(
        start: &'static str,
        method: &'static str,
        rewrite: impl Fn(&str) -> String + 'static,
    ) -> Self {
        Self::new(move |passing| {
            let text = sent(&passing).filter(|text| is(text, start, method));
            let also = text.zip(flow(&passing));
            let also = also.map(|(text, flow)| transmit(flow, rewrite(&text)));
            [Some(passing), also].into_iter().flatten().collect()
        })
    }
}

fn flow(passing: &Passing) -> Option<offhook_core::Flow> {
    match passing {
        Passing::Output(offhook_core::Output::Transmit(transmit)) => Some(transmit.flow),
        _ => None,
    }
}

fn without(text: &str, name: &str) -> String {
    let Some(value) = line(text, name) else {
        return text.to_owned();
    };
    text.replacen(&format!("{name}: {value}\r\n"), "", 1)
}

/// The To without or with another tag.
fn with_to_tag(text: &str, tag: &str) -> String {
    let to = line(text, "To").expect("a To");
    let bare = to.split(";tag=").next().expect("a part");
    text.replacen(&format!("To: {to}"), &format!("To: {bare}{tag}"), 1)
}

fn with_cseq(text: &str, cseq: &str) -> String {
    let value = line(text, "CSeq").expect("a CSeq");
    text.replacen(&format!("CSeq: {value}"), &format!("CSeq: {cseq}"), 1)
}

fn with_status(text: &str, status: &str) -> String {
    let (_, rest) = text.split_once("\r\n").expect("a first line");
    format!("SIP/2.0 {status}\r\n{rest}")
}

/// Runs a flow under every schedule of one fault.
#[track_caller]
fn assert_survived(flow: CallFlow, server: impl Fn() -> Broken) {
    for (transport, faults) in [
        (Transport::Udp, &Fault::DATAGRAM[..]),
        (Transport::Tcp, &Fault::STREAM[..1]),
    ] {
        every_schedule(&mut Vec::new(), 1, faults, &mut |schedule| {
            let schedule = Schedule::Exact(schedule.to_vec());
            let case = Case::between_cores(flow, transport);
            let run = case.run_broken(&schedule, End::Server, Box::new(server()));
            let is_over = matches!(
                run.caller,
                Some(CallState::Ended | CallState::Refused(_) | CallState::TimedOut)
            );
            assert!(
                is_over,
                "{case} {schedule}: {:?}\n{}",
                run.caller, run.trace
            );
            let mut violations = run.violations.iter();
            let wrong = violations.find(|it| {
                it.ends_with("of the client")
                    || it.contains("no end")
                    || it.contains("REFERs were sent")
            });
            assert_eq!(wrong, None, "{case} {schedule}\n{}", run.trace);
            run.trace.packet_count()
        });
    }
}

const TALKS: [CallFlow; 6] = [
    CallFlow::Ring,
    CallFlow::Cancel,
    CallFlow::ReliableEarlyAnswer,
    CallFlow::Reinvite,
    CallFlow::Glare,
    CallFlow::Transfer,
];

#[test]
fn responses_without_a_to_tag() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::responding("SIP/2.0", "", |text| with_to_tag(text, ""))
        });
    }
}

#[test]
fn a_to_tag_that_changes_with_each_status() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::responding("SIP/2.0", "INVITE", |text| {
                with_to_tag(text, &format!(";tag={}", &text[8..11]))
            })
        });
    }
}

#[test]
fn responses_with_a_wrong_cseq() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::responding("SIP/2.0 2", "INVITE", |text| with_cseq(text, "77 INVITE"))
        });
        assert_survived(flow, || {
            Broken::responding("SIP/2.0 2", "INVITE", |text| with_cseq(text, "1 OPTIONS"))
        });
    }
}

#[test]
fn a_1xx_after_the_final_response() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::also_responding("SIP/2.0 2", "INVITE", |text| {
                with_status(text, "180 Ringing")
            })
        });
        assert_survived(flow, || {
            Broken::also_responding("SIP/2.0 4", "INVITE", |text| {
                with_status(text, "183 Session Progress")
            })
        });
    }
}

#[test]
fn two_branches_that_answer() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::also_responding("SIP/2.0 200", "INVITE", |text| {
                with_to_tag(text, ";tag=other")
            })
        });
    }
}

#[test]
fn a_refusal_after_the_2xx() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::also_responding("SIP/2.0 200", "", |text| with_status(text, "503 No"))
        });
    }
}

#[test]
fn a_2xx_without_contact_or_body() {
    for flow in TALKS {
        assert_survived(flow, || {
            Broken::responding("SIP/2.0", "", |text| without(text, "Contact"))
        });
        assert_survived(flow, Broken::without_bodies);
    }
}

#[test]
fn nothing_but_100_to_whatever_comes() {
    for flow in TALKS {
        for method in ["BYE", "CANCEL", "PRACK", "REFER"] {
            assert_survived(flow, || {
                Broken::responding("SIP/2.0", method, |text| with_status(text, "100 Trying"))
            });
        }
    }
}

#[test]
fn every_request_inside_the_session_gets_481() {
    for flow in TALKS {
        for method in ["BYE", "PRACK", "REFER", "2 INVITE", "UPDATE"] {
            assert_survived(flow, || {
                Broken::responding("SIP/2.0", method, |text| with_status(text, "481 Gone"))
            });
        }
    }
}

#[test]
fn a_refer_without_notify_or_with_nonsense_in_it() {
    let flow = CallFlow::Transfer;
    assert_survived(flow, || Broken::without("NOTIFY ", "NOTIFY"));
    for (name, value) in [
        ("Event", "presence"),
        ("Subscription-State", "terminated;reason=giveup"),
        ("Content-Type", "text/plain"),
    ] {
        assert_survived(flow, || {
            Broken::responding("NOTIFY ", "NOTIFY", move |text| {
                let old = line(text, name).unwrap_or_default();
                let old = format!("{name}: {old}");
                text.replacen(&old, &format!("{name}: {value}"), 1)
            })
        });
    }
}
