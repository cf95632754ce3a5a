//! Mutants that change what passes as it passes.

use std::fmt;
use std::time::Duration;

use offhook_core::message::{Message, parse};
use offhook_core::{Counts, Event, Flow, Input, Output, Transmit};
use offhook_sim::{Mutant, Passing};

/// A mutant that is one function.
pub(crate) struct Broken {
    pass: Box<dyn FnMut(Passing) -> Vec<Passing>>,
}

impl Broken {
    /// Everything passes but what begins with this and has this method in `CSeq`.
    pub(crate) fn without(start: &'static str, method: &'static str) -> Self {
        Self::new(move |passing| match sent(&passing) {
            Some(text) if is(&text, start, method) => Vec::new(),
            _ => vec![passing],
        })
    }

    /// Everything passes but repetitions of it.
    pub(crate) fn repetitions_of(start: &'static str, method: &'static str) -> Self {
        let mut seen = false;
        Self::new(move |passing| match sent(&passing) {
            Some(text) if is(&text, start, method) && std::mem::replace(&mut seen, true) => {
                Vec::new()
            }
            _ => vec![passing],
        })
    }

    /// No ACK reaches the core.
    pub(crate) fn deaf_to_ack() -> Self {
        Self::new(|passing| match received(&passing) {
            Some((_, text)) if text.starts_with("ACK ") => Vec::new(),
            _ => vec![passing],
        })
    }

    /// CANCEL of a call that was answered gets it a 487 all the same.
    pub(crate) fn terminating_what_is_answered() -> Self {
        let mut answer: Option<String> = None;
        Self::new(move |passing| {
            if let Some(text) = sent(&passing).filter(|text| is(text, "SIP/2.0 200", "INVITE")) {
                answer = Some(text.replacen("200 OK", "487 Request Terminated", 1));
            }
            let cancel = received(&passing).filter(|(_, text)| text.starts_with("CANCEL "));
            let terminated = cancel.zip(answer.clone());
            let injected = terminated.map(|((flow, _), text)| transmit(flow, text));
            [Some(passing), injected].into_iter().flatten().collect()
        })
    }

    /// The 200 to INVITE has a To tag of its own.
    pub(crate) fn with_another_tag_in_the_200() -> Self {
        Self::new(|passing| match sent(&passing) {
            Some(text) if is(&text, "SIP/2.0 200", "INVITE") => {
                let (before, to) = text.split_once("\r\nTo: ").expect("a To");
                let to = to.replacen(";tag=", ";tag=x", 1);
                vec![replace(passing, format!("{before}\r\nTo: {to}"))]
            }
            _ => vec![passing],
        })
    }

    /// Every ACK gets 200.
    pub(crate) fn answering_ack() -> Self {
        Self::new(|passing| {
            let ack = received(&passing).filter(|(_, text)| text.starts_with("ACK "));
            let answer = ack.map(|(flow, text)| {
                let (_, headers) = text.split_once("\r\n").expect("a first line");
                transmit(flow, format!("SIP/2.0 200 OK\r\n{headers}"))
            });
            [Some(passing), answer].into_iter().flatten().collect()
        })
    }

    /// Gives the core a PRACK as soon as it sends a reliable 183, so that nothing is held.
    pub(crate) fn acknowledging_itself() -> Self {
        Self::new(|passing| {
            let Some(text) = sent(&passing) else {
                return vec![passing];
            };
            if text.contains(FORGED) {
                return Vec::new();
            }
            if text.contains(" PRACK\r\n") {
                let (_, headers) = text.split_once("\r\n").expect("a first line");
                return vec![replace(passing, format!("SIP/2.0 200 OK\r\n{headers}"))];
            }
            let forged = line(&text, "RSeq").map(|rseq| forge_prack(&passing, &text, rseq));
            [Some(passing), forged].into_iter().flatten().collect()
        })
    }

    /// BYE follows at once on the 200 to INVITE.
    pub(crate) fn hanging_up_too_soon() -> Self {
        let mut is_done = false;
        Self::new(move |passing| {
            let ok = sent(&passing).filter(|text| is(text, "SIP/2.0 200", "INVITE"));
            let bye = ok.filter(|_| !std::mem::replace(&mut is_done, true));
            let bye = bye.map(|text| forge_bye(&passing, &text));
            [Some(passing), bye].into_iter().flatten().collect()
        })
    }

    /// `RSeq` is 0.
    pub(crate) fn with_rseq_0() -> Self {
        Self::new(|passing| {
            let text = sent(&passing);
            let rseq = text.as_ref().and_then(|text| line(text, "RSeq"));
            let changed = text.as_ref().zip(rseq).map(|(text, rseq)| {
                let line = format!("RSeq: {rseq}\r\n");
                text.replacen(&line, "RSeq: 0\r\n", 1)
            });
            match changed {
                Some(text) => vec![replace(passing, text)],
                None => vec![passing],
            }
        })
    }

