//! The time of a core, and all its timers.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::config::Times;
use crate::event::{InviteId, RequestId, SessionId};
use crate::id::{OutgoingInviteId, SubscriptionId};
use crate::slot::Slot;

/// What a timer is for. It names its owner; an owner that is gone, or is past the state the timer
/// belongs to, ignores it. So nothing is ever cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// 100 Trying, unless something else was said first (RFC 3261 §17.2.1).
    Trying(InviteId),
    /// 480 when the application does not answer, so many seconds later: see [`in_parts`].
    NoAnswer(InviteId, u32),
    /// 487 when the INVITE's Expires is over (RFC 3261 §13.3.1), so many seconds later.
    Expires(InviteId, u32),
    /// The last provisional response again, once a minute (RFC 3261 §13.3.1.1).
    RepeatProvisional(InviteId),
    /// A reliable provisional response again (RFC 3262 §3).
    Reliable(SessionId, u32),
    /// The end of the wait for its PRACK.
    Prack(SessionId, u32),
    /// 488 when the application does not answer an offer that came inside the dialog.
    Offer(Slot),
    /// A session to refresh, or to give up because nobody refreshed it (RFC 4028).
    Session(SessionId),
    /// The end of a stage of a change of ours, or the next attempt of one that met a request of the peer's (RFC 3261
    /// §14.1).
    Change(SessionId),
    /// 480 when the application does not answer a request.
    Request(RequestId),
    /// 100 for a re-INVITE that the application has not answered (RFC 3261 §17.2.1).
    OfferTrying(Slot),
    /// A server transaction's timer.
    Server(Slot, ServerTimer),
    /// A client transaction's timer.
    Client(Slot, ClientTimer),
    /// The end of a stage of an INVITE of ours: that it rings, the wait for a final response after CANCEL (RFC 3261
    /// §9.1), or that a 3xx may be followed.
    OutgoingInvite(OutgoingInviteId),
    /// The refresh of a registration or of a published state, or the next try.
    Kept(Slot),
    /// The next repetition of the 2xx to the INVITE of this number (RFC 3261 §13.3.1.4).
    Accepted(SessionId, u32),
    /// The end of the wait for the ACK of that 2xx.
    Acknowledgement(SessionId, u32),
    /// The end of the wait for the next NOTIFY of a REFER of ours (RFC 6665 §4.1.2.4).
    Refer(SessionId, u32),
    /// The end of the subscription of a REFER of the peer's.
    Referral(SessionId, u32),
    /// Timer N of a subscription (RFC 6665 §4.1.2), its refresh, or the next try.
    Subscription(SubscriptionId),
}

/// The timers of server transactions (RFC 3261 §17.2, RFC 6026 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerTimer {
    /// Repeats a final response other than 2xx to INVITE.
    G,
    /// Ends the wait for the ACK.
    H,
    /// Absorbs further ACKs.
    I,
    /// Absorbs repetitions of a request other than INVITE.
    J,
    /// Absorbs repetitions of an INVITE that was accepted.
    L,
}

/// The timers of client transactions (RFC 3261 §17.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientTimer {
    /// Repeats an INVITE.
    A,
    /// Ends the wait for any response to an INVITE.
    B,
    /// Absorbs repetitions of a final response other than 2xx to INVITE.
    D,
    /// Repeats a request other than INVITE.
    E,
    /// Ends the wait for a final response.
    F,
    /// Absorbs repetitions of the response.
    K,
    /// Ends the wait for further 2xx to an INVITE (RFC 6026 §7.2).
    M,
}

impl Timer {
    /// Whether it only forgets a transaction that repetitions might still have met. Nobody is woken for it alone:
    /// it fires with whatever comes next, or with others of its kind.
    fn is_patient(self) -> bool {
        use {ClientTimer as Client, ServerTimer as Server};
        matches!(
            self,
            Self::Server(_, Server::I | Server::J | Server::L)
                | Self::Client(_, Client::D | Client::K | Client::M)
        )
    }
}

