use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::{Context, Result};

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
    anyhow::bail!("no port is free over both UDP and TCP after {ATTEMPTS} attempts")
}

const ATTEMPTS: usize = 100;
