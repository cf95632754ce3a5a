//! The INVITE client transaction.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{HeaderName, Message, MessageWriter, Method, Response, UriBuf, parse};

use super::effects::Effects;
use super::non_invite_client::ClientOutcome;
use crate::timers::ClientTimer;

/// [RFC 3261 §17.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1) with the Accepted state of
/// [RFC 6026 §7.2](https://www.rfc-editor.org/rfc/rfc6026#section-7.2).
///
/// ```text
///                 INVITE: send, arm B, A (UDP)
///                    |
///              +-----v-----+
///              |  Calling  |<--+ A: repeat, T1 doubling
///              +-+--+---+--+---+
///                |  |   | 1xx: to the user
///                |  | +-v----------+
///                |  | | Proceeding |<--+ 1xx: to the user
///      B: timeout|  | +-+-------+--+---+
///                |  |   |       |
///                |  +---+       +-------------+  (from Calling, too)
///                |  | 300-699: ACK, arm D     | 2xx: to the user, arm M
///                |  |                         |
///                | +v----------+         +----v-----+
///   300-699: +---+>| Completed |         | Accepted |<--+ 2xx: to the user
///   ACK again +--+-|           |         +----+-----+---+
///                | +-----+-----+              |
///                |       | D                  | M
///              +-v-------v--------------------v-+
///              |           Terminated           |
///              +--------------------------------+
/// ```
#[derive(Debug)]
pub(crate) enum InviteClientTransaction {
    Calling { request: Bytes, interval: Duration },
    Proceeding { request: Bytes },
    Completed { acknowledgement: Bytes },
    Accepted,
    Terminated,
}

impl InviteClientTransaction {
    /// Sends the INVITE. Timer B runs already.
    pub(crate) fn start(request: Bytes, effects: &mut Effects<'_, '_>) -> Self {
        effects.transmit(&request);
        let interval = effects.times().t1;
        if !effects.is_reliable() {
            effects.arm_client(ClientTimer::A, interval);
        }
        Self::Calling { request, interval }
    }

    /// A final outcome is told once for 300 to 699 and for each 2xx, repetitions included: only the
    /// user knows which dialog a 2xx belongs to.
    pub(crate) fn receive_response(
        self,
        response: &Response,
        effects: &mut Effects<'_, '_>,
    ) -> (Self, ClientOutcome) {
        let status = response.status();
        match self {
            Self::Calling { request, .. } | Self::Proceeding { request }
                if status.is_provisional() =>
            {
                let outcome = ClientOutcome::Provisional(status);
                (Self::Proceeding { request }, outcome)
            }
            Self::Calling { .. } | Self::Proceeding { .. } if status.is_success() => {
                effects.arm_client(ClientTimer::M, effects.times().transaction_life());
                (Self::Accepted, ClientOutcome::Final(status))
            }
            Self::Calling { request, .. } | Self::Proceeding { request } => {
                let next = Self::complete(request, response, effects);
                (next, ClientOutcome::Final(status))
            }
            Self::Completed { acknowledgement } => {
                if status.is_final() && !status.is_success() {
                    effects.transmit(&acknowledgement);
                }
                (Self::Completed { acknowledgement }, ClientOutcome::Pending)
            }
            Self::Accepted if status.is_success() => (Self::Accepted, ClientOutcome::Final(status)),
            other => (other, ClientOutcome::Pending),
        }
    }

    pub(crate) fn timer(
        self,
        timer: ClientTimer,
        effects: &mut Effects<'_, '_>,
    ) -> (Self, ClientOutcome) {
        match (self, timer) {
            (Self::Calling { request, interval }, ClientTimer::A) => {
                effects.transmit(&request);
                let interval = interval * 2;
                effects.arm_client(ClientTimer::A, interval);
                (Self::Calling { request, interval }, ClientOutcome::Pending)
            }
            (Self::Calling { .. }, ClientTimer::B) => (Self::Terminated, ClientOutcome::Timeout),
            // In Proceeding it limits an INVITE whose user is gone.
            (Self::Proceeding { .. } | Self::Completed { .. }, ClientTimer::D) => {
                (Self::Terminated, ClientOutcome::Pending)
            }
            (Self::Accepted, ClientTimer::M) => (Self::Terminated, ClientOutcome::Terminated),
            (other, _) => (other, ClientOutcome::Pending),
        }
    }

