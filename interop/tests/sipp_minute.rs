//! What takes a minute: a call that nobody answers. These runs go on at the same time.

use std::{ops::RangeInclusive, time::Duration};

use anyhow::Result;
use offhook_interop::{Offhook, Sipp, Transport};

#[test]
fn the_server_gives_up_over_udp() -> Result<()> {
    give_up(Transport::Udp)
}

#[test]
fn the_server_gives_up_over_tcp() -> Result<()> {
    give_up(Transport::Tcp)
}

/// Over TCP, because SIPp takes an equal datagram for a repetition and does not show it to the scenario.
#[test]
fn a_180_is_repeated_after_a_minute() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let route = "[[route]]\nuser = 'slow'\nring = '62s'\nanswer = 'echo'\n";
    let server = offhook.serve_configured(route)?;
    let sipp = Sipp::calling("slow", server.address(Transport::Tcp), Transport::Tcp)?
        .scenario("long_ring")
        .calls(3)
        .limit(Duration::from_secs(100));
    sipp.run_timed(&A_MINUTE).map(drop)
}

/// The route `silent` is refused after a minute.
fn give_up(transport: Transport) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let sipp = Sipp::calling("silent", server.address(transport), transport)?
        .scenario("unanswered")
        .calls(5)
        .limit(Duration::from_secs(100));
    sipp.run_timed(&A_MINUTE).map(drop)
}

/// In milliseconds.
const A_MINUTE: RangeInclusive<u128> = 59_950..=70_000;
