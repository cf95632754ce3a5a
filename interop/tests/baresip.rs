//! baresip, a softphone, calls with a tone and hears it come back; and holds and resumes the call.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Offhook, Server};

#[test]
fn echo() -> Result<()> {
    call("echo", |baresip| baresip.wait_for_duration(4))
}

#[test]
fn ring() -> Result<()> {
    call("ring", |baresip| baresip.wait_for_duration(4))
}

/// The audio comes before the 200.
#[test]
fn early() -> Result<()> {
    let route = "[[route]]\nuser = 'early'\nanswer = 'echo'\nearly = '8s'\n";
    call_with(route, "early", |baresip| {
        let first = |line: &str| {
            line.contains("incoming rtp for 'audio' established")
                || line.contains("Call established")
        };
        let first = baresip.process().wait_for_line(PATIENCE, first)?;
        ensure!(
            first.contains("incoming rtp"),
            "the call began without audio"
        );
        baresip.wait_for_duration(4)
    })
}

/// Each change is one re-INVITE of baresip; while it holds no audio comes.
#[test]
fn it_holds_and_resumes() -> Result<()> {
    call("echo", |baresip| {
        hears(baresip, true)?;
        change(baresip, "hold", &["a=sendonly", "a=recvonly"])?;
        hears(baresip, false)?;
        change(baresip, "resume", &["a=sendrecv"])?;
        hears(baresip, true)
    })
}

/// As above, by re-INVITEs of ours. The hold lasts longer than the time for which baresip counts.
#[test]
fn it_is_held_and_resumed() -> Result<()> {
    let route =
        "[[route]]\nuser = 'long_hold'\nanswer = 'echo'\nhold_after = '4s'\nresume_after = '12s'\n";
    call_with(route, "long_hold", |baresip| {
        hears(baresip, true)?;
        for line in ["a=sendonly", "a=recvonly"] {
            let is_wanted = |printed: &str| printed.contains(line);
            baresip.process().wait_for_line(PATIENCE, is_wanted)?;
        }
        hears(baresip, false)?;
        hears(baresip, true)
    })
}

/// A server that is bound to all addresses speaks from the one that was called, and sends audio from there.
#[test]
fn it_calls_one_of_many_addresses() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let command = Command::new(offhook.binary());
    let server = offhook.serve_by(command, &["--listen", "udp:0.0.0.0:0"])?;
    let port = server
        .listening_on("udp", Ipv4Addr::UNSPECIFIED.into())?
        .port();
    let baresip = Baresip::call(&format!("sip:echo@127.0.0.2:{port}"))?;
    let told = [
        "UDP 127.0.0.2:",
        "Contact: <sip:echo@127.0.0.2:",
        "c=IN IP4 127.0.0.2",
        "receiving from 127.0.0.2:",
    ];
    for told in told {
        let is_told = |line: &str| line.contains(told);
        let found = baresip.process().wait_for_line(PATIENCE, is_told);
        found.with_context(|| server.process().tail())?;
    }
    baresip.wait_for_duration(4)?;
    baresip.expect_tone(AUDIBLE)?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Calls `user`, does `then`, hangs up, and checks that the tone came back and that nothing is left of the call.
fn call(user: &str, then: impl FnOnce(&Baresip) -> Result<()>) -> Result<()> {
    call_with("", user, then)
}

/// As [`call`], of a server with this configuration.
fn call_with(
    configuration: &str,
    user: &str,
    then: impl FnOnce(&Baresip) -> Result<()>,
) -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve_configured(configuration)?;
    let baresip = Baresip::call(&server.uri(user))?;
    let account =
        |server: &Server| format!("{}\n{}", baresip.process().tail(), server.process().tail());
    baresip
        .wait_until_established()
        .and_then(|()| then(&baresip))
        .with_context(|| account(&server))?;
    baresip.expect_tone(AUDIBLE)?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Gives a command that changes the session, and waits for the lines of SDP that it leads to.
fn change(baresip: &Baresip, command: &str, awaited: &[&str]) -> Result<()> {
    let process = baresip.process();
    process.lines_after(|_| baresip.command(command, ""), PATIENCE, awaited)
}

/// Waits until audio comes, or until none came for three seconds.
fn hears(baresip: &Baresip, is_audible: bool) -> Result<()> {
    let is_wanted =
        |line: &str| line.contains("(bit/s)") && line.contains("/0 (bit/s)") != is_audible;
    let process = baresip.process();
    process
        .line_after(|_| Ok(()), PATIENCE, is_wanted)
        .map(drop)
}

/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
const PATIENCE: Duration = Duration::from_mins(1);