    /// Whether the INVITE may still be without any response.
    pub(crate) fn is_calling(&self) -> bool {
        matches!(self, Self::Calling { .. })
    }

    fn complete(request: Bytes, response: &Response, effects: &mut Effects<'_, '_>) -> Self {
        let Some(acknowledgement) = acknowledgement(request, response) else {
            return Self::Terminated;
        };
        effects.transmit(&acknowledgement);
        if effects.is_reliable() {
            return Self::Terminated;
        }
        effects.arm_client(ClientTimer::D, effects.times().transaction_life());
        Self::Completed { acknowledgement }
    }
}

/// The ACK of a response from 300 to 699
/// ([RFC 3261 §17.1.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.1.3)). `None` where `invite` is no INVITE.
fn acknowledgement(invite: Bytes, response: &Response) -> Option<Bytes> {
    let mut writer = follow_up(invite, &Method::Ack, response.headers().raw(HeaderName::To))?;
    writer.header(HeaderName::MaxForwards, 70);
    Some(writer.finish())
}

/// A request that goes the way of `invite` and belongs to it: an ACK, with the To of the response and
/// the credentials of the INVITE ([RFC 3261 §22.1](https://www.rfc-editor.org/rfc/rfc3261#section-22.1)), or a CANCEL. It has the
/// INVITE's Via, Route, From, Call-ID and number.
pub(crate) fn follow_up(
    invite: Bytes,
    method: &Method,
    to: Option<&[u8]>,
) -> Option<MessageWriter> {
    let Ok(Message::Request(invite)) = parse(invite) else {
        return None;
    };
    let mut writer = MessageWriter::request(method, &UriBuf::parse(invite.uri_bytes()).ok()?);
    let headers = invite.headers();
    let names = [
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::From,
        HeaderName::CallId,
    ];
    let credentials = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
    let credentials = credentials.into_iter().filter(|_| *method == Method::Ack);
    for name in names.into_iter().chain(credentials) {
        for field in headers.all(name) {
            writer.copy(field);
        }
    }
    let to = to.or_else(|| headers.raw(HeaderName::To))?;
    writer.header_bytes(HeaderName::To, to);
    let number = headers.cseq().ok()?.number;
    writer.cseq(number, method);
    Some(writer)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs one instant to start from"
)]
mod tests {
    use std::time::Instant;

    use super::super::client::{ClientTransactions, ClientUser};
    use super::super::effects::Context;
    use super::*;
    use crate::config::Times;
    use crate::event::Output;
    use crate::flow::{Channel, Flow, Transport};
    use crate::outbox::Outbox;
    use crate::random::Token;
    use crate::slot::{Slot, Slots};
    use crate::timers::{Timer, Timers};

    /// One INVITE client transaction in its table, under a clock that the test moves.
    struct Bench {
        begin: Instant,
        times: Times,
        timers: Timers,
        outbox: Outbox,
        table: ClientTransactions,
        slot: Slot,
    }

    impl Bench {
        fn new(transport: Transport) -> Self {
            let now = Instant::now();
            let times = Times::default();
            let address = "192.0.2.1:5060".parse().unwrap();
            let flow = Flow {
                transport,
                channel: Channel::NONE,
                local: address,
                remote: address,
            };
            let mut bench = Self {
                begin: now,
                timers: Timers::new(now, &times),
                times,
                outbox: Outbox::default(),
                table: ClientTransactions::new(),
                slot: Slots::new().insert(()),
            };
            let (invite, user) = (Bytes::from_static(INVITE), ClientUser::Nobody);
            bench.slot = bench.act(|table, _, context| {
                table.insert(Token(1), Method::Invite, invite, flow, user, context)
            });
            bench.act(|table, slot, context| table.send(slot, flow, context));
            bench
        }

