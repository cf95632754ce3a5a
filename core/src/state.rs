//! The tables side by side: one owner, plain `&mut`.

use std::fmt::Arguments;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use offhook_message::{Method, Request, StatusCode};

use crate::capabilities::Introduction;
use crate::client_event::{ReferEnd, ReferEvent};
use crate::config::Config;
use crate::counts::Totals;
use crate::dialog::OfferAnswer;
use crate::event::{Event, InviteId, SessionEnd, SessionId};
use crate::fingerprint::Fingerprinter;
use crate::flow::Flow;
use crate::id::SubscriptionId;
use crate::logger::{LogLevel, LoggerFactory};
use crate::outbox::Outbox;
use crate::outgoing::{Kept, OutgoingInvites, OutgoingRequestMessage, Stage, Subscriptions};
use crate::random::{Random, Token};
use crate::respond;
use crate::session::{
    InviteSession, Invites, OutgoingRefer, PendingOffer, PendingRequest, ReferStage, Referral,
    Sessions,
};
use crate::share::Demand;
use crate::slot::{Slot, Slots};
use crate::sources::{Admission, Sources};
use crate::timers::{ClientTimer, Timer, Timers};
use crate::transaction::{
    ClientStep, ClientTransaction, ClientTransactions, ClientUser, ServerStep, ServerTransactions,
};

/// Everything a core remembers.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) introduction: Introduction,
    pub(crate) loggers: LoggerFactory,
    pub(crate) random: Random,
    pub(crate) fingerprinter: Fingerprinter,
    pub(crate) timers: Timers,
    pub(crate) outbox: Outbox,
    pub(crate) servers: ServerTransactions,
    pub(crate) clients: ClientTransactions,
    pub(crate) invites: Invites,
    pub(crate) sessions: Sessions,
    pub(crate) offers: Slots<PendingOffer>,
    pub(crate) outgoing_invites: OutgoingInvites,
    pub(crate) outgoing_requests: Slots<OutgoingRequestMessage>,
    pub(crate) kept: Slots<Kept>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) requests: Slots<PendingRequest>,
    pub(crate) sources: Sources,
    pub(crate) totals: Totals,
    /// Seconds for Retry-After while new calls are refused.
    pub(crate) refusing: Option<u32>,
}