/// What time it is, and the armed timers, earliest first.
///
/// RFC 3261 arms the same ten durations over and over. Within one duration the order of arming is
/// the order of firing, so each has a queue of its own where arming and firing cost a push and a
/// pop; two where some of its timers are patient. A map takes the durations that messages bring
/// (Expires).
#[derive(Debug)]
pub(crate) struct Timers {
    now: Instant,
    lanes: Vec<Lane>,
    /// By time, and of one time in the order of arming.
    rare: BTreeMap<(Instant, u64), Timer>,
    armed: u64,
}

impl Timers {
    pub(crate) fn new(now: Instant, times: &Times) -> Self {
        let mut durations = vec![
            times.trying,
            in_parts(times.no_answer).0,
            times.ringing,
            times.repeat_provisional,
            times.t4,
            times.t1 * 64,
        ];
        let mut interval = times.t1.max(Duration::from_millis(1));
        while interval < times.t2 {
            durations.push(interval);
            interval *= 2;
        }
        durations.push(times.t2);
        durations.sort_unstable();
        durations.dedup();
        let patient = [times.t4, times.t1 * 64].map(|duration| Lane::new(duration, PATIENCE));
        let prompt = durations
            .into_iter()
            .map(|it| Lane::new(it, Duration::ZERO));
        Self {
            now,
            lanes: prompt.chain(patient).collect(),
            rare: BTreeMap::new(),
            armed: 0,
        }
    }

    /// How many are armed, those included whose owners will ignore them.
    pub(crate) fn len(&self) -> usize {
        let queues = self.lanes.iter().map(|lane| lane.queue.len());
        self.rare.len() + queues.sum::<usize>()
    }

    /// The time of all that happens until the next [`advance`](Self::advance).
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Time has passed. None has where `now` steps back, as it may a little: callers read their clocks before they take
    /// turns.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// When it will fire. `None` where that is not within the life of this process.
    pub(crate) fn arm(&mut self, after: Duration, timer: Timer) -> Option<Instant> {
        let at = self.now.checked_add(after)?;
        let mut lanes = self.lanes.iter_mut();
        if let Some(lane) = lanes.find(|lane| lane.takes(after, timer)) {
            lane.queue.push_back(Armed { at, timer });
            return Some(at);
        }
        self.armed += 1;
        self.rare.insert((at, self.armed), timer);
        Some(at)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn due(&mut self) -> Option<Timer> {
        let (now, rare) = (self.now, self.first_rare());
        let lanes = self.lanes.iter_mut();
        let armed = lanes.filter_map(|lane| Some((lane.head()?, lane)));
        let lane = armed.min_by_key(|(at, _)| *at);
        let in_lane = lane.as_ref().map(|(at, _)| *at);
        if rare.is_some_and(|at| at <= now && in_lane.is_none_or(|lane| at < lane)) {
            return self.rare.pop_first().map(|(_, timer)| timer);
        }
        let (_, lane) = lane.filter(|(at, _)| *at <= now)?;
        lane.queue.pop_front().map(|armed| armed.timer)
    }

    /// When somebody is to be woken for the next timer. Timers at the front that `live` denies are
    /// dropped, so that nobody is woken for them.
    pub(crate) fn next(&mut self, live: impl Fn(Timer) -> bool) -> Option<Instant> {
        for lane in &mut self.lanes {
            while lane.queue.front().is_some_and(|armed| !live(armed.timer)) {
                lane.queue.pop_front();
            }
        }
        while let Some(first) = self.rare.first_entry().filter(|first| !live(*first.get())) {
            first.remove();
        }
        let in_lanes = self.lanes.iter().filter_map(Lane::deadline);
        in_lanes.chain(self.first_rare()).min()
    }

    fn first_rare(&self) -> Option<Instant> {
        let first = self.rare.first_key_value();
        first.map(|((at, _), _)| *at)
    }
}

#[derive(Debug)]
struct Lane {
    duration: Duration,
    /// How much later than due its timers may fire.
    patience: Duration,
    queue: VecDeque<Armed>,
}

impl Lane {
    fn new(duration: Duration, patience: Duration) -> Self {
        Self {
            duration,
            patience,
            queue: VecDeque::new(),
        }
    }

