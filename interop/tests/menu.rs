//! The menu, whose keys are pressed by programs that send telephone-events of their own (RFC 4733): 1 leads to the echo, 2
//! hangs up.

use std::time::Duration;

use anyhow::{Context, Result};
use offhook_interop::{Baresip, Offhook, Sipp, Transport};

#[test]
fn key_1_lets_baresip_hear_itself() -> Result<()> {
    leads_to_the_echo("", |baresip| baresip.wait_for_duration(6))
}

/// It is sent there with REFER, and the first call ends.
#[test]
fn a_key_transfers_baresip_to_the_echo() -> Result<()> {
    let route = "[[route]]\nuser = 'menu'\nanswer = 'menu'\nchoices = { 1 = 'sip:echo@{here}' }\n";
    leads_to_the_echo(route, |baresip| {
        for line in ["Refer-To: <sip:echo@", "terminated;reason=noresource"] {
            let is_wanted = |printed: &str| printed.contains(line);
            baresip.process().wait_for_line(PATIENCE, is_wanted)?;
        }
        baresip.wait_for_duration(4)
    })
}

#[test]
fn key_2_hangs_up_on_baresip() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let baresip = Baresip::call(&server.uri("menu"))?;
    baresip.wait_until_established()?;
    let press = |_: &_| baresip.command("sndcode", "2");
    let told = [
        "BYE sip:baresip",
        "session closed: Connection reset by peer",
    ];
    let left = baresip.process().lines_after(press, PATIENCE, &told);
    left.with_context(|| format!("{}\n{}", baresip.process().tail(), server.process().tail()))?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// 20 times at once, in as many calls.
#[test]
fn key_2_hangs_up_on_sipp() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let address = server.address(Transport::Udp);
    let sipp = Sipp::calling("menu", address, Transport::Udp)?;
    let run = sipp.scenario("keys").calls(20);
    let report = run.limit(Duration::from_mins(1)).run_clean();
    report.with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// baresip presses 1, and when it has done what follows it has heard its own tone, which the menu does not play.
fn leads_to_the_echo(configuration: &str, then: impl FnOnce(&Baresip) -> Result<()>) -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve_configured(configuration)?;
    let baresip = Baresip::call(&server.uri("menu"))?;
    baresip
        .wait_until_established()
        .and_then(|()| baresip.command("sndcode", "1"))
        .and_then(|()| then(&baresip))
        .with_context(|| format!("{}\n{}", baresip.process().tail(), server.process().tail()))?;
    baresip.expect_tone(AUDIBLE)?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

const PATIENCE: Duration = Duration::from_mins(1);
/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
