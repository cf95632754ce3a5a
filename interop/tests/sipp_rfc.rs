//! SIPp asks for what RFC 3261 and RFC 3262 demand of a user agent server beyond the routes: refusals, reliable
//! provisional responses, the order of requests, and the times of repetition.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offhook_interop::{Offhook, Server, Sipp, Transport};

#[test]
fn an_unknown_extension_gets_420() -> Result<()> {
    play("extension", "echo", BOTH)
}

#[test]
fn an_unknown_media_type_gets_415() -> Result<()> {
    play("media_type", "echo", BOTH)
}

#[test]
fn an_unknown_scheme_gets_416() -> Result<()> {
    play("scheme", "echo", BOTH)
}

#[test]
fn a_caller_that_takes_no_sdp_gets_406() -> Result<()> {
    play("accept", "echo", BOTH)
}

#[test]
fn another_version_gets_505() -> Result<()> {
    play("version", "echo", BOTH)
}

#[test]
fn a_gap_in_cseq_is_accepted_and_a_lower_one_gets_500() -> Result<()> {
    play("cseq", "echo", BOTH)
}

#[test]
fn a_merged_request_gets_482() -> Result<()> {
    play("merged", "ring", BOTH)
}

/// Over TCP, because SIPp takes an equal datagram for a repetition and does not show it to the scenario.
#[test]
fn an_invite_repeated_while_it_rings_gets_180_again() -> Result<()> {
    play("repeated_invite", "ring", &[Transport::Tcp])
}

#[test]
fn a_caller_that_requires_100rel_gets_a_reliable_180() -> Result<()> {
    play("reliable_ring", "ring", BOTH)
}

#[test]
fn a_caller_that_supports_100rel_gets_its_answer_reliably() -> Result<()> {
    play("reliable_early", "early", BOTH)
}

/// Over TCP, as above: a 2xx is repeated on every transport.
#[test]
fn a_200_without_ack_is_repeated_for_32_seconds_and_then_the_call_ends() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let sipp = Sipp::calling("echo", server.address(Transport::Tcp), Transport::Tcp)?
        .scenario("unacknowledged")
        .calls(3);
    sipp.run_until(|report| {
        for (number, expected) in (1..).zip([500, 1_000, 2_000, 4_000, 4_000]) {
            let measured = report.statistics.response_time(number)?;
            let off = measured.abs_diff(Duration::from_millis(expected));
            ensure!(
                off < Duration::from_millis(300),
                "interval {number} is {measured:?} instead of {expected} ms: {}",
                report.account()
            );
        }
        Ok(())
    })
    .map(drop)
}

/// Five calls of `scenario` to `user` over each transport.
fn play(scenario: &str, user: &str, transports: &[Transport]) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server: Server = offhook.serve()?;
    for &transport in transports {
        let sipp = Sipp::calling(user, server.address(transport), transport)?
            .scenario(scenario)
            .calls(5);
        sipp.run_clean().with_context(|| server.process().tail())?;
    }
    Ok(())
}

const BOTH: &[Transport] = &[Transport::Udp, Transport::Tcp];
