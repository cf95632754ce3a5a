//! A trace in order: what one end sent and what it received, read from the octets alone.

use std::time::Duration;

use bytes::Bytes;
use offhook_message::{Message, Method, RAck, SessionExpires};

use super::repetition::LIFE;
use crate::packet::{End, Packet};
use crate::trace::{Arrival, Trace};

/// What an end sent, each message once with all times it was sent at, and what reached it.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) end: End,
    pub(super) sent: Vec<Sent<'a>>,
    pub(super) received: Vec<Received<'a>>,
    pub(super) is_stream: bool,
}

/// One message of this end.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) key: Key<'a>,
    /// The status of a response; `None` for a request.
    pub(super) status: Option<u16>,
    /// 0 where it cannot be read.
    pub(super) rseq: Option<u32>,
    pub(super) is_described: bool,
    pub(super) session_expires: Option<SessionExpires>,
    /// The number of the packet that was the first to bear it.
    pub(super) number: usize,
    /// When it was sent, the first time first.
    pub(super) times: Vec<Duration>,
    pub(super) packet: &'a Packet,
    bytes: &'a Bytes,
}

/// One message that reached this end.
#[derive(Debug)]
pub(super) struct Received<'a> {
    pub(super) key: Key<'a>,
    pub(super) status: Option<u16>,
    pub(super) rack: Option<RAck>,
    pub(super) is_described: bool,
    pub(super) session_expires: Option<SessionExpires>,
    pub(super) at: Duration,
    /// How many packets had been sent by then.
    pub(super) sent: usize,
    /// The number of the packet.
    pub(super) number: usize,
    /// Its place among all arrivals.
    pub(super) order: usize,
}

