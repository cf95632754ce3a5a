//! `offhook call` and `offhook load` place calls to SIPp, to baresip and to `offhook serve`.

use std::{
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use offhook_interop::{
    Baresip, Offhook, Process, Scratch, Wave, free_port, longest_tone, wait_for_udp_port,
};

#[test]
fn sipp_is_called() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let (_sipp, uri) = sipp()?;
    let output = place(&offhook, &["call", &uri, "--bare", "--duration", "1"])?;
    exits_with(0, &output)
}

#[test]
fn sipp_takes_a_load() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let (_sipp, uri) = sipp()?;
    // One that falls behind answers nothing any more.
    bears(&offhook, &uri, 50)
}

#[test]
fn serve_takes_a_load() -> Result<()> {
    let Some(offhook) = Offhook::find(&[])? else {
        return Ok(());
    };
    let server = offhook.serve_by(Command::new(offhook.binary()), &["--log", "warn"])?;
    bears(&offhook, &server.uri("bare"), 200)
}

#[test]
fn an_echo_sends_the_tone_back() -> Result<()> {
    let Some(offhook) = Offhook::find(&[])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let heard = hear(&offhook, &server.uri("echo"), 3)?;
    ensure!(
        heard >= AUDIBLE,
        "the tone came back for {heard:.1} s on end"
    );
    Ok(())
}

#[test]
fn refused_and_unanswered_calls_are_told_apart() -> Result<()> {
    let Some(offhook) = Offhook::find(&[])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    for (user, code, timeout) in [("busy", 1, "30"), ("decline", 1, "30"), ("silent", 3, "1")] {
        let output = place(&offhook, &["call", &server.uri(user), "--timeout", timeout])?;
        exits_with(code, &output)?;
    }
    Ok(())
}

/// Each hears the other's tone, so both directions of the audio are right.
#[test]
fn baresip_answers() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let baresip = Baresip::answer()?;
    let ours = hear(&offhook, &baresip.uri(), 4)
        .with_context(|| format!("baresip:\n{}", baresip.process().tail()))?;
    let theirs = baresip.heard()?;
    ensure!(
        ours >= AUDIBLE && theirs >= AUDIBLE,
        "we heard {ours:.1} s, baresip {theirs:.1} s"
    );
    Ok(())
}

/// SIPp as the callee, and its URI.
fn sipp() -> Result<(Process, String)> {
    let port = free_port()?;
    let mut command = Command::new("sipp");
    command.args(["-sn", "uas", "-nostdin", "-i", "127.0.0.1"]);
    command.args(["-p", &port.to_string()]);
    let sipp = Process::start("sipp as the callee", &mut command)?;
    wait_for_udp_port(port, Duration::from_mins(1))?;
    Ok((sipp, format!("sip:sipp@127.0.0.1:{port}")))
}

/// No call of a load of five seconds fails.
fn bears(offhook: &Offhook, uri: &str, rate: u32) -> Result<()> {
    let (rate, calls) = (rate.to_string(), (5 * rate).to_string());
    let load = ["load", uri, "--rate", &rate, "--calls", &calls];
    let output = place(offhook, &load)?;
    exits_with(0, &output)?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(told.contains(&format!("done {calls}  failed 0")), "{told}");
    Ok(())
}

/// For how long, in seconds on end, a call with a tone hears a tone of the same frequency.
fn hear(offhook: &Offhook, uri: &str, seconds: u32) -> Result<f64> {
    let scratch = Scratch::new("call")?;
    let file = scratch.file("heard.wav");
    let name = file.to_str().context("the path is no UTF-8")?;
    let duration = seconds.to_string();
    let call = [
        "call",
        uri,
        "--tone",
        "--duration",
        &duration,
        "--record",
        name,
    ];
    exits_with(0, &place(offhook, &call)?)?;
    Ok(longest_tone(&Wave::read(&file)?, Baresip::TONE))
}

fn place(offhook: &Offhook, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(offhook.binary()).args(arguments).output()?;
    Ok(output)
}

fn exits_with(code: i32, output: &Output) -> Result<()> {
    ensure!(
        output.status.code() == Some(code),
        "{} instead of {code}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
