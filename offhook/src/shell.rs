//! Everything behind the handles: the shards, the transport layer, and the way between them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use offhook_core::locate::Target;
use offhook_core::{
    Channel, Config, Counts, Flow, Input, Opener, OutgoingRequest, PublicationId, RegistrationId,
    Resolve, SessionId, SubscriptionId, TransactionId, UserAgentCore,
};
use offhook_message::{HeaderName, Malformed, Message, Text};
use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::task::coop::consume_budget;
use tokio::time::{timeout, timeout_at};
use tracing::debug;

use crate::backlog::{Arrival, Backlog};
use crate::calls::CallId;
use crate::kept;
use crate::listener::Listener;
use crate::log;
use crate::resolver::Resolver;
use crate::shard::{Effects, Shard, State};
#[cfg(feature = "tls")]
use crate::transport::watch;
use crate::transport::{
    Bound, ConnectionSettings, Connections, Outgoing, Receive, TransportLayer, Undelivered,
};

/// What all handles of one user agent share. Its tasks hold it weakly: they end when the last
/// handle is gone.
pub(crate) struct Shell {
    this: Weak<Self>,
    shards: Box<[Shard]>,
    /// Keyed, for peers choose the Call-IDs.
    hasher: RandomState,
    /// How many calls we have placed.
    placed: AtomicU64,
    pub(crate) transport: TransportLayer,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) listeners: Box<[Listener]>,
    pub(crate) resolver: Arc<dyn Resolver>,
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
    /// Whether [`Shell::stop`] waits for the calls to end.
    stopping: AtomicBool,
    /// While stopping: something has happened to a call.
    changed: Notify,
}

/// The bounds of a shell, and who it asks.
pub(crate) struct Bounds {
    pub(crate) shards: usize,
    pub(crate) backlog: usize,
    pub(crate) connections: Arc<ConnectionSettings>,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl Shell {
    pub(crate) fn start(
        bound: Bound,
        config: &Config,
        bounds: &Bounds,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let runtime = Handle::current();
        let backlog = Arc::new(Backlog::new(bounds.backlog));
        let mut shards = Vec::with_capacity(bounds.shards);
        for index in 0..bounds.shards {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed)?;
            let core = UserAgentCore::new(Instant::now(), share(config, bounds.shards), seed);
            let retry_after = config.limits.retry_after;
            shards.push(Shard::new(index, core, &backlog, retry_after));
        }
        let shell = Arc::new_cyclic(|this: &Weak<Self>| {
            let connections = Connections::new(
                Weak::<Self>::clone(this),
                runtime.clone(),
                bound.channels(),
                Arc::clone(&bounds.connections),
            );
            Self {
                this: Weak::clone(this),
                shards: shards.into(),
                hasher: RandomState::new(),
                placed: AtomicU64::new(0),
                transport: bound.transport_layer(connections),
                backlog,
                listeners: bound.listeners.clone().into(),
                resolver: Arc::clone(&bounds.resolver),
                runtime,
                tasks: Mutex::default(),
                stopping: AtomicBool::new(false),
                changed: Notify::new(),
            }
        });
        {
            let mut tasks = shell.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            for index in 0..shell.shards.len() {
                let earlier = Arc::clone(&shell.shard(index).earlier);
                tasks.spawn(keep_time(Weak::clone(&shell.this), index, earlier));
            }
            // A task that ended at once would be counted by whoever is fast enough.
            #[cfg(feature = "tls")]
            if bounds.connections.tls.has_files() {
                tasks.spawn(watch(Arc::downgrade(&bounds.connections.tls)));
            }
            let receiver: Weak<dyn Receive> = Weak::<Self>::clone(&shell.this);
            bound.serve(&shell.transport, &receiver, &mut tasks);
        }
        Ok(shell)
    }

    /// A Call-ID that nobody else has, nor can guess ([RFC 3261 §8.1.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.4)).
    pub(crate) fn new_call_id(&self) -> Text {
        let number = self.placed.fetch_add(1, Ordering::Relaxed);
        let [first, second] = ["call", "id"].map(|half| self.hasher.hash_one((number, half)));
        let text = format!("{first:016x}{second:016x}");
        Text::new(text).unwrap_or(Text::from_static("0"))
    }

