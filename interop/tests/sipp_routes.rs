//! SIPp plays a scenario of ours against each route of `offhook serve`, over UDP and over TCP.

use std::{net::Ipv6Addr, ops::RangeInclusive, process::Command, thread};

use anyhow::{Context, Result, anyhow};
use offhook_interop::{Offhook, Report, Sipp, Transport};

#[test]
fn echo() -> Result<()> {
    play("echo", "echo", None)
}

#[test]
fn a_user_without_a_route_is_answered_like_echo() -> Result<()> {
    play("echo", "anybody", None)
}

#[test]
fn ring() -> Result<()> {
    play("ring", "ring", Some(&(2_950..=10_000)))
}

#[test]
fn early() -> Result<()> {
    play("early", "early", Some(&(1_950..=10_000)))
}

#[test]
fn busy() -> Result<()> {
    play("busy", "busy", None)
}

#[test]
fn decline() -> Result<()> {
    play("decline", "decline", None)
}

#[test]
fn moved() -> Result<()> {
    play("moved", "moved", None)
}

#[test]
fn silent_until_cancel() -> Result<()> {
    play("silent", "silent", None)
}

#[test]
fn late_cancel() -> Result<()> {
    play("late_cancel", "echo", None)
}

#[test]
fn hangup() -> Result<()> {
    play("hangup", "hangup", Some(&(1_950..=10_000)))
}

#[test]
fn bare() -> Result<()> {
    play("bare", "bare", None)
}

#[test]
fn invite_without_offer() -> Result<()> {
    play("no_offer", "echo", None)
}

#[test]
fn options() -> Result<()> {
    play("options", "echo", None)
}

#[test]
fn options_in_dialog() -> Result<()> {
    play("options_in_dialog", "echo", None)
}

#[test]
fn bye_outside_of_a_dialog() -> Result<()> {
    play("bye_outside", "echo", None)
}

#[test]
fn cancel_of_nothing() -> Result<()> {
    play("cancel_outside", "echo", None)
}

#[test]
fn echo_over_ipv6() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let command = Command::new(offhook.binary());
    let listen = ["--listen", "udp:[::1]:0", "--listen", "tcp:[::1]:0"];
    let server = offhook.serve_by(command, &listen)?;
    for transport in [Transport::Udp, Transport::Tcp] {
        let name = transport.as_str().to_lowercase();
        let address = server.listening_on(&name, Ipv6Addr::LOCALHOST.into())?;
        let sipp = Sipp::calling("echo", address, transport)?.scenario("echo");
        let report = sipp.calls(5).run_clean();
        report.with_context(|| server.process().tail())?;
    }
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Five calls of `scenario` to `user` over each transport, all at the same time. `response_time` bounds, in
/// milliseconds, what the scenario measures.
fn play(scenario: &str, user: &str, response_time: Option<&RangeInclusive<u128>>) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let over = |transport| -> Result<Report> {
        let sipp = Sipp::calling(user, server.address(transport), transport)?
            .scenario(scenario)
            .calls(5);
        match response_time {
            Some(bounds) => sipp.run_timed(bounds),
            None => sipp.run_clean(),
        }
    };
    let reports = thread::scope(|scope| {
        let runs =
            [Transport::Udp, Transport::Tcp].map(|transport| scope.spawn(move || over(transport)));
        runs.map(|run| run.join().map_err(|_| anyhow!("a run panicked"))?)
    });
    for report in reports {
        report.with_context(|| server.process().tail())?;
    }
    Ok(())
}
