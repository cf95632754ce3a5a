use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// A loopback port that nobody uses over UDP or TCP right now.
///
/// The port is free again when this returns, so another program may take it first. The system hands out ports at
/// random, which makes that rare.
pub fn free_port() -> Result<u16> {
    for _ in 0..ATTEMPTS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free UDP port")?;
        let port = socket.local_addr()?.port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free over both UDP and TCP after {ATTEMPTS} attempts")
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

const ATTEMPTS: usize = 100;