    /// Chooses a Call-ID where the request has none, and gives the shard that it falls to.
    pub(crate) fn place(&self, request: &mut OutgoingRequest) -> usize {
        let call_id = request.call_id.get_or_insert_with(|| self.new_call_id());
        self.shard_of(call_id.as_str().as_bytes())
    }

    /// `index` is one that [`Shell::shard_of`] gave.
    pub(crate) fn shard(&self, index: usize) -> &Shard {
        &self.shards[index]
    }

    pub(crate) fn counts(&self) -> Counts {
        let counts = self.shards.iter().map(Shard::counts);
        counts.fold(Counts::default(), |sum, counts| sum + counts)
    }

    /// Does `work` on a shard's core, and all that follows from it.
    pub(crate) fn act<R>(&self, shard: usize, work: impl FnOnce(&mut State) -> R) -> R {
        let (result, effects) = self.shard(shard).act(work);
        self.follow(shard, effects);
        result
    }

    /// Refuses new calls, waits until those in progress are over or `drain` has passed, ends the
    /// rest, and closes all sockets but those that handles still hold.
    pub(crate) async fn stop(&self, drain: Duration) {
        self.stopping.store(true, Ordering::Release);
        for shard in 0..self.shards.len() {
            self.act(shard, |state| {
                state.refuse_new_calls();
                kept::end_all::<RegistrationId>(state);
                kept::end_all::<SubscriptionId>(state);
                kept::end_all::<PublicationId>(state);
            });
        }
        for arrival in self.backlog.close() {
            self.act(arrival.shard, |state| {
                state.refuse(arrival.id);
            });
        }
        if timeout(drain, self.idle()).await.is_err() {
            for shard in 0..self.shards.len() {
                let unanswered = self.shard(shard).calls(|calls| calls.unanswered());
                self.end_calls(shard, unanswered).await;
                // Some of those may be answered meanwhile.
                let sessions = self.shard(shard).calls(|calls| calls.sessions());
                self.end_calls(shard, sessions).await;
            }
            if timeout(ANSWER_TIME, self.idle()).await.is_err() {
                debug!("not all calls were ended in time");
            }
        }
        for shard in 0..self.shards.len() {
            self.act(shard, |state| state.calls.abandon());
        }
        let _ = timeout(CLOSE_TIME, self.transport.connections.close()).await;
        let mut tasks = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        tasks.shutdown().await;
    }

    /// Ends calls, and lets their last messages be written meanwhile: for all at once a connection has no room.
    async fn end_calls(&self, shard: usize, calls: Vec<CallId>) {
        for call in calls {
            self.act(shard, |state| state.end_call(call));
            consume_budget().await;
        }
    }

