//! SIPp's own `uac` scenario at a steady rate: no call fails and nothing has to be sent twice.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use offhook_interop::{Offhook, Sipp, Transport};

#[test]
fn two_thousand_calls_over_udp() -> Result<()> {
    load(Transport::Udp, 2_000)
}

#[test]
fn five_hundred_calls_over_one_tcp_connection() -> Result<()> {
    load(Transport::Tcp, 500)
}

#[test]
fn five_hundred_calls_over_a_tcp_connection_each() -> Result<()> {
    load(Transport::TcpPerCall, 500)
}

fn load(transport: Transport, calls: u32) -> Result<()> {
    /// One load at a time: what is measured is the server, not how two of them share a small machine.
    static ALONE: Mutex<()> = Mutex::new(());

    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = offhook.serve()?;
    let sipp = Sipp::calling("echo", server.address(transport), transport)?
        .calls(calls)
        .rate(200);
    let report = sipp.limit(Duration::from_mins(1)).run_clean();
    report.with_context(|| server.process().tail())?;
    server.stop()
}
