//! A caller whose audio stops without a word is hung up on, and one that never sent any is not missed.

use std::{ops::RangeInclusive, time::Duration};

use anyhow::{Context, Result};
use offhook_interop::{Baresip, Offhook, Server, Sipp, Transport};

/// It is still there, and hears of the end.
#[test]
fn sipp_that_falls_silent_gets_a_bye() -> Result<()> {
    sipp("falls_silent", "echo", 1_500..=10_000, SILENCE)
}

#[test]
fn sipp_that_never_says_anything_is_not_missed() -> Result<()> {
    sipp("hangup", "mute", 4_500..=15_000, "we hung up")
}

/// Over TCP, where a BYE that reaches nobody is over at once.
#[test]
fn baresip_that_was_killed_is_hung_up_on() -> Result<()> {
    let Some(server) = serve("baresip")? else {
        return Ok(());
    };
    let baresip = Baresip::call(&server.uri_over("echo", Transport::Tcp))?;
    baresip
        .wait_until_established()
        .with_context(|| server.process().tail())?;
    drop(baresip);
    is_over(&server, SILENCE)
}

/// Five calls of a scenario that measures, in milliseconds, the time from the 200 to the BYE.
fn sipp(scenario: &str, user: &str, bounds: RangeInclusive<u128>, cause: &str) -> Result<()> {
    let Some(server) = serve("sipp")? else {
        return Ok(());
    };
    let sipp = Sipp::calling(user, server.address(Transport::Udp), Transport::Udp)?;
    let report = sipp.scenario(scenario).calls(5).run_timed(&bounds);
    report.with_context(|| server.process().tail())?;
    is_over(&server, cause)
}

fn is_over(server: &Server, cause: &str) -> Result<()> {
    let is_told = |line: &str| line.contains("call over") && line.contains(cause);
    server.process().wait_for_line(PATIENCE, is_told)?;
    server.wait_until_calls_are_over()
}

/// A server that misses audio after two seconds.
fn serve(peer: &str) -> Result<Option<Server>> {
    let mute = "[[route]]\nuser = 'mute'\nanswer = 'echo'\nhangup_after = '5s'\n";
    let configuration = format!("media_timeout = '2s'\n{mute}");
    let offhook = Offhook::find(&[peer])?;
    offhook
        .map(|offhook| offhook.serve_configured(&configuration))
        .transpose()
}

const SILENCE: &str = "nothing comes from the peer any more";
const PATIENCE: Duration = Duration::from_mins(1);