/// What names a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) branch: &'a [u8],
    pub(super) method: Method,
    pub(super) cseq: u32,
    /// The tag of this end: that of To in responses and in requests to it, that of From in
    /// its own.
    pub(super) tag: Option<&'a [u8]>,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(trace: &'a Trace, is_stream: bool, end: End) -> Self {
        let mut sent: Vec<Sent<'a>> = Vec::new();
        for packet in trace.packets() {
            if packet.direction != end.sends() {
                continue;
            }
            let known = sent.iter_mut().find(|sent| *sent.bytes == packet.bytes);
            match known {
                Some(sent) => sent.times.push(packet.at),
                None => sent.extend(Sent::new(packet)),
            }
        }
        let arrivals = trace.arrivals().iter().enumerate();
        let received = arrivals.filter_map(|(order, arrival)| Received::new(order, arrival, end));
        Self {
            end,
            sent,
            received: received.collect(),
            is_stream,
        }
    }

    /// The other responses to the same request.
    pub(super) fn siblings(&self, of: &Sent<'a>) -> impl Iterator<Item = &Sent<'a>> {
        let (branch, method, number) = (of.key.branch, of.key.method.clone(), of.number);
        self.sent.iter().filter(move |other| {
            other.number != number
                && other.status.is_some()
                && other.key.branch == branch
                && other.key.method == method
        })
    }

    /// The times at which a request came, its repetitions included.
    pub(super) fn requests(&self, sent: &Sent<'a>) -> impl Iterator<Item = &Received<'a>> {
        let (branch, method) = (sent.key.branch, sent.key.method.clone());
        self.received.iter().filter(move |received| {
            received.status.is_none()
                && received.key.branch == branch
                && received.key.method == method
        })
    }

    /// The first request of this method inside the dialog of a response.
    pub(super) fn first_in_dialog(
        &self,
        sent: &Sent<'a>,
        method: &Method,
        fits: impl Fn(&Received<'a>) -> bool,
    ) -> Option<&Received<'a>> {
        self.received.iter().find(|received| {
            received.status.is_none()
                && received.key.method == *method
                && received.key.tag == sent.key.tag
                && received.sent > sent.number
                && fits(received)
        })
    }

    /// What we have sent in the dialogs: all requests but ACK and CANCEL, in their order.
    pub(super) fn own_requests(&self) -> impl Iterator<Item = &Sent<'a>> {
        let own = self.sent.iter().filter(|sent| sent.status.is_none());
        own.filter(|sent| !matches!(sent.key.method, Method::Ack | Method::Cancel))
    }

    /// Whether a response comes in the life of its request. The first must come in 64·T1: then a
    /// request gives up (timers B and F). So does an INVITE that was cancelled as long ago
    /// ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).
    pub(super) fn is_in_time(&self, response: &Received<'a>) -> bool {
        let is_same =
            |key: &Key<'_>| key.branch == response.key.branch && key.method == response.key.method;
        let mut requests = self.sent.iter();
        let request = requests.find(|it| it.status.is_none() && is_same(&it.key));
        let mut responses = self.received.iter();
        let first = responses.find(|it| it.status.is_some() && is_same(&it.key));
        let times = request.zip(first);
        let is_cancelled = self.sent.iter().any(|it| {
            it.is_request(&Method::Cancel)
                && it.key.branch == response.key.branch
                && it.first() + LIFE <= response.at
        });
        !is_cancelled && times.is_some_and(|(it, first)| first.at < it.first() + LIFE)
    }

    /// The first final response to a request of ours.
    pub(super) fn answer(&self, sent: &Sent<'a>) -> Option<&Received<'a>> {
        self.received.iter().find(|received| {
            received.status.is_some_and(|status| status >= 200)
                && received.key.branch == sent.key.branch
                && received.key.method == sent.key.method
        })
    }

    /// The final response to a request of the peer's.
    pub(super) fn answer_to(&self, received: &Received<'a>) -> Option<&Sent<'a>> {
        self.sent.iter().find(|sent| {
            sent.status.is_some_and(|status| status >= 200)
                && sent.key.branch == received.key.branch
                && sent.key.method == received.key.method
        })
    }

    /// Whether a later request of the peer's was faster than this one, which is refused for that
    /// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)).
    pub(super) fn is_overtaken(&self, received: &Received<'a>) -> bool {
        self.received.iter().any(|other| {
            other.status.is_none()
                && other.order < received.order
                && other.key.tag == received.key.tag
                && other.key.cseq > received.key.cseq
        })
    }

    /// Whether a BYE of the peer's had ended the dialog of a message before that was sent.
    pub(super) fn is_ended_by_peer(&self, sent: &Sent<'a>) -> bool {
        self.received.iter().any(|received| {
            received.status.is_none()
                && received.key.method == Method::Bye
                && received.key.tag == sent.key.tag
                && received.sent <= sent.number
                && !self.is_overtaken(received)
        })
    }

    /// The BYE that we sent in the dialog of a response.
    pub(super) fn bye(&self, sent: &Sent<'a>) -> Option<&Sent<'a>> {
        self.sent
            .iter()
            .find(|other| other.is_request(&Method::Bye) && other.key.tag == sent.key.tag)
    }
}

impl<'a> Sent<'a> {
    fn new(packet: &'a Packet) -> Option<Self> {
        let message = packet.message().ok()?;
        let headers = message.headers();
        let status = packet.status();
        Some(Self {
            key: Key::new(message, status.is_none())?,
            status,
            rseq: headers.rseq().unwrap_or(Some(UNREADABLE)),
            is_described: !message.body().is_empty(),
            session_expires: headers.session_expires().ok().flatten(),
            number: packet.number,
            times: vec![packet.at],
            bytes: &packet.bytes,
            packet,
        })
    }

    /// When it was sent first.
    pub(super) fn first(&self) -> Duration {
        self.times.first().copied().unwrap_or_default()
    }

    pub(super) fn is_request(&self, method: &Method) -> bool {
        self.status.is_none() && self.key.method == *method
    }

    /// Whether it answers an INVITE with a status of this range.
    pub(super) fn answers_invite(&self, statuses: std::ops::Range<u16>) -> bool {
        let is_in = self.status.is_some_and(|status| statuses.contains(&status));
        is_in && self.key.method == Method::Invite
    }

    /// What a violation calls it.
    pub(super) fn label(&self) -> String {
        format!("#{} {}", self.number, self.packet.label())
    }
}

impl<'a> Received<'a> {
    fn new(order: usize, arrival: &'a Arrival, end: End) -> Option<Self> {
        if arrival.packet.direction == end.sends() {
            return None;
        }
        let message = arrival.packet.message().ok()?;
        let status = arrival.packet.status();
        Some(Self {
            key: Key::new(message, status.is_some())?,
            status,
            rack: message.headers().rack().ok(),
            is_described: !message.body().is_empty(),
            session_expires: message.headers().session_expires().ok().flatten(),
            at: arrival.at,
            sent: arrival.sent,
            number: arrival.packet.number,
            order,
        })
    }
}

impl<'a> Key<'a> {
    /// `is_ours`: the request that the message is, or answers, is our own.
    fn new(message: &'a Message, is_ours: bool) -> Option<Self> {
        let headers = message.headers();
        let cseq = headers.cseq().ok()?;
        let end = if is_ours {
            headers.from()
        } else {
            headers.to()
        };
        Some(Self {
            branch: headers.via().ok()?.branch()?,
            method: cseq.method,
            cseq: cseq.number,
            tag: end.ok()?.tag(),
        })
    }
}

/// No `RSeq` is 0.
const UNREADABLE: u32 = 0;