impl State {
    pub(crate) fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        let fingerprinter = Fingerprinter::new(random.keys());
        Self {
            introduction: Introduction::new(&config),
            loggers: config.loggers,
            timers: Timers::new(now, &config.times),
            random,
            outbox: Outbox::default(),
            servers: ServerTransactions::default(),
            clients: ClientTransactions::default(),
            invites: Invites::default(),
            sessions: Sessions::new(),
            offers: Slots::default(),
            outgoing_invites: OutgoingInvites::default(),
            outgoing_requests: Slots::default(),
            kept: Slots::default(),
            subscriptions: Subscriptions::default(),
            requests: Slots::default(),
            sources: Sources::new(now, &config.limits, fingerprinter.clone()),
            fingerprinter,
            totals: Totals::default(),
            refusing: None,
            config,
        }
    }

    /// When the next timer is due that somebody still waits for.
    pub(crate) fn next_timer(&mut self) -> Option<Instant> {
        let invite = |id: InviteId| self.invites.get(id.0);
        let session = |id| self.sessions.get(id);
        self.timers.next(|timer| match timer {
            Timer::Trying(id) => invite(id).is_some_and(|it| !it.is_answered),
            Timer::NoAnswer(id, _) | Timer::Expires(id, _) | Timer::RepeatProvisional(id) => {
                invite(id).is_some()
            }
            Timer::Reliable(id, rseq) | Timer::Prack(id, rseq) => {
                session(id).is_some_and(|it| it.awaits_prack(rseq))
            }
            Timer::Session(id) => session(id).is_some_and(|it| it.timer.is_some()),
            Timer::Change(id) => {
                let change = session(id).and_then(|it| it.change.as_ref());
                change.is_some_and(|change| change.until.is_some())
            }
            Timer::Request(id) => self.requests.contains(id.0),
            Timer::Offer(slot) | Timer::OfferTrying(slot) => self.offers.contains(slot),
            Timer::Server(slot, _) => self.servers.get(slot).is_some(),
            Timer::Client(slot, _) => self.clients.get(slot).is_some(),
            Timer::Accepted(id, cseq) | Timer::Acknowledgement(id, cseq) => {
                session(id).is_some_and(|it| it.awaits_ack(cseq))
            }
            Timer::Refer(id, name) => session(id).is_some_and(|it| it.awaits_notify(name)),
            Timer::Referral(id, cseq) => session(id).is_some_and(|it| it.is_referred(cseq)),
            Timer::Kept(slot) => self.kept.contains(slot),
            Timer::Subscription(id) => self.subscriptions.get(id).is_some(),
            Timer::OutgoingInvite(id) => {
                let invite = self.outgoing_invites.get(id);
                invite.is_some_and(|it| it.stage != Stage::Accepted && it.until.is_some())
            }
        })
    }

    /// A step of a server transaction.
    pub(crate) fn server(&mut self, slot: Slot) -> ServerStep<'_> {
        ServerStep {
            slot,
            transactions: &mut self.servers,
            times: &self.config.times,
            timers: &mut self.timers,
            outbox: &mut self.outbox,
            totals: &mut self.totals,
        }
    }

    /// A step of a client transaction.
    pub(crate) fn client(&mut self, slot: Slot) -> ClientStep<'_> {
        ClientStep {
            slot,
            transactions: &mut self.clients,
            times: &self.config.times,
            timers: &mut self.timers,
            outbox: &mut self.outbox,
            totals: &mut self.totals,
        }
    }

    /// A transaction for `request`, which goes out with [`ClientStep::send`].
    pub(crate) fn insert_client(
        &mut self,
        branch: Token,
        method: Method,
        request: Bytes,
        flow: Flow,
        user: ClientUser,
    ) -> Slot {
        let transaction = ClientTransaction::new(branch, method, request, flow, user);
        let slot = self.clients.insert(transaction);
        self.client(slot).begin();
        slot
    }

    /// Takes a call out that is refused, and with it its early dialog and what is open there.
    pub(crate) fn end_invite(&mut self, id: InviteId) {
        let invite = self.invites.remove(id.0);
        if let Some(session) = invite.and_then(|invite| invite.session) {
            self.end_offers(session);
            self.sessions.remove(session);
        }
    }

    /// Hands an offer of the peer's to the application. That of a PRACK waits while one of ours is open: both may be
    /// made at once ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)), and a PRACK is not to be refused.
    pub(crate) fn tell_offer(&mut self, id: SessionId, slot: Slot) {
        let after = self.config.times.transaction_life() / 2;
        let offer = self.offers.get_mut(slot);
        let Some((offer, session)) = offer.zip(self.sessions.get_mut(id)) else {
            return;
        };
        offer.due = self.timers.now() + after;
        self.timers.arm(after, Timer::Offer(slot));
        let message = offer.incoming.request.clone();
        if message.session_description().is_some() {
            if session.offer_answer == OfferAnswer::HaveLocalOffer
                && let Some(reliable) = &mut session.reliable
            {
                reliable.offer = Some(slot);
                return;
            }
            session.offer_answer = session.offer_answer.received();
        }
        session.offer = Some(slot);
        self.outbox.event(Event::Offer {
            session: id,
            message,
        });
    }

    /// An offer of ours may have its answer: the one that waited for that comes next.
    pub(crate) fn release_offer(&mut self, id: SessionId) {
        let session = self.sessions.get_mut(id);
        let session = session.filter(|it| it.offer_answer != OfferAnswer::HaveLocalOffer);
        let reliable = session.and_then(|session| session.reliable.as_mut());
        if let Some(slot) = reliable.and_then(|reliable| reliable.offer.take()) {
            self.tell_offer(id, slot);
        }
    }

    /// A session ends, or is ending: what the application has not answered of it gets 487
    /// ([RFC 3261 §15.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.2)).
    pub(crate) fn end_offers(&mut self, session: SessionId) {
        let session = self.sessions.get_mut(session);
        let slots = session.map(InviteSession::take_offers);
        for slot in slots.into_iter().flatten().flatten() {
            if let Some(offer) = self.offers.remove(slot) {
                let status = StatusCode::REQUEST_TERMINATED;
                let mut writer = respond::begin(&offer.incoming, status, None, None);
                self.introduction.write_user_agent(&mut writer);
                self.server(offer.transaction)
                    .respond(status, writer.finish());
            }
        }
    }

    /// Takes a session out and says so.
    pub(crate) fn end_session(
        &mut self,
        session: SessionId,
        cause: SessionEnd,
        message: Option<Request>,
    ) {
        self.end_offers(session);
        self.limit_change(session);
        let Some(refers) = self.sessions.end(session, cause) else {
            return;
        };
        for refer in refers.iter().filter(|it| it.stage != ReferStage::Over) {
            let (status, cause) = (None, ReferEnd::Gone);
            self.outbox.event(Event::Refer {
                session,
                cseq: refer.name,
                event: ReferEvent::Terminated { status, cause },
            });
        }
        self.outbox.event(Event::Ended {
            session,
            cause,
            message,
        });
    }

    /// The session ends, or is about to. A re-INVITE that is out is still to be answered, and the answer acknowledged
    /// each time it comes ([RFC 3261 §15.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.2)), but not for ever:
    /// nobody else limits one that has a provisional response.
    pub(crate) fn limit_change(&mut self, session: SessionId) {
        let session = self.sessions.get(session);
        let change = session.and_then(|session| session.change.as_ref());
        if let Some(transaction) = change.and_then(|change| change.transaction()) {
            let after = self.config.times.transaction_life() * 2;
            let timer = Timer::Client(transaction, ClientTimer::D);
            self.timers.arm(after, timer);
        }
    }

    /// A REFER of ours.
    pub(crate) fn refer(&mut self, session: SessionId, name: u32) -> Option<&mut OutgoingRefer> {
        self.sessions
            .get_mut(session)?
            .refers
            .as_mut()?
            .outgoing(name)
    }

    /// A REFER of the peer's.
    pub(crate) fn referral(&mut self, session: SessionId, cseq: u32) -> Option<&mut Referral> {
        self.sessions
            .get_mut(session)?
            .refers
            .as_mut()?
            .referral(cseq)
    }

    /// Forgets a REFER of ours. False where it was forgotten, or its end told, before.
    pub(crate) fn end_refer(&mut self, id: SessionId, name: u32) -> bool {
        let refer = self.refer(id, name);
        let was_open = refer.is_some_and(|refer| refer.stage != ReferStage::Over);
        if let Some(session) = self.sessions.get_mut(id)
            && let Some(refers) = &mut session.refers
        {
            refers.outgoing.retain(|refer| refer.name != name);
        }
        self.sessions.remove_unused(id);
        was_open
    }

    /// Forgets a REFER of the peer's.
    pub(crate) fn end_referral(&mut self, id: SessionId, cseq: u32) {
        if let Some(session) = self.sessions.get_mut(id)
            && let Some(refers) = &mut session.refers
        {
            refers.referrals.retain(|referral| referral.cseq != cseq);
        }
        self.sessions.remove_unused(id);
    }

    /// Whether something new of this source is begun. It counts only where a table fills up.
    pub(crate) fn admit(&mut self, source: SocketAddr) -> Admission {
        let limits = &self.config.limits;
        let tables = [
            (self.invites.len(), limits.invites),
            (self.sessions.len(), limits.sessions),
            (self.requests.len(), limits.requests),
            (self.servers.len(), limits.transactions),
            (self.servers.octets(), limits.octets),
        ];
        let (sources, now) = (&mut self.sources, self.timers.now());
        if tables.iter().all(|(length, limit)| *length < limit / 2) {
            return sources.look(now, source);
        }
        let is_nearly_full = tables
            .iter()
            .any(|(length, limit)| *length >= limit - limit / 8);
        match (sources.is_proven(now, source), is_nearly_full) {
            (true, false) => Admission::Serve,
            (true, true) | (false, false) => sources.charge(now, source),
            (false, true) => match sources.charge(now, source) {
                Admission::Serve => Admission::Refuse,
                other => other,
            },
        }
    }

    /// Whether a session has room for this request of the peer's. It counts only where the table fills up, and for the
    /// session alone: a source may be a trunk with many calls, and in a datagram it may be forged.
    pub(crate) fn has_room(&mut self, session: SessionId, request: &Request) -> bool {
        let Some(demand) = self.demand(request) else {
            return true;
        };
        let share = self.sessions.share(session, demand.at);
        share.is_none_or(|share| share.take(&demand))
    }

    /// As [`Self::has_room`], for a NOTIFY of a subscription of ours.
    pub(crate) fn has_room_for_notify(&mut self, id: SubscriptionId, notify: &Request) -> bool {
        let Some(demand) = self.demand(notify) else {
            return true;
        };
        let subscription = self.subscriptions.get_mut(id);
        subscription.is_none_or(|it| it.share(demand.at).take(&demand))
    }

    /// What a request asks for, once the table fills up.
    fn demand(&self, request: &Request) -> Option<Demand> {
        Some(Demand {
            at: self.timers.now(),
            octets: 2 * request.as_bytes().len(),
            left: self.servers.left(&self.config.limits)?,
            period: self.config.times.transaction_life(),
        })
    }

    /// Logs a step of a call.
    pub(crate) fn log(&self, category: &'static str, call_id: &[u8], content: Arguments<'_>) {
        let logger = self.loggers.logger(category, call_id);
        logger.write(LogLevel::Debug, content);
    }
}
