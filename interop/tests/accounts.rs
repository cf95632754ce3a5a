//! Accounts at Kamailio, and callers that have to say who they are.

use std::{
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Kamailio, Offhook, Process, Server, Signal, Sipp, Transport};

#[test]
fn two_accounts_call_each_other() -> Result<()> {
    let Some(offhook) = Offhook::find(&["kamailio"])? else {
        return Ok(());
    };
    for transport in [Transport::Udp, Transport::Tcp] {
        let kamailio = Kamailio::start()?;
        let alice = server(&offhook, &kamailio, "alice", "bare", transport)?;
        let bob = server(&offhook, &kamailio, "bob", "hangup", transport)?;
        for (from, to) in [("alice", "bob"), ("bob", "alice")] {
            let output = call(&offhook, &kamailio, (from, to), transport)?;
            exits_with(0, &output).with_context(|| kamailio.process().tail())?;
        }
        bob.drain()?;
        let unregistered = format!("200 OK, unregistered {}", kamailio.uri("bob"));
        let is_told = |line: &str| line.starts_with(&unregistered);
        bob.process().wait_for_line(PATIENCE, is_told)?;
        bob.wait_until_ended()?;
        exits_with(1, &call(&offhook, &kamailio, ("alice", "bob"), transport)?)?;
        alice.stop()?;
    }
    Ok(())
}

/// Both ring, one answers, and the other is told to stop.
#[test]
fn a_call_is_forked() -> Result<()> {
    let Some(offhook) = Offhook::find(&["kamailio"])? else {
        return Ok(());
    };
    let kamailio = Kamailio::start()?;
    let udp = Transport::Udp;
    let desk = server(&offhook, &kamailio, "bob", "ring", udp)?;
    let other = server(&offhook, &kamailio, "bob", "silent", udp)?;
    exits_with(0, &call(&offhook, &kamailio, ("alice", "bob"), udp)?)?;
    let gave_up = |line: &str| line.contains("verdict=487") && line.contains("gave up");
    other.process().wait_for_line(PATIENCE, gave_up)?;
    let answered = |line: &str| line.contains("verdict=200") && line.contains("hung up");
    desk.process().wait_for_line(PATIENCE, answered)?;
    desk.wait_until_calls_are_over()?;
    other.wait_until_calls_are_over()
}

#[test]
fn an_address_is_registered_until_it_is_told_to_stop() -> Result<()> {
    let Some(offhook) = Offhook::find(&["kamailio"])? else {
        return Ok(());
    };
    let kamailio = Kamailio::start()?;
    let register = |password: &str| {
        let mut command = Command::new(offhook.binary());
        command.args(["register", &kamailio.uri("carol")]);
        command.env("OFFHOOK_PASSWORD", password);
        Process::start("offhook register", &mut command)
    };
    let mut carol = register(&Kamailio::password("carol"))?;
    let registered = format!("200 OK, registered {} for 600 s", kamailio.uri("carol"));
    carol.wait_for_line(PATIENCE, |line| line.contains(&registered))?;
    carol.signal(Signal::Terminate)?;
    carol.wait_for_line(PATIENCE, |line| line.contains("200 OK, unregistered"))?;
    ensure!(carol.wait(PATIENCE)?.success(), "{}", carol.tail());

    let mut mallory = register("guess")?;
    mallory.wait_for_line(PATIENCE, |line| line.contains("401 Unauthorized, "))?;
    let status = mallory.wait(PATIENCE)?;
    ensure!(status.code() == Some(1), "{status}");
    Ok(())
}

#[test]
fn sipp_says_who_it_is() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    // The hash of alice:interop:secret by MD5.
    let server = asking_server(&offhook, "ha1 = '88b8b97d9e17cda533af4081528d034c'")?;
    let address = server.address(Transport::Udp);
    let sipp = Sipp::calling("private", address, Transport::Udp)?;
    let sipp = sipp.option("-auth_uri", &format!("private@{address}"));
    let run = sipp.scenario("caller_authentication").calls(5);
    run.run_clean().with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()
}

#[test]
fn baresip_says_who_it_is() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = asking_server(&offhook, "password = 'secret'")?;
    let baresip = Baresip::call_as(&server.uri("private"), "alice", "secret")?;
    let established = |line: &str| line.contains("Call established");
    let line = baresip.process().wait_for_line(PATIENCE, established);
    line.with_context(|| baresip.process().tail())?;
    drop(baresip);
    let mallory = Baresip::call_as(&server.uri("private"), "alice", "guess")?;
    let refused = |line: &str| line.contains("401 Unauthorized");
    mallory.process().wait_for_line(PATIENCE, refused)?;
    Ok(())
}

/// A server with one account, registered, whose calls take this route.
fn server(
    offhook: &Offhook,
    kamailio: &Kamailio,
    user: &str,
    route: &str,
    transport: Transport,
) -> Result<Server> {
    let aor = kamailio.uri(user);
    let text = format!(
        "[[account]]\naor = '{aor}'\nregistrar = '{}'\nroute = '{route}'\npassword = '{}'\n",
        registrar(kamailio, transport),
        Kamailio::password(user)
    );
    let server = offhook.serve_configured(&text)?;
    let registered = format!("200 OK, registered {aor} for 600 s");
    let is_told = |line: &str| line.starts_with(&registered);
    let line = server.process().wait_for_line(PATIENCE, is_told);
    line.with_context(|| kamailio.process().tail())?;
    Ok(server)
}

/// A server that lets only alice call, with this key of hers.
fn asking_server(offhook: &Offhook, key: &str) -> Result<Server> {
    let user = format!("realm = 'interop'\n[[user]]\nname = 'alice'\n{key}\n");
    let route = "[[route]]\nuser = 'private'\nanswer = 'echo'\nauthenticate = true\n";
    offhook.serve_configured(&format!("{user}{route}"))
}

fn registrar(kamailio: &Kamailio, transport: Transport) -> String {
    let transport = transport.as_str().to_lowercase();
    format!("sip:{};transport={transport}", kamailio.address())
}

/// A call from one account to another, through Kamailio, which asks for the password of the first.
fn call(
    offhook: &Offhook,
    kamailio: &Kamailio,
    (from, to): (&str, &str),
    transport: Transport,
) -> Result<Output> {
    let mut command = Command::new(offhook.binary());
    command.args(["call", &kamailio.uri(to), "--from", &kamailio.uri(from)]);
    command.args(["--proxy", &registrar(kamailio, transport)]);
    command.args(["--user", from, "--bare", "--duration", "1"]);
    command.env("OFFHOOK_PASSWORD", Kamailio::password(from));
    Ok(command.output()?)
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

const PATIENCE: Duration = Duration::from_mins(1);
