//! SIGTERM: no new calls, a BYE for those that go on, exit code 0.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use offhook_interop::{Caller, Offhook, Response, Server, Transport};

#[test]
fn new_calls_are_refused_and_old_ones_end() -> Result<()> {
    let Some(offhook) = Offhook::find(&[])? else {
        return Ok(());
    };
    let server = offhook.serve_by(Command::new(offhook.binary()), &["--drain", "15"])?;
    let mut old = Caller::open(Transport::Udp, server.address(Transport::Udp))?;
    old.send(old.invite("bare"))?;
    let established = old.expect(200)?;
    old.acknowledge(&established)?;
    server.drain()?;

    let refused = refusal(&server)?;
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

/// The first refusal. The signal takes effect at a time that nobody outside can tell, so calls may get through before.
fn refusal(server: &Server) -> Result<Response> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut caller = Caller::open(Transport::Udp, server.address(Transport::Udp))?;
        caller.send(caller.invite("bare"))?;
        let response = caller
            .final_response(PATIENCE)?
            .context("no final response")?;
        match response.status() {
            Some(503) => return Ok(response),
            Some(200) if Instant::now() < deadline => {
                caller.acknowledge(&response)?;
                caller.hang_up(&response)?;
            }
            _ => bail!("expected 503, received\n{}", response.text()),
        }
    }
}

const PATIENCE: Duration = Duration::from_mins(1);
const LONGER_THAN_THE_DRAIN: Duration = Duration::from_mins(2);
