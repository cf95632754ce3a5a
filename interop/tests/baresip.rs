//! baresip, a softphone, calls with a tone and hears it come back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Offhook, longest_tone};

#[test]
fn echo() -> Result<()> {
    call("echo", 6, 4.0)
}

#[test]
fn ring() -> Result<()> {
    call("ring", 8, 3.0)
}

/// Six seconds after the start only a tone that began before the 200, which comes after two, can be five seconds long.
#[test]
fn early() -> Result<()> {
    call("early", 6, 5.0)
}

/// Calls `user`, hangs up `seconds` after the start, and checks that the tone came back for `audible` seconds on end.
fn call(user: &str, seconds: u32, audible: f64) -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let mut baresip = Baresip::call(&server.uri(user), seconds)?;
    let account =
        |baresip: &Baresip| format!("{}\n{}", baresip.process().tail(), server.process().tail());
    for line in ["Call established", "incoming rtp for 'audio' established"] {
        let found = baresip
            .process()
            .wait_for_line(ESTABLISHED, |printed| printed.contains(line));
        found.with_context(|| {
            format!(
                "baresip did not print {line:?}\n{}",
                server.process().tail()
            )
        })?;
    }
    let heard = baresip.heard()?;
    let longest = heard
        .iter()
        .map(|wave| longest_tone(wave, Baresip::TONE))
        .fold(0.0, f64::max);
    ensure!(
        longest >= audible,
        "the tone came back for {longest:.1} s on end\n{}",
        account(&baresip)
    );
    println!("the tone came back for {longest:.1} s on end");
    Ok(())
}

const ESTABLISHED: Duration = Duration::from_secs(10);
