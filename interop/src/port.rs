use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// A loopback port that nobody uses over UDP or TCP right now, and whose neighbour above is free too: baresip takes that
/// one for TLS.
///
/// Each run of tests has a part of the ports below those that the system hands out by itself, and gives each port out once.
/// So nothing else takes one between this answer and its use.
pub fn free_port() -> Result<u16> {
    let start = u16::try_from(process::id() % u32::from(PAIRS)).context("a remainder is small")?;
    for _ in 0..PAIRS {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let pair = start.wrapping_mul(SPREAD).wrapping_add(given) % PAIRS;
        let port = FIRST + 2 * pair;
        if is_free(port) && is_free(port + 1) {
            return Ok(port);
        }
    }
    bail!("no two neighbouring ports are free over both UDP and TCP from {FIRST} on")
}

fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}

/// Waits until some process has bound UDP `port`, for a peer that does not say when it is ready.
///
/// # Errors
/// Nobody has when `within` is over.
pub fn wait_for_udp_port(port: u16, within: Duration) -> Result<()> {
    let deadline = Instant::now() + within;
    let local = format!(":{port:04X}");
    loop {
        let table = fs::read_to_string("/proc/net/udp").context("no table of UDP sockets")?;
        let mut sockets = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        if sockets.any(|address| address.ends_with(&local)) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "nobody listens on UDP port {port} after {within:?}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

static GIVEN: AtomicU16 = AtomicU16::new(0);
/// baresip takes ports from 10000 to 20000 for audio, and Linux hands out those from 32768 on.
const FIRST: u16 = 21_000;
const PAIRS: u16 = 5_800;
/// Neighbouring process ids begin far from each other.
const SPREAD: u16 = 97;