    fn takes(&self, duration: Duration, timer: Timer) -> bool {
        self.duration == duration && self.patience.is_zero() != timer.is_patient()
    }

    fn head(&self) -> Option<Instant> {
        self.queue.front().map(|armed| armed.at)
    }

    fn deadline(&self) -> Option<Instant> {
        self.head()?.checked_add(self.patience)
    }
}

#[derive(Debug)]
struct Armed {
    at: Instant,
    timer: Timer,
}

/// A time that a peer may move as often as it likes, and the one timer that is armed for it. One
/// that fires too early is armed again: so nobody fills the map, and none stays for long after its
/// owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// When its timer fires.
    armed: Option<Instant>,
}

impl Deadline {
    pub(crate) fn new(at: Instant) -> Self {
        Self { at, armed: None }
    }

    /// One in the place of another, or the first.
    pub(crate) fn replacing(before: Option<Self>, at: Instant) -> Self {
        let armed = before.and_then(|before| before.armed);
        Self { at, armed }
    }

    pub(crate) fn moved_to(self, at: Instant) -> Self {
        Self { at, ..self }
    }

    /// After how long a timer is to fire; `None` where one is armed that fires soon enough.
    #[must_use]
    pub(crate) fn arm(&mut self, now: Instant) -> Option<Duration> {
        let fires = self.at.min(now + LONGEST_ARMED);
        if self.armed.is_some_and(|armed| armed <= fires) {
            return None;
        }
        self.armed = Some(fires);
        Some(fires.saturating_duration_since(now))
    }

    /// Its timer fires. False where it is too early.
    #[must_use]
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        self.armed = self.armed.filter(|armed| now < *armed);
        self.at <= now
    }
}

/// The first part of a wait that its owner may end long before, and the seconds that follow. The
/// timer of each part carries the rest: so none stays for long after its owner, which remembers
/// nothing for it.
pub(crate) fn in_parts(after: Duration) -> (Duration, u32) {
    let beyond = after.saturating_sub(LONGEST_ARMED);
    let rest = beyond.as_secs() + u64::from(beyond.subsec_nanos() > 0);
    let rest = u32::try_from(rest).unwrap_or(u32::MAX);
    (after.saturating_sub(Duration::from_secs(rest.into())), rest)
}

/// Less than half of the least session timer (RFC 4028 §5), so that none has to fire earlier than
/// its last; and 64·T1 by default, which has a lane.
const LONGEST_ARMED: Duration = Duration::from_secs(32);

/// How long a patient timer waits for others at most.
const PATIENCE: Duration = Duration::from_millis(500);

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs one instant to start from"
)]
mod tests {
    use super::*;
    use crate::slot::Slots;

    fn timers() -> (Timers, Instant, InviteId, InviteId) {
        let mut slots = Slots::default();
        let (first, second) = (InviteId(slots.insert(())), InviteId(slots.insert(())));
        let now = Instant::now();
        (Timers::new(now, &Times::default()), now, first, second)
    }

    #[test]
    fn they_fire_in_order_whatever_their_durations() {
        let (mut timers, now, first, second) = timers();
        let ms = Duration::from_millis;
        timers.arm(ms(500), Timer::NoAnswer(first, 0));
        timers.arm(ms(300), Timer::Expires(second, 0));
        timers.arm(ms(200), Timer::Trying(first));
        assert_eq!(timers.len(), 3);
        timers.advance(now + ms(199));
        assert_eq!(timers.due(), None);
        timers.advance(now + ms(600));
        assert_eq!(timers.due(), Some(Timer::Trying(first)));
        assert_eq!(timers.due(), Some(Timer::Expires(second, 0)));
        assert_eq!(timers.due(), Some(Timer::NoAnswer(first, 0)));
        assert_eq!(timers.due(), None);
    }

    #[test]
    fn nobody_is_woken_for_a_dead_timer() {
        let (mut timers, now, first, second) = timers();
        let ms = Duration::from_millis;
        timers.arm(ms(200), Timer::Trying(first));
        timers.arm(ms(300), Timer::Expires(first, 0));
        timers.arm(ms(400), Timer::Expires(second, 0));
        let live = |timer| timer == Timer::Expires(second, 0);
        assert_eq!(timers.next(live), Some(now + ms(400)));
        assert_eq!(timers.len(), 1);
    }