    /// Waits until no call is in progress, and nobody keeps anything for us. Only while [`Shell::stop`] runs.
    async fn idle(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let counts = self.counts();
            let calls = counts.invites + counts.outgoing_invites + counts.sessions;
            let kept = counts.registrations + counts.subscriptions + counts.publications;
            if calls + kept == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Which shard a call belongs to, by its Call-ID.
    pub(crate) fn shard_of(&self, key: impl Hash) -> usize {
        let hash = self.hasher.hash_one(key);
        usize::try_from(hash % self.shards.len() as u64).unwrap_or_default()
    }

    fn handle(&self, shard: usize, input: Input) {
        self.act(shard, |state| state.core.handle(state.now, input));
    }

    /// Does what the core asked for. No lock is held but that of the outlet, while it is emptied.
    fn follow(&self, shard: usize, effects: Effects) {
        for resolve in effects.resolves {
            self.resolve(shard, resolve);
        }
        for arrival in effects.replacing {
            self.find_replaced(arrival);
        }
        let mut undelivered = SmallVec::<[TransactionId; 1]>::new();
        if effects.transmits {
            self.shard(shard).outlet.send_all(|transmit| {
                log::sending(&transmit);
                let transaction = transmit.transaction;
                if let Err(Undelivered) = self.transport.send(Outgoing::new(transmit, shard)) {
                    undelivered.extend(transaction);
                }
            });
        }
        if effects.is_earlier {
            self.shard(shard).earlier.notify_one();
        }
        if effects.arrivals {
            self.backlog.wake();
        }
        effects.wakers.into_iter().for_each(Waker::wake);
        for transaction in undelivered {
            self.undelivered(shard, transaction);
        }
        for (shard, session) in effects.replaced {
            self.replace(shard, session);
        }
        if self.stopping.load(Ordering::Acquire) {
            self.changed.notify_waiters();
        }
    }

    /// Ends a call whose place another has taken: BYE, or CANCEL where it is not answered yet.
    pub(crate) fn replace(&self, shard: usize, session: SessionId) {
        self.act(shard, |state| {
            if let Some(session) = state.core.session(state.now, session) {
                session.replace();
            }
        });
    }

    /// Looks for the call that a new one takes the place of, and hands the new one on.
    fn find_replaced(&self, mut arrival: Box<Arrival>) {
        let Some(replaced) = &mut arrival.replaced else {
            return;
        };
        let shard = self.shard_of(replaced.replaces.call_id.as_str().as_bytes());
        let found = self.shard(shard).replaced(&replaced.replaces);
        replaced.session = found.ok().map(|session| (shard, session));
        self.act(arrival.shard, |state| match found {
            Ok(_) => state.queue(arrival),
            Err(status) => state.reject(arrival.id, status),
        });
    }

    fn resolve(&self, shard: usize, resolve: Resolve) {
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            let Resolve {
                transaction,
                host,
                port,
                transport,
            } = resolve;
            let Some(shell) = this.upgrade() else {
                return;
            };
            let found = shell.flows_to(Target {
                host,
                port,
                transport: Some(transport),
                secure: false,
            });
            let flows = found.await.unwrap_or_else(|error| {
                debug!("a request goes nowhere: {error}");
                Vec::new()
            });
            shell.handle(shard, Input::Resolved { transaction, flows });
        });
    }
}

impl Receive for Shell {
    fn message(&self, flow: Flow, message: Message) {
        log::received(&flow, &message);
        let call_id = message.headers().raw(HeaderName::CallId);
        let shard = self.shard_of(call_id.unwrap_or_default());
        self.handle(shard, Input::Message { flow, message });
    }

    fn malformed(&self, flow: Flow, malformed: Malformed) {
        log::received_malformed(&flow, &malformed);
        let shard = self.shard_of(flow.remote);
        self.handle(shard, Input::Malformed { flow, malformed });
    }

    fn undelivered(&self, shard: usize, transaction: TransactionId) {
        self.handle(shard, Input::Undelivered { transaction });
    }

    fn disconnected(&self, channel: Channel, opener: Opener) {
        for shard in 0..self.shards.len() {
            self.handle(shard, Input::Disconnected { channel, opener });
        }
    }
}

/// Runs the timers of a shard.
async fn keep_time(shell: Weak<Shell>, index: usize, earlier: Arc<Notify>) {
    loop {
        let Some(deadline) = shell.upgrade().map(|it| it.shard(index).await_deadline()) else {
            return;
        };
        let Some(deadline) = deadline else {
            earlier.notified().await;
            continue;
        };
        if timeout_at(deadline.into(), earlier.notified())
            .await
            .is_err()
            && let Some(shell) = shell.upgrade()
        {
            shell.handle(index, Input::Timeout);
        }
    }
}

/// The settings of one shard: its part of the bounds, and our log where there is no other.
fn share(config: &Config, shards: usize) -> Config {
    let mut config = config.clone();
    if config.loggers.connector.is_none() {
        config.loggers = log::loggers();
    }
    let limits = &mut config.limits;
    for limit in [&mut limits.source_burst, &mut limits.source_rate] {
        // The highest is none, and has no parts.
        if *limit != u32::MAX {
            *limit = limit.div_ceil(u32::try_from(shards).unwrap_or(u32::MAX));
        }
    }
    for limit in [
        &mut config.limits.transactions,
        &mut config.limits.octets,
        &mut config.limits.requests,
        &mut config.limits.invites,
        &mut config.limits.sessions,
    ] {
        *limit = limit.div_ceil(shards);
    }
    config
}

