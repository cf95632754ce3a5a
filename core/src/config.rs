//! What the owner of a core may choose.

use std::time::Duration;

use offhook_message::{Method, Text};

use crate::logger::LoggerFactory;

/// The settings of a core.
#[derive(Clone, Debug)]
pub struct Config {
    /// The User-Agent of every message; `None` writes none.
    pub user_agent: Option<Text>,
    /// The timers.
    pub times: Times,
    /// The bounds of the tables.
    pub limits: Limits,
    /// Provisional responses that the caller acknowledges.
    pub reliability: Reliability,
    /// The methods that the application answers, beside those the core serves itself: INFO,
    /// MESSAGE and so on. Each comes as an [`Event::Request`](crate::Event::Request). Default none.
    pub methods: Vec<Method>,
    /// The INFO packages that the application receives
    /// ([RFC 6086](https://www.rfc-editor.org/rfc/rfc6086)), for INFO among the `methods`. Default none.
    pub info_packages: Vec<Text>,
    /// How long a session lives without a refresh.
    pub session_timer: SessionTimerConfig,
    /// Where log lines go.
    pub loggers: LoggerFactory,
}

/// Session timers ([RFC 4028](https://www.rfc-editor.org/rfc/rfc4028)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimerConfig {
    /// The least life that we agree to, in seconds; a shorter one gets 422, and in a response counts as
    /// this one. Default 90, which is the least that the RFC allows.
    pub min_se: u32,
    /// The life that each INVITE of ours asks for, and that our 2xx sets where the peer asks for none, in seconds. Default
    /// `None`: ours ask for none, and a session for which nobody has asked lives until somebody ends it.
    pub expires: Option<u32>,
}

impl Default for SessionTimerConfig {
    fn default() -> Self {
        Self {
            min_se: 90,
            expires: None,
        }
    }
}

/// What we make of reliable provisional responses
/// ([RFC 3262](https://www.rfc-editor.org/rfc/rfc3262)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reliability {
    /// They do not exist: an INVITE that requires them gets 420.
    Off,
    /// A provisional response is reliable where the INVITE requires it, and where the application
    /// asks for it and the INVITE supports it.
    #[default]
    Supported,
    /// Every provisional response above 100 is reliable: an INVITE that does not support them gets
    /// 421.
    Required,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user_agent: Text::new(concat!("Offhook/", env!("CARGO_PKG_VERSION"))).ok(),
            times: Times::default(),
            limits: Limits::default(),
            reliability: Reliability::default(),
            methods: Vec::new(),
            info_packages: Vec::new(),
            session_timer: SessionTimerConfig::default(),
            loggers: LoggerFactory::default(),
        }
    }
}

/// The durations of [RFC 3261, table 4](https://www.rfc-editor.org/rfc/rfc3261#page-265), and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The estimate of the round trip. Default 500 ms.
    pub t1: Duration,
    /// The longest interval between repetitions. Default 4 s.
    pub t2: Duration,
    /// How long a message stays in the network. Default 5 s.
    pub t4: Duration,
    /// How soon an INVITE gets 100 when nothing else was said. Default 200 ms (§17.2.1).
    pub trying: Duration,
    /// How soon an INVITE gets 480 when the application does not answer it, and how long one
    /// that rings may ring. Default 180 s.
    pub no_answer: Duration,
    /// How long an INVITE of ours may go without a final response once a provisional one came: then
    /// it is cancelled. Default 180 s, as Timer C of proxies (§16.6).
    pub ringing: Duration,
    /// How often the last provisional response is repeated, so that no proxy gives up. Default
    /// 60 s (§13.3.1.1).
    pub repeat_provisional: Duration,
}

impl Times {
    /// The interval after `interval` where each is twice the one before, up to T2.
    pub(crate) fn next_interval(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }

    /// 64·T1, the life of most transactions.
    pub(crate) fn transaction_life(&self) -> Duration {
        self.t1 * 64
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            trying: Duration::from_millis(200),
            no_answer: Duration::from_mins(3),
            ringing: Duration::from_mins(3),
            repeat_provisional: Duration::from_mins(1),
        }
    }
}

/// The bounds of a core's tables. Past them a new request gets 503 with Retry-After, and what is
/// in the tables goes on. The last eighth is for those who have acknowledged a call before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Server transactions, those that only absorb repetitions included. Default 500,000: at one
    /// call a millisecond, two transactions a call live for 32 s each.
    pub transactions: usize,
    /// Octets of the requests of server transactions and of the responses that are kept for
    /// repetition, about: twice the size of each request. Default 512 MiB, 500,000 ordinary ones.
    pub octets: usize,
    /// Calls that are not answered yet, in each direction. Default 50,000.
    pub invites: usize,
    /// Sessions, early ones included. Default 100,000.
    pub sessions: usize,
    /// Requests other than INVITE that the application has not answered. Default 10,000.
    pub requests: usize,
    /// What Retry-After says, in seconds. Default 10.
    pub retry_after: u32,
    /// How many requests that prove nothing one source may send at once, an address with its port:
    /// those that are answered without a transaction, and new calls while a table is half full.
    /// All ports of an address have 16 times as many together. Past it a source gets 503 a few
    /// times, and then no answer. Default 200; `u32::MAX` sets no bound.
    pub source_burst: u32,
    /// How many of those more a source may send in each second. Default 20.
    pub source_rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions: 500_000,
            octets: 512 << 20,
            invites: 50_000,
            sessions: 100_000,
            requests: 10_000,
            retry_after: 10,
            source_burst: 200,
            source_rate: 20,
        }
    }
}
