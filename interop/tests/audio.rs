//! What is heard over RTP, judged by programs that encode, decode and press keys themselves.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Offhook, Scratch, Sipp, Transport, Wave, longest_tone};

#[test]
fn baresip_hears_itself_in_g722() -> Result<()> {
    hears_itself(|uri| Baresip::call_with(uri, "G722"))
}

#[test]
fn baresip_hears_itself_in_opus() -> Result<()> {
    hears_itself(|uri| Baresip::call_with(uri, "opus/48000/2"))
}

#[test]
fn baresip_hears_itself_encrypted() -> Result<()> {
    hears_itself(Baresip::call_encrypted)
}

/// The menu hangs up at the key 2. It is pressed 20 times at once, in as many calls.
#[test]
fn sipp_presses_a_key() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let address = server.address(Transport::Udp);
    let sipp = Sipp::calling("menu", address, Transport::Udp)?;
    let run = sipp.scenario("keys").calls(20);
    let report = run.limit(Duration::from_mins(1)).run()?.clean();
    report.with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// The echo of a bridge: baresip speaks one codec, we another, and each hears the other's tone.
#[test]
fn baresip_and_we_are_bridged() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let scratch = Scratch::new("bridge")?;
    let heard = scratch.file("heard.wav");
    let baresip = Baresip::call_with(&server.uri("bridge"), "G722")?;
    baresip.wait_until_established()?;
    let output = Command::new(offhook.binary())
        .args(["call", &server.uri("bridge"), "--tone", "--codec", "PCMA"])
        .args(["--duration", "5", "--log", "warn", "--record"])
        .arg(&heard)
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let ours = longest_tone(&Wave::read(&heard)?, Baresip::TONE);
    let theirs = baresip.heard()?;
    ensure!(
        ours >= AUDIBLE && theirs >= AUDIBLE,
        "we heard {ours:.1} s, baresip {theirs:.1} s"
    );
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Calls the echo in one way alone, and checks that the tone came back.
fn hears_itself(call: impl FnOnce(&str) -> Result<Baresip>) -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let baresip = call(&server.uri("echo"))?;
    baresip
        .wait_until_established()
        .and_then(|()| baresip.wait_for_duration(4))
        .with_context(|| server.process().tail())?;
    let heard = baresip.heard()?;
    ensure!(
        heard >= AUDIBLE,
        "the tone came back for {heard:.1} s on end"
    );
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Seconds.
const AUDIBLE: f64 = 2.0;