    /// No message of the server has a body.
    pub(crate) fn without_bodies() -> Self {
        Self::new(|passing| match sent(&passing) {
            Some(text) => {
                let (head, _) = text.split_once("\r\n\r\n").expect("an empty line");
                let lines = head.split("\r\n");
                let lines = lines.filter(|line| !line.starts_with("Content-"));
                let head: Vec<_> = lines.collect();
                vec![replace(passing, format!("{}\r\n\r\n", head.join("\r\n")))]
            }
            None => vec![passing],
        })
    }

    /// The application hears of nothing but new calls.
    pub(crate) fn without_events() -> Self {
        Self::new(|passing| match &passing {
            Passing::Output(Output::Event(Event::Invite(_))) => vec![passing],
            Passing::Output(Output::Event(_)) => Vec::new(),
            _ => vec![passing],
        })
    }

    pub(crate) fn new(pass: impl FnMut(Passing) -> Vec<Passing> + 'static) -> Self {
        Self {
            pass: Box::new(pass),
        }
    }
}

impl Mutant for Broken {
    fn pass(&mut self, _: Duration, passing: Passing) -> Vec<Passing> {
        (self.pass)(passing)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").finish_non_exhaustive()
    }
}

/// A core that keeps a session.
#[derive(Debug)]
pub(crate) struct Phantom;

impl Mutant for Phantom {
    fn counts(&self, mut counts: Counts) -> Counts {
        counts.sessions += 1;
        counts
    }
}

/// The text of a message that the core sends.
pub(crate) fn sent(passing: &Passing) -> Option<String> {
    match passing {
        Passing::Output(Output::Transmit(transmit)) => {
            Some(String::from_utf8_lossy(&transmit.bytes).into_owned())
        }
        _ => None,
    }
}

/// The text of a message that reaches the core, and where it came from.
pub(crate) fn received(passing: &Passing) -> Option<(Flow, String)> {
    match passing {
        Passing::Input(Input::Message { flow, message }) => {
            let text = String::from_utf8_lossy(message.as_bytes());
            Some((*flow, text.into_owned()))
        }
        _ => None,
    }
}

/// Whether a message begins with this and has this method in `CSeq`.
pub(crate) fn is(text: &str, start: &str, method: &str) -> bool {
    text.starts_with(start) && line(text, "CSeq").is_some_and(|cseq| cseq.ends_with(method))
}

/// The same with another text.
pub(crate) fn replace(passing: Passing, text: String) -> Passing {
    match passing {
        Passing::Output(Output::Transmit(transmit)) => {
            Passing::Output(Output::Transmit(Transmit {
                bytes: text.into(),
                ..transmit
            }))
        }
        Passing::Input(Input::Message { flow, .. }) => receive(flow, text),
        other => other,
    }
}

/// A message of the server that the core knows nothing of.
pub(crate) fn transmit(flow: Flow, text: String) -> Passing {
    Passing::Output(Output::Transmit(Transmit {
        flow,
        bytes: text.into(),
        transaction: None,
    }))
}

fn receive(flow: Flow, text: String) -> Passing {
    let message: Message = parse(text.into()).expect("a message");
    Passing::Input(Input::Message { flow, message })
}

fn forge_prack(passing: &Passing, response: &str, rseq: &str) -> Passing {
    let Passing::Output(Output::Transmit(Transmit { flow, .. })) = passing else {
        unreachable!("a response is a Transmit");
    };
    let copied = ["From", "To", "Call-ID"].map(|name| {
        let value = line(response, name).expect("every response has it");
        format!("{name}: {value}\r\n")
    });
    let text = format!(
        "PRACK sip:bob@{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={FORGED}\r\n{}CSeq: 2 PRACK\r\n\
         RAck: {rseq} 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        flow.local,
        flow.remote,
        copied.concat()
    );
    receive(*flow, text)
}

fn forge_bye(passing: &Passing, response: &str) -> Passing {
    let Passing::Output(Output::Transmit(Transmit { flow, .. })) = passing else {
        unreachable!("a response is a Transmit");
    };
    let value = |name| line(response, name).expect("every response has it");
    let text = format!(
        "BYE sip:alice@{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={FORGED}\r\nFrom: {}\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        flow.remote,
        flow.local,
        value("To"),
        value("From"),
        value("Call-ID")
    );
    transmit(*flow, text)
}

/// The value of a header.
pub(crate) fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const FORGED: &str = "z9hG4bK-forged";
