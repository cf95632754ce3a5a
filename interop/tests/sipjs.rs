//! SIP.js in Node calls over WebSocket and over WebSocket in TLS.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use offhook_interop::{Offhook, Process, Scratch, node};

#[test]
fn a_call_that_it_hangs_up() -> Result<()> {
    calls(
        "echo",
        "hang-up",
        &["Established", "Terminated"],
        "the caller hung up",
    )
}

#[test]
fn a_call_that_we_hang_up() -> Result<()> {
    calls(
        "hangup",
        "wait",
        &["Established", "Terminated"],
        "we hung up",
    )
}

#[test]
fn a_call_that_is_refused() -> Result<()> {
    calls("busy", "wait", &["rejected 486"], "rejected")
}

#[test]
fn a_call_that_rings() -> Result<()> {
    calls(
        "ring",
        "hang-up",
        &["progress 180", "Established"],
        "the caller hung up",
    )
}

#[test]
fn a_connection_that_is_cut_in_a_call() -> Result<()> {
    calls(
        "echo",
        "cut",
        &["Established"],
        "the connection of the caller is gone",
    )
}

/// Calls `user` over both, and checks what SIP.js and what the server say of it.
fn calls(user: &str, ending: &str, steps: &[&str], cause: &str) -> Result<()> {
    let Some(offhook) = Offhook::find(&["node"])? else {
        return Ok(());
    };
    let state = Scratch::new("state")?;
    let mut command = Command::new(offhook.binary());
    command.env("STATE_DIRECTORY", state.path());
    let listeners = ["--listen", "ws:127.0.0.1:0", "--listen", "wss:127.0.0.1:0"];
    let server = offhook.serve_by(command, &listeners)?;
    for transport in ["ws", "wss"] {
        let address = server.listening(transport)?;
        let mut node = node("node.mjs")?;
        node.env("NODE_EXTRA_CA_CERTS", state.file("certificate.pem"))
            .arg(format!("{transport}://{address}"))
            .args([&format!("sip:{user}@offhook.example"), ending]);
        let mut process = Process::start(format!("SIP.js calling {user}"), &mut node)?;
        for step in steps {
            let found = process.wait_for_line(STEP, |line| line == *step);
            found.with_context(|| server.process().tail())?;
        }
        process.wait(STEP)?;
    }
    let is_told = |line: &str| line.contains("call over") && line.contains(cause);
    let told = server.process().wait_for_line(STEP, is_told);
    told.with_context(|| format!("the server does not say {cause:?}"))?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

const STEP: Duration = Duration::from_mins(1);
