//! `offhook call` to a domain whose servers only the name server knows, with SIPp as the servers.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use offhook_interop::{NameServer, Offhook, SippCallee, free_port};

#[test]
fn a_server_without_room_is_left_for_the_next() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let full = SippCallee::start("callee_unavailable", &[])?;
    let next = SippCallee::start("callee_reliable", &[])?;
    let zone = format!(
        "example.test NAPTR 10 1 s SIP+D2U _sip._udp.example.test
         _sip._udp.example.test SRV 1 10 {} a.example.test
         _sip._udp.example.test SRV 2 10 {} b.example.test
         a.example.test A 127.0.0.1
         b.example.test A 127.0.0.1",
        port(&full)?,
        port(&next)?
    );
    succeeds(&call(&offhook, &zone)?)?;
    full.finish()?;
    next.finish().map(drop)
}

#[test]
fn a_closed_port_is_left_for_another_transport() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let next = SippCallee::start("callee_reliable", &[])?;
    let zone = format!(
        "example.test NAPTR 10 1 s SIP+D2T _sip._tcp.example.test
         example.test NAPTR 10 2 s SIP+D2U _sip._udp.example.test
         _sip._tcp.example.test SRV 0 0 {} a.example.test
         _sip._udp.example.test SRV 0 0 {} a.example.test
         a.example.test A 127.0.0.1",
        free_port()?,
        port(&next)?
    );
    succeeds(&call(&offhook, &zone)?)?;
    next.finish().map(drop)
}

fn call(offhook: &Offhook, zone: &str) -> Result<Output> {
    let names = NameServer::start(zone)?;
    let mut command = Command::new(offhook.binary());
    command.args(["call", "sip:echo@example.test", "--bare", "--duration", "0"]);
    command.args(["--dns", &names.address().to_string()]);
    Ok(command.output()?)
}

fn port(callee: &SippCallee) -> Result<&str> {
    let port = callee.uri().rsplit(':').next();
    port.context("its URI has a port")
}

fn succeeds(output: &Output) -> Result<()> {
    ensure!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
