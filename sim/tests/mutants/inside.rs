//! Ends that are broken inside a session, and the rules that find it out.

use offhook_core::{Event, Output, ReferEvent};
use offhook_sim::Passing;
use offhook_sim::matrix::CallFlow;

use crate::aliases::Alias;
use crate::broken::{Broken, Phantom, is, line, received, replace, sent, transmit};
use crate::{assert_caught, assert_client_caught};

impl Broken {
    /// Every request inside the dialog has the number 1.
    fn with_one_cseq() -> Self {
        Self::rewriting("", " INVITE", |text| {
            text.replacen("CSeq: 2 ", "CSeq: 1 ", 1)
        })
    }

    /// The 491 to a re-INVITE is a 200.
    fn agreeing_to_everything() -> Self {
        Self::rewriting("SIP/2.0 491", " INVITE", |text| {
            text.replacen("491 Request Pending", "200 OK", 1)
        })
    }

    /// The 200 to a re-INVITE says something else than the application.
    fn with_another_answer() -> Self {
        Self::rewriting("SIP/2.0 200", "2 INVITE", |text| {
            text.replacen("o=bob 1 1", "o=bob 1 9", 1)
        })
    }

    /// A re-INVITE is followed by another.
    fn changing_twice() -> Self {
        Self::followed_by_another("INVITE ", "INVITE")
    }

    /// A BYE is followed by an UPDATE.
    fn talking_after_the_bye() -> Self {
        Self::followed_by_another("BYE ", "UPDATE")
    }

    /// A re-INVITE that gets 491 is sent again at once.
    fn retrying_at_once() -> Self {
        let mut invite = None;
        Self::new(move |passing| {
            if let Some(text) = sent(&passing).filter(|text| is(text, "INVITE ", "INVITE")) {
                invite = Some(text);
            }
            let refused = received(&passing).filter(|(_, text)| text.starts_with("SIP/2.0 491"));
            let again = refused.zip(invite.take_if(|_| refused_invite(&passing)));
            let again = again.map(|((flow, _), text)| transmit(flow, next(&text, "INVITE")));
            [Some(passing), again].into_iter().flatten().collect()
        })
    }

    /// The application does not hear how its REFER ends.
    fn without_the_end_of_a_refer() -> Self {
        Self::new(|passing| match &passing {
            Passing::Output(Output::Event(Event::Refer {
                event: ReferEvent::Terminated { .. },
                ..
            })) => Vec::new(),
            _ => vec![passing],
        })
    }

    /// What begins with this and has this at the end of `CSeq` is changed.
    fn rewriting(
        start: &'static str,
        cseq: &'static str,
        rewrite: impl Fn(&str) -> String + 'static,
    ) -> Self {
        Self::new(move |passing| match sent(&passing) {
            Some(text) if is(&text, start, cseq) => vec![replace(passing, rewrite(&text))],
            _ => vec![passing],
        })
    }

    /// What begins with this and has no successor yet gets one, of this method.
    fn followed_by_another(start: &'static str, method: &'static str) -> Self {
        let mut is_done = false;
        Self::new(move |passing| {
            let text = sent(&passing).filter(|text| text.starts_with(start));
            let text = text.filter(|_| !std::mem::replace(&mut is_done, true));
            let another = text.map(|text| replace_copy(&passing, next(&text, method)));
            [Some(passing), another].into_iter().flatten().collect()
        })
    }
}

/// The request that would follow this one.
fn next(text: &str, method: &str) -> String {
    let cseq = line(text, "CSeq").expect("a CSeq");
    let (number, old) = cseq.split_once(' ').expect("a method");
    let number: u32 = number.parse().expect("a number");
    let line = format!("CSeq: {} {method}", number + 1);
    let text = text.replacen(&format!("CSeq: {cseq}"), &line, 1);
    let text = text.replacen(&format!("{old} "), &format!("{method} "), 1);
    text.replacen("branch=z9hG4bK", "branch=z9hG4bKnext", 1)
}

fn refused_invite(passing: &Passing) -> bool {
    received(passing).is_some_and(|(_, text)| is(&text, "SIP/2.0 491", "INVITE"))
}

