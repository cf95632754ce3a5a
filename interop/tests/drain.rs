//! SIGTERM: no new calls, a BYE for those that go on, exit code 0.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offhook_interop::{Caller, Offhook, Transport};

#[test]
fn new_calls_are_refused_and_old_ones_end() -> Result<()> {
    let Some(offhook) = Offhook::find(&[])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let mut old = Caller::open(Transport::Udp, server.address(Transport::Udp))?;
    old.send(old.invite("bare"))?;
    let established = old.expect(200)?;
    old.acknowledge(&established)?;
    server.drain()?;

    let mut new = Caller::open(Transport::Udp, server.address(Transport::Udp))?;
    new.send(new.invite("bare"))?;
    let refused = new.expect(503)?;
    refused
        .header("Retry-After")?
        .parse::<u32>()
        .context("Retry-After is no number")?;

    let bye = old
        .request(LONGER_THAN_THE_DRAIN)?
        .context("no BYE for the call that went on")?;
    ensure!(bye.starts_with("BYE "), "expected BYE, received\n{bye}");
    old.answer(&bye)?;
    server.wait_until_ended()
}

/// The drain is 5 s unless told.
const LONGER_THAN_THE_DRAIN: Duration = Duration::from_secs(10);