        fn act<R>(
            &mut self,
            act: impl FnOnce(&mut ClientTransactions, Slot, &mut Context<'_>) -> R,
        ) -> R {
            let mut context = Context {
                times: &self.times,
                timers: &mut self.timers,
                outbox: &mut self.outbox,
            };
            act(&mut self.table, self.slot, &mut context)
        }

        fn receive(&mut self, start_line: &str) -> ClientOutcome {
            let text = format!("SIP/2.0 {start_line}\r\nTo: <sip:bob@b>;tag=8\r\n\r\n");
            let Ok(Message::Response(response)) = parse(text.into()) else {
                panic!("a response");
            };
            self.act(|table, slot, context| table.receive_response(slot, &response, context))
        }

        /// Lets time pass in steps of 1 ms. The outcomes that were not `Pending`, each with its
        /// time in ms from the INVITE on.
        fn pass(&mut self, until: u64) -> Vec<(u128, ClientOutcome)> {
            let mut outcomes = Vec::new();
            while self.timers.now() < self.begin + Duration::from_millis(until) {
                self.timers
                    .advance(self.timers.now() + Duration::from_millis(1));
                while let Some(timer) = self.timers.due() {
                    let Timer::Client(_, timer) = timer else {
                        panic!("{timer:?} is no timer of a client transaction");
                    };
                    let outcome =
                        self.act(|table, slot, context| table.timer(slot, timer, context));
                    if outcome != ClientOutcome::Pending {
                        outcomes.push(((self.timers.now() - self.begin).as_millis(), outcome));
                    }
                }
            }
            outcomes
        }

        fn sent(&mut self) -> Vec<Bytes> {
            let outbox = &mut self.outbox;
            std::iter::from_fn(|| outbox.pop())
                .map(|output| match output {
                    Output::Transmit(transmit) => transmit.bytes,
                    other => panic!("{other:?} is nothing to send"),
                })
                .collect()
        }

        fn is_over(&self) -> bool {
            self.table.get(self.slot).is_none()
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
        let trying = ClientOutcome::Provisional(offhook_message::StatusCode::TRYING);
        assert_eq!(bench.receive("100 Trying"), trying);
        assert!(bench.pass(200_000).is_empty());
        assert!(bench.sent().is_empty());
        assert!(!bench.is_over());
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_it_comes_until_timer_d() {
        let mut bench = Bench::new(Transport::Udp);
        bench.sent();
        let busy = ClientOutcome::Final(offhook_message::StatusCode::BUSY_HERE);
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
            let ok = || ClientOutcome::Final(offhook_message::StatusCode::OK);
            assert_eq!(bench.receive("200 OK"), ok());
            assert_eq!(bench.receive("180 Ringing"), ClientOutcome::Pending);
            assert_eq!(bench.receive("486 Busy Here"), ClientOutcome::Pending);
            assert!(bench.pass(31_999).is_empty());
            assert_eq!(bench.receive("200 OK"), ok());
            assert_eq!(bench.pass(32_000), [(32_000, ClientOutcome::Terminated)]);
            assert!(bench.sent().is_empty(), "the ACK of a 2xx is the user's");
            assert!(bench.is_over());
        }
    }

    #[test]
    fn what_cannot_be_delivered_matters_only_without_a_response() {
        let mut bench = Bench::new(Transport::Tcp);
        assert!(bench.act(ClientTransactions::undelivered).is_some());
        let mut bench = Bench::new(Transport::Tcp);
        bench.receive("100 Trying");
        assert!(bench.act(ClientTransactions::undelivered).is_none());
        assert!(!bench.is_over());
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
}
