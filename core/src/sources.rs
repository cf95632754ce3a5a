//! Who asks too much: a token bucket for each source of requests.
//!
//! Only what costs us something and proves nothing is counted: requests that are answered without a transaction (scans,
//! unknown dialogs, what is malformed), and new calls of strangers while a table fills up. Other calls are not counted.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::fingerprint::{Already, Fingerprinter};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is served.
    Serve,
    /// It gets 503.
    Refuse,
    /// The source was told, and goes on: no answer.
    Ignore,
}

/// The buckets of those who were seen last.
///
/// A source is an address with its port, so that of many phones behind one NAT each has its own. All ports of one
/// address share a larger bucket, against those who change their port each time; a source that is proven does not need
/// that one.
#[derive(Debug)]
pub(crate) struct Sources {
    burst: u32,
    per_second: u32,
    /// Those seen since the last turn, and those seen in the one before.
    young: HashMap<u64, Bucket, Already>,
    old: HashMap<u64, Bucket, Already>,
    begin: Instant,
    /// Addresses and ports are known by their fingerprints.
    keys: Fingerprinter,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// When it was looked at last, from the beginning on.
    at: Duration,
    /// What is taken out of it, in millionths of a request.
    taken: u64,
    /// How often the source was refused since its bucket was full.
    refused: u8,
    /// It has answered from where it says to be: nobody else knows the tag that its ACK bears.
    is_proven: bool,
}

impl Sources {
    pub(crate) fn new(now: Instant, limits: &Limits, keys: Fingerprinter) -> Self {
        Self {
            burst: limits.source_burst,
            per_second: limits.source_rate,
            young: HashMap::default(),
            old: HashMap::default(),
            begin: now,
            keys,
        }
    }

    /// Counts a request that proves nothing.
    pub(crate) fn charge(&mut self, now: Instant, source: SocketAddr) -> Admission {
        let burst = self.burst;
        let port = self.of_port(now, source);
        if !port.take(burst) {
            return port.refuse();
        }
        if port.is_proven
            || self
                .of_address(now, source.ip())
                .take(burst.saturating_mul(PORTS))
        {
            return Admission::Serve;
        }
        self.of_port(now, source).refuse()
    }

    /// Whether a new call of this source is served, which is not counted. One that is proven calls whatever its bucket
    /// says: anybody can fill that with datagrams that bear its address.
    pub(crate) fn look(&mut self, now: Instant, source: SocketAddr) -> Admission {
        let burst = self.burst;
        if self.young.is_empty() {
            return Admission::Serve;
        }
        let port = self.of_port(now, source);
        if port.is_proven || port.has(burst) {
            return Admission::Serve;
        }
        port.refuse()
    }

    /// The source has acknowledged a call. It has one request more for that.
    pub(crate) fn prove(&mut self, now: Instant, source: SocketAddr) {
        let port = self.of_port(now, source);
        port.is_proven = true;
        port.taken = port.taken.saturating_sub(REQUEST);
    }

    /// Whether the source has acknowledged a call lately.
    pub(crate) fn is_proven(&mut self, now: Instant, source: SocketAddr) -> bool {
        self.of_port(now, source).is_proven
    }

    fn of_port(&mut self, now: Instant, source: SocketAddr) -> &mut Bucket {
        let address = network(source.ip());
        let port = source.port().to_be_bytes();
        let key = self.keys.of([b"port", &address, &port]).half();
        self.bucket(now, key, 1)
    }

    fn of_address(&mut self, now: Instant, address: IpAddr) -> &mut Bucket {
        let key = self.keys.of([b"address", &network(address)]).half();
        self.bucket(now, key, PORTS)
    }

    /// The bucket of a key, with all that has flown into it by now.
    fn bucket(&mut self, now: Instant, key: u64, speed: u32) -> &mut Bucket {
        let at = now.saturating_duration_since(self.begin);
        let rate = u64::from(self.per_second) * u64::from(speed);
        if self.young.len() >= MOST && !self.young.contains_key(&key) {
            self.turn();
        }
        let old = &mut self.old;
        let bucket = self.young.entry(key).or_insert_with(|| {
            let bucket = old.remove(&key);
            bucket.unwrap_or(Bucket {
                at,
                ..Bucket::default()
            })
        });
        bucket.fill(at, rate);
        bucket
    }

    /// Forgets who was not seen for a whole turn. Those who are proven stay while there is room: a flood of strangers
    /// must not make us forget our friends.
    fn turn(&mut self) {
        let before = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        let proven = before.into_iter().filter(|(_, bucket)| bucket.is_proven);
        self.old.extend(proven.take(MOST));
    }
}

impl Bucket {
    fn fill(&mut self, at: Duration, rate: u64) {
        let passed = at.saturating_sub(self.at).as_micros();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.taken = self.taken.saturating_sub(passed.saturating_mul(rate));
        self.at = at.max(self.at);
        if self.taken == 0 {
            self.refused = 0;
        }
    }

    fn has(&self, burst: u32) -> bool {
        burst == UNBOUNDED || self.taken.saturating_add(REQUEST) <= u64::from(burst) * REQUEST
    }

    fn take(&mut self, burst: u32) -> bool {
        let has = self.has(burst);
        if has {
            self.taken = self.taken.saturating_add(REQUEST);
        }
        has
    }

    fn refuse(&mut self) -> Admission {
        if self.refused >= MOST_REFUSED {
            return Admission::Ignore;
        }
        self.refused += 1;
        Admission::Refuse
    }
}