    #[test]
    fn patient_timers_wake_nobody_before_their_patience_ends() {
        let mut transactions = Slots::default();
        let (first, second) = (transactions.insert(()), transactions.insert(()));
        let (mut timers, now, ..) = timers();
        let after = Times::default().t1 * 64;
        let forget = |slot| Timer::Server(slot, ServerTimer::L);
        timers.arm(after, forget(first));
        timers.advance(now + PATIENCE);
        timers.arm(after, forget(second));
        assert_eq!(timers.next(|_| true), Some(now + after + PATIENCE));
        timers.advance(now + after);
        assert_eq!(timers.due(), Some(forget(first)));
        assert_eq!(timers.due(), None);
    }

    #[test]
    fn a_timer_that_is_not_patient_has_the_time_to_itself() {
        let mut transactions = Slots::default();
        let (mut timers, now, ..) = timers();
        let (slot, after) = (transactions.insert(()), Times::default().t1 * 64);
        timers.arm(after, Timer::Server(slot, ServerTimer::L));
        timers.arm(after, Timer::Server(slot, ServerTimer::H));
        assert_eq!(timers.next(|_| true), Some(now + after));
    }

    #[test]
    fn a_deadline_that_moves_has_one_timer() {
        let (_, now, ..) = timers();
        let s = Duration::from_secs;
        let mut deadline = Deadline::new(now + s(45));
        assert_eq!(deadline.arm(now), Some(LONGEST_ARMED));
        for second in 1..32 {
            deadline = deadline.moved_to(now + s(second + 45));
            assert_eq!(deadline.arm(now + s(second)), None);
            assert!(!deadline.is_over(now + s(second)), "of another time");
        }
        assert!(!deadline.is_over(now + s(32)));
        assert_eq!(deadline.arm(now + s(32)), Some(LONGEST_ARMED));
        assert!(!deadline.is_over(now + s(64)));
        assert_eq!(deadline.arm(now + s(64)), Some(s(12)));
        deadline = deadline.moved_to(now + s(70));
        assert_eq!(deadline.arm(now + s(64)), Some(s(6)), "sooner than armed");
        assert!(deadline.is_over(now + s(70)));
    }

    #[test]
    fn a_long_wait_has_parts() {
        for milliseconds in [0, 200, 32_000, 32_001, 45_500, 180_000, u64::MAX] {
            let whole = Duration::from_millis(milliseconds);
            let (mut first, mut rest) = in_parts(whole);
            let mut waited = first;
            while rest > 0 && milliseconds < u64::MAX {
                assert!(first <= LONGEST_ARMED, "{first:?} of {whole:?}");
                (first, rest) = in_parts(Duration::from_secs(rest.into()));
                waited += first;
            }
            let is_whole = waited + Duration::from_secs(rest.into()) == whole;
            assert!(is_whole, "{waited:?} of {whole:?}");
        }
    }

    /// Each INVITE arms it, whatever T1 is.
    #[test]
    fn the_first_part_of_the_wait_for_an_answer_has_a_lane() {
        let (_, now, first, _) = timers();
        let quick = Times {
            t1: Duration::from_millis(100),
            ..Times::default()
        };
        let mut timers = Timers::new(now, &quick);
        let (after, rest) = in_parts(quick.no_answer);
        timers.arm(after, Timer::NoAnswer(first, rest));
        assert_eq!((timers.len(), timers.rare.len()), (1, 0));
    }

    #[test]
    fn a_clock_that_steps_back_stands_still() {
        let (mut timers, now, first, second) = timers();
        let ms = Duration::from_millis;
        timers.advance(now + ms(10));
        timers.arm(ms(200), Timer::Trying(first));
        timers.advance(now);
        timers.arm(ms(200), Timer::Trying(second));
        timers.advance(now + ms(205));
        assert_eq!(timers.due(), None);
        timers.advance(now + ms(210));
        assert_eq!(timers.due(), Some(Timer::Trying(first)));
        assert_eq!(timers.due(), Some(Timer::Trying(second)));
    }
}