fn replace_copy(passing: &Passing, text: String) -> Passing {
    match passing {
        Passing::Output(Output::Transmit(it)) => transmit(it.flow, text),
        _ => unreachable!("a request is a Transmit"),
    }
}

/// RFC 3261 §12.2.1.1.
#[test]
fn a_cseq_that_does_not_rise() {
    let rule = "does not rise";
    assert_caught(CallFlow::HoldByCallee, rule, Broken::with_one_cseq);
}

/// RFC 3261 §14.1.
#[test]
fn a_second_reinvite_beside_the_first() {
    let rule = "comes while another change is open";
    assert_caught(CallFlow::ReinviteByCallee, rule, Broken::changing_twice);
}

/// RFC 3261 §14.2.
#[test]
fn no_491_where_two_reinvites_meet() {
    let rule = "(RFC 3261 §14.2)";
    assert_caught(CallFlow::Glare, rule, Broken::agreeing_to_everything);
    assert_client_caught(CallFlow::Glare, rule, Broken::agreeing_to_everything);
}

/// RFC 3261 §14.1.
#[test]
fn a_retry_too_soon_after_491() {
    let rule = "after the 491";
    assert_client_caught(CallFlow::Glare, rule, Broken::retrying_at_once);
}

/// RFC 3261 §13.2.2.4.
#[test]
fn no_ack_for_the_2xx() {
    let rule = "has no ACK (RFC 3261 §13.2.2.4)";
    assert_client_caught(CallFlow::Answer, rule, || Broken::without("ACK ", "ACK"));
    let mutant = || Broken::without("ACK ", "ACK");
    assert_caught(CallFlow::ReinviteByCallee, rule, mutant);
}

/// RFC 3261 §13.2.2.4.
#[test]
fn no_ack_for_the_2xx_that_comes_again() {
    let rule = "§13.2.2.4, §17.1.1.2 wants";
    let mutant = || Broken::repetitions_of("ACK ", "ACK");
    assert_client_caught(CallFlow::Answer, rule, mutant);
}

/// RFC 3261 §17.1.1.2: timer A.
#[test]
fn a_reinvite_never_repeated() {
    let mutant = || Broken::repetitions_of("INVITE ", "INVITE");
    assert_caught(CallFlow::ReinviteByCallee, "§17.1.1.2 wants", mutant);
}

/// RFC 3261 §15.
#[test]
fn a_request_after_the_bye() {
    let rule = "comes after the BYE";
    let mutant = Broken::talking_after_the_bye;
    assert_caught(CallFlow::CalleeHangsUp, rule, mutant);
    assert_client_caught(CallFlow::Answer, rule, mutant);
}

/// RFC 3264 §8.
#[test]
fn an_answer_that_the_application_did_not_give() {
    let rule = "the ends hold other descriptions";
    assert_caught(CallFlow::Reinvite, rule, Broken::with_another_answer);
}

/// RFC 4028 §10.
#[test]
fn a_session_that_is_not_refreshed() {
    let mutant = || Broken::without("UPDATE ", "UPDATE");
    assert_client_caught(CallFlow::Refresh, "no refresh comes by", mutant);
}

/// RFC 4028 §10.
#[test]
fn a_session_that_outlives_its_time() {
    let mutant = || Broken::without("BYE ", "BYE");
    let rule = "nobody refreshes, and no BYE comes";
    assert_caught(CallFlow::NoRefresh, rule, mutant);
}

/// RFC 3515 §2.4.4.
#[test]
fn a_refer_without_an_end() {
    let rule = "1 REFERs were sent, and 0 have an end";
    let mutant = Broken::without_the_end_of_a_refer;
    assert_caught(CallFlow::TransferByCallee, rule, mutant);
    assert_client_caught(CallFlow::Transfer, rule, mutant);
}

/// RFC 3261 §17.2.2, at the end that called.
#[test]
fn a_bye_of_the_callee_answered_twice_differently() {
    let rule = "another response follows a final one";
    let mutant = || Alias::of_repeated("BYE");
    assert_client_caught(CallFlow::CalleeHangsUp, rule, mutant);
}

/// RFC 3261 §12.3, at the end that called.
#[test]
fn a_dialog_of_the_caller_never_removed() {
    assert_client_caught(CallFlow::Answer, "the tables are not empty", || Phantom);
}