/// What one subscriber has to himself: an address of IPv4, or a network of 64 bits.
fn network(address: IpAddr) -> [u8; 8] {
    let mut octets = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(address) => octets[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => octets.copy_from_slice(&address.octets()[..8]),
    }
    octets
}

/// What sets no bound to a bucket.
const UNBOUNDED: u32 = u32::MAX;
/// Millionths.
const REQUEST: u64 = 1_000_000;
/// How many times the bucket of a port that of an address holds.
const PORTS: u32 = 16;
/// How often a source is told 503 before it is told nothing.
const MOST_REFUSED: u8 = 4;
/// How many sources are seen in a turn. Three times as many are known at most.
const MOST: usize = 4096;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs one instant to start from"
)]
mod tests {
    use super::*;

    struct Bench {
        sources: Sources,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let limits = Limits {
                source_burst: 10,
                source_rate: 1,
                ..Limits::default()
            };
            let now = Instant::now();
            let sources = Sources::new(now, &limits, Fingerprinter::new([1, 2]));
            Self { sources, now }
        }

        fn charge(&mut self, source: &str) -> Admission {
            let source = source.parse().unwrap();
            self.sources.charge(self.now, source)
        }

        fn look(&mut self, source: &str) -> Admission {
            let source = source.parse().unwrap();
            self.sources.look(self.now, source)
        }

        fn prove(&mut self, source: &str) {
            let source = source.parse().unwrap();
            self.sources.prove(self.now, source);
        }

        fn is_proven(&mut self, source: &str) -> bool {
            let source = source.parse().unwrap();
            self.sources.is_proven(self.now, source)
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }
    }

    #[test]
    fn a_source_is_served_then_refused_then_ignored() {
        let mut bench = Bench::new();
        let verdicts: Vec<_> = (0..20).map(|_| bench.charge("192.0.2.1:5060")).collect();
        let count = |verdict| verdicts.iter().filter(|it| **it == verdict).count();
        assert_eq!(count(Admission::Serve), 10);
        assert_eq!(count(Admission::Refuse), 4);
        assert_eq!(verdicts[14..], [Admission::Ignore; 6]);
        bench.pass(1);
        assert_eq!(bench.charge("192.0.2.1:5060"), Admission::Serve);
        assert_eq!(bench.charge("192.0.2.1:5060"), Admission::Ignore);
        bench.pass(100);
        assert_eq!(bench.charge("192.0.2.1:5060"), Admission::Serve);
    }

    #[test]
    fn another_port_is_another_source() {
        let mut bench = Bench::new();
        for _ in 0..100 {
            bench.charge("192.0.2.1:5060");
        }
        assert_eq!(bench.charge("192.0.2.1:5061"), Admission::Serve);
        assert_eq!(bench.charge("192.0.2.2:5060"), Admission::Serve);
    }

    #[test]
    fn who_is_proven_calls_whatever_comes_in_its_name() {
        let mut bench = Bench::new();
        bench.prove("192.0.2.1:5060");
        for source in ["192.0.2.1:5060", "192.0.2.2:5060"] {
            for _ in 0..100 {
                bench.charge(source);
            }
            assert_eq!(bench.charge(source), Admission::Ignore);
        }
        assert_eq!(bench.look("192.0.2.1:5060"), Admission::Serve);
        assert_eq!(bench.look("192.0.2.2:5060"), Admission::Ignore);
    }

    #[test]
    fn a_bucket_without_a_bound_is_never_full() {
        let mut bench = Bench::new();
        bench.sources.burst = u32::MAX;
        let source = "192.0.2.1:5060".parse().unwrap();
        let full = u64::from(u32::MAX) * REQUEST;
        bench.sources.of_port(bench.now, source).taken = full;
        bench.sources.of_address(bench.now, source.ip()).taken = u64::MAX;
        assert_eq!(bench.look("192.0.2.1:5060"), Admission::Serve);
        assert_eq!(bench.charge("192.0.2.1:5060"), Admission::Serve);
    }

    #[test]
    fn many_ports_share_what_their_address_has() {
        let mut bench = Bench::new();
        bench.prove("192.0.2.1:1");
        let ports = 1000..2000;
        let verdicts: Vec<_> = ports
            .map(|port| bench.charge(&format!("192.0.2.1:{port}")))
            .collect();
        let served = verdicts.iter().filter(|it| **it == Admission::Serve);
        assert_eq!(served.count(), 160);
        assert_eq!(bench.charge("192.0.2.1:1"), Admission::Serve, "it is known");
        assert_eq!(bench.charge("192.0.2.2:1"), Admission::Serve);
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let mut bench = Bench::new();
        for host in 0..30 {
            for _ in 0..10 {
                bench.charge(&format!("[2001:db8::{host:x}]:5060"));
            }
        }
        assert_ne!(bench.charge("[2001:db8::ff]:5060"), Admission::Serve);
        assert_eq!(bench.charge("[2001:db8:0:1::1]:5060"), Admission::Serve);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_strangers_first() {
        let mut bench = Bench::new();
        bench.prove("192.0.2.1:5060");
        for number in 0..100_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
            bench.charge(&format!("{address}:5060"));
        }
        assert!(bench.sources.young.len() + bench.sources.old.len() <= 3 * MOST);
        assert!(bench.is_proven("192.0.2.1:5060"));
        assert!(!bench.is_proven("10.0.0.0:5060"));
    }
}
