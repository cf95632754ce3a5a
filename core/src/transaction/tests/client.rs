//! Client transactions.

use bytes::Bytes;
use offhook_message::{Message, Method, parse};

use super::{Bench, flow};
use crate::flow::Transport;
use crate::random::Token;
use crate::timers::Timer;
use crate::transaction::{ClientOutcome, ClientTransaction, ClientTransactions, ClientUser};

impl Bench<ClientTransactions> {
    fn new(transport: Transport) -> Self {
        Self::of(Method::Invite, INVITE, transport)
    }

    fn of(method: Method, request: &'static [u8], transport: Transport) -> Self {
        let (request, user) = (Bytes::from_static(request), ClientUser::Nobody);
        let flow = flow(transport);
        let transaction = ClientTransaction::new(Token(1), method, request, flow, user);
        let mut transactions = ClientTransactions::default();
        let slot = transactions.insert(transaction);
        let mut bench = Self::around(transactions, slot);
        bench.step().begin();
        bench.step().send(flow);
        bench
    }

    fn receive(&mut self, start_line: &str) -> ClientOutcome {
        let text = format!("SIP/2.0 {start_line}\r\nTo: <sip:bob@b>;tag=8\r\n\r\n");
        let Ok(Message::Response(response)) = parse(text.into()) else {
            panic!("a response");
        };
        self.step().receive(&response)
    }

    /// Lets time pass. The outcomes that were not `Pending`, each with its time in ms from the INVITE on.
    fn pass(&mut self, until: u64) -> Vec<(u128, ClientOutcome)> {
        let mut outcomes = Vec::new();
        while let Some(timer) = self.due(until) {
            let Timer::Client(_, timer) = timer else {
                panic!("{timer:?} is no timer of a client transaction");
            };
            let outcome = self.step().timer(timer);
            if outcome != ClientOutcome::Pending {
                outcomes.push((self.ms(), outcome));
            }
        }
        outcomes
    }

    fn is_over(&self) -> bool {
        self.transactions.get(self.slot).is_none()
    }
}

#[test]
fn timer_a_repeats_an_invite_until_timer_b_ends_it() {
    let mut bench = Bench::new(Transport::Udp);
    let mut times = vec![0];
    assert_eq!(bench.sent(), [INVITE]);
    for ms in 1..32_000 {
        assert!(bench.pass(ms).is_empty());
        if !bench.sent().is_empty() {
            times.push(ms);
        }
    }
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(bench.pass(32_000), [(32_000, ClientOutcome::Timeout)]);
    assert!(bench.is_over());
}

#[test]
fn on_a_stream_an_invite_is_sent_once() {
    let mut bench = Bench::new(Transport::Tcp);
    assert_eq!(bench.pass(40_000), [(32_000, ClientOutcome::Timeout)]);
    assert_eq!(bench.sent().len(), 1);
}

#[test]
fn a_provisional_response_stops_the_repetition_and_the_time_limit() {
    let mut bench = Bench::new(Transport::Udp);
    bench.sent();
    let trying = ClientOutcome::Provisional;
    assert_eq!(bench.receive("100 Trying"), trying);
    assert!(bench.pass(200_000).is_empty());
    assert!(bench.sent().is_empty());
    assert!(!bench.is_over());
}

#[test]
fn a_refusal_is_acknowledged_each_time_it_comes_until_timer_d() {
    let mut bench = Bench::new(Transport::Udp);
    bench.sent();
    let busy = ClientOutcome::Final;
    assert_eq!(bench.receive("486 Busy Here"), busy);
    assert_eq!(bench.sent(), [ACK]);
    for late in ["486 Busy Here", "603 Decline", "180 Ringing", "200 OK"] {
        assert_eq!(bench.receive(late), ClientOutcome::Pending);
    }
    assert_eq!(bench.sent(), [ACK, ACK], "only refusals are repeated");
    bench.pass(31_999);
    assert!(!bench.is_over());
    bench.pass(32_000);
    assert!(bench.is_over());
}

#[test]
fn on_a_stream_a_refusal_ends_it_at_once() {
    let mut bench = Bench::new(Transport::Tcp);
    bench.receive("486 Busy Here");
    assert_eq!(bench.sent(), [INVITE, ACK]);
    assert!(bench.is_over());
}

#[test]
fn every_success_is_told_until_timer_m() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::new(transport);
        bench.sent();
        let ok = ClientOutcome::Final;
        assert_eq!(bench.receive("200 OK"), ok);
        assert_eq!(bench.receive("180 Ringing"), ClientOutcome::Pending);
        assert_eq!(bench.receive("486 Busy Here"), ClientOutcome::Pending);
        assert!(bench.pass(31_999).is_empty());
        assert_eq!(bench.receive("200 OK"), ok);
        assert_eq!(bench.pass(32_000), [(32_000, ClientOutcome::Terminated)]);
        assert!(bench.sent().is_empty(), "the ACK of a 2xx is the user's");
        assert!(bench.is_over());
    }
}

#[test]
fn what_cannot_be_delivered_matters_only_without_a_response() {
    let mut bench = Bench::new(Transport::Tcp);
    assert!(bench.step().undelivered().is_some());
    let mut bench = Bench::new(Transport::Tcp);
    bench.receive("100 Trying");
    assert!(bench.step().undelivered().is_none());
    assert!(!bench.is_over());
    let options = b"OPTIONS sip:bob@b SIP/2.0\r\n\r\n";
    let mut bench = Bench::of(Method::Options, options, Transport::Udp);
    bench.receive("200 OK");
    assert!(bench.step().undelivered().is_none());
    assert!(!bench.is_over(), "repetitions are absorbed until timer K");
}

const INVITE: &[u8] = b"INVITE sip:bob@b SIP/2.0\r\n\
    Via: SIP/2.0/UDP a;branch=z9hG4bK0000000000000001;rport\r\n\
    Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
    Route: <sip:p3;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: \"A\" <sip:alice@a>;tag=7\r\n\
    To: <sip:bob@b>\r\n\
    Call-ID: c@a\r\n\
    CSeq: 4711 INVITE\r\n\
    Require: 100rel\r\n\
    Contact: <sip:alice@a>\r\n\
    Content-Length: 0\r\n\r\n";

const ACK: &[u8] = b"ACK sip:bob@b SIP/2.0\r\n\
    Via: SIP/2.0/UDP a;branch=z9hG4bK0000000000000001;rport\r\n\
    Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
    Route: <sip:p3;lr>\r\n\
    From: \"A\" <sip:alice@a>;tag=7\r\n\
    Call-ID: c@a\r\n\
    To: <sip:bob@b>;tag=8\r\n\
    CSeq: 4711 ACK\r\n\
    Max-Forwards: 70\r\n\
    Content-Length: 0\r\n\r\n";