/// Three repetitions of a BYE that is lost (0.5 + 1 + 2 s) and a little for its answer.
const ANSWER_TIME: Duration = Duration::from_secs(4);
const CLOSE_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::task::{Context, Wake};

    use offhook_message::{Method, UriBuf, parse};
    use tokio::net::UdpSocket;

    use super::*;
    use crate::user_agent::UserAgent;

    #[tokio::test]
    async fn nothing_overtakes_what_another_thread_has_still_to_send() {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("sip:{}", peer.local_addr().unwrap());
        let uri: UriBuf = uri.parse().unwrap();
        let user_agent = UserAgent::builder().listen("udp:127.0.0.1:0").shards(1);
        let user_agent = user_agent.start().await.unwrap();
        let shell = &user_agent.shell;
        let flows = user_agent.flows(&uri).await.unwrap();
        let options = |call_id| {
            let from = "sip:alice@example.com".parse().unwrap();
            let mut request = OutgoingRequest::new(flows.clone(), from, uri.clone().into());
            request.call_id = Some(Text::from_static(call_id));
            |state: &mut State| {
                state
                    .core
                    .request(state.now, Method::Options, request)
                    .unwrap()
            }
        };

        let (_, first) = shell.shard(0).act(options("first"));
        shell.act(0, options("second"));
        shell.follow(0, first);
        let mut buffer = vec![0; 65_535];
        for expected in ["first", "second"] {
            let received = timeout(PATIENCE, peer.recv(&mut buffer)).await;
            let length = received.expect("it is sent").unwrap();
            let message = parse(buffer[..length].to_vec().into()).unwrap();
            assert_eq!(message.headers().call_id(), Ok(expected.as_bytes()));
        }
    }

    #[test]
    fn each_shard_has_its_part_of_a_bound_and_all_of_none() {
        let burst_of = |source_burst| {
            let mut config = Config::default();
            config.limits.source_burst = source_burst;
            share(&config, 4).limits.source_burst
        };
        assert_eq!(burst_of(200), 50);
        assert_eq!(burst_of(u32::MAX), u32::MAX);
    }

    /// It only bounds a hang.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// An executor may poll where it is woken.
    #[tokio::test]
    async fn who_waits_for_a_call_is_woken_with_no_lock_held() {
        let user_agent = UserAgent::builder().listen("udp:127.0.0.1:0").shards(1);
        let user_agent = user_agent.start().await.unwrap();
        let shell = Arc::clone(&user_agent.shell);
        let uri = "sip:127.0.0.1:9".parse().unwrap();
        let flow = user_agent.flows(&uri).await.unwrap()[0];
        let looker = Arc::new(Looker {
            shell: Arc::clone(&shell),
            seen: Mutex::default(),
        });
        let waker = Waker::from(Arc::clone(&looker));
        let mut incoming = pin!(user_agent.incoming());
        let waits = incoming.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        shell.message(flow, parse(INVITE.as_bytes().to_vec().into()).unwrap());
        assert_eq!(*looker.seen.lock().unwrap(), ["unlocked"]);
    }

    /// Looks at the shard when it is woken.
    struct Looker {
        shell: Arc<Shell>,
        seen: Mutex<Vec<&'static str>>,
    }

    impl Wake for Looker {
        fn wake(self: Arc<Self>) {
            let is_locked = self.shell.shard(0).is_locked();
            let seen = if is_locked { "locked" } else { "unlocked" };
            self.seen.lock().unwrap().push(seen);
        }
    }

    const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
        Max-Forwards: 70\r\n\
        From: <sip:alice@example.com>;tag=1\r\n\
        To: <sip:bob@127.0.0.1>\r\n\
        Call-ID: a\r\n\
        CSeq: 1 INVITE\r\n\
        Contact: <sip:alice@127.0.0.1:9>\r\n\
        Content-Length: 0\r\n\r\n";
}
