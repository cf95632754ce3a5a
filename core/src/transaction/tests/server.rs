//! Server transactions.

use bytes::Bytes;
use offhook_message::{Message, StatusCode, parse};

use super::{Bench, flow};
use crate::event::InviteId;
use crate::fingerprint::Fingerprinter;
use crate::flow::Transport;
use crate::slot::Slots;
use crate::tag::Tag;
use crate::timers::Timer;
use crate::transaction::{
    ServerTransaction, ServerTransactions, TransactionState, TransactionUser,
};

impl Bench<ServerTransactions> {
    fn serving(method: &str, transport: Transport) -> Self {
        let text = format!("{method} sip:bob@b SIP/2.0\r\n\r\n");
        let Ok(Message::Request(request)) = parse(text.into()) else {
            panic!("a request");
        };
        let key = Fingerprinter::new([1, 2]).of([b"key"]);
        let tag = Tag::received(b"8");
        let mut transaction = ServerTransaction::new(&request, key, None, flow(transport), tag);
        transaction.user = TransactionUser::Invite(user());
        let mut transactions = ServerTransactions::default();
        let slot = transactions.insert(transaction);
        Self::around(transactions, slot)
    }

    /// Answers, and shows that this went out.
    fn respond(&mut self, status: StatusCode) -> Bytes {
        let response = Bytes::from(status.to_string());
        self.step().respond(status, response.clone());
        assert_eq!(self.sent(), [&response]);
        response
    }

    /// Lets time pass until its end: the ms of each repetition, that of the end, and who hears of it.
    fn pass(&mut self) -> (Vec<u128>, u128, Option<InviteId>) {
        let (mut repeated, mut told) = (Vec::new(), None);
        while self.state().is_some() {
            let Some(Timer::Server(_, timer)) = self.due(FOREVER) else {
                panic!("no timer of a server transaction within {FOREVER} ms");
            };
            told = self.step().timer(timer);
            repeated.extend(self.sent().iter().map(|_| self.ms()));
        }
        (repeated, self.ms(), told)
    }

    fn state(&self) -> Option<TransactionState> {
        Some(self.transactions.get(self.slot)?.state())
    }
}

/// Longer than any of them lives, in ms.
const FOREVER: u64 = 200_000;

fn user() -> InviteId {
    InviteId(Slots::default().insert(()))
}

#[test]
fn an_unanswered_request_absorbs_its_repetitions() {
    for (method, state) in [
        ("OPTIONS", TransactionState::Trying),
        ("INVITE", TransactionState::Proceeding),
    ] {
        let mut bench = Bench::serving(method, Transport::Udp);
        bench.step().repeat();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.due(FOREVER), None);
        assert_eq!(bench.state(), Some(state));
    }
}

#[test]
fn timer_j_ends_what_repeats_a_response() {
    let mut bench = Bench::serving("OPTIONS", Transport::Udp);
    let ok = bench.respond(StatusCode::OK);
    assert_eq!(bench.state(), Some(TransactionState::Completed));
    bench.step().repeat();
    assert_eq!(bench.sent(), [ok]);
    assert_eq!(bench.pass(), (vec![], 32_000, None));
}

#[test]
fn an_invite_repeats_its_last_provisional_response() {
    let mut bench = Bench::serving("INVITE", Transport::Udp);
    bench.respond(StatusCode::TRYING);
    let ringing = bench.respond(StatusCode::RINGING);
    bench.step().repeat();
    assert_eq!(bench.sent(), [ringing]);
    assert_eq!(bench.due(FOREVER), None, "nothing ends it but an answer");
    assert_eq!(bench.state(), Some(TransactionState::Proceeding));
}

/// RFC 6026 §7.1: the user repeats its 2xx by itself.
#[test]
fn after_a_success_timer_l_absorbs_invites() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::serving("INVITE", transport);
        bench.respond(StatusCode::OK);
        assert_eq!(bench.state(), Some(TransactionState::Accepted));
        bench.step().repeat();
        bench.step().acknowledge();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.state(), Some(TransactionState::Accepted));
        assert_eq!(bench.pass(), (vec![], 32_000, None));
    }
}

#[test]
fn timer_g_repeats_a_refusal_until_timer_h_tells_that_nobody_acknowledged() {
    let mut bench = Bench::serving("INVITE", Transport::Udp);
    let busy = bench.respond(StatusCode::BUSY_HERE);
    bench.step().repeat();
    assert_eq!(bench.sent(), [busy]);
    let repeated = vec![
        500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.pass(), (repeated, 32_000, Some(user())));
}

#[test]
fn on_a_stream_a_refusal_is_sent_once() {
    let mut bench = Bench::serving("INVITE", Transport::Tcp);
    bench.respond(StatusCode::BUSY_HERE);
    assert_eq!(bench.pass(), (vec![], 32_000, Some(user())));
}

#[test]
fn an_acknowledged_refusal_absorbs_what_is_late_until_timer_i() {
    let mut bench = Bench::serving("INVITE", Transport::Udp);
    bench.respond(StatusCode::BUSY_HERE);
    bench.step().acknowledge();
    assert_eq!(bench.state(), Some(TransactionState::Confirmed));
    bench.step().repeat();
    bench.step().acknowledge();
    assert!(bench.sent().is_empty());
    assert_eq!(bench.pass(), (vec![], 5_000, None));
}

#[test]
fn on_a_stream_nothing_is_late() {
    let mut bench = Bench::serving("OPTIONS", Transport::Tcp);
    bench.respond(StatusCode::OK);
    assert_eq!(bench.state(), None);
    let mut bench = Bench::serving("INVITE", Transport::Tcp);
    bench.respond(StatusCode::BUSY_HERE);
    bench.step().acknowledge();
    assert_eq!(bench.state(), None);
}

#[test]
fn a_second_final_response_is_not_sent() {
    for first in [StatusCode::OK, StatusCode::BUSY_HERE] {
        let mut bench = Bench::serving("INVITE", Transport::Udp);
        bench.respond(first);
        let late = Bytes::from_static(b"late");
        bench.step().respond(StatusCode::DECLINE, late);
        assert!(bench.sent().is_empty());
    }
}
