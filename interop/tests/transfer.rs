//! Calls are handed on: by the server, by SIPp, by baresip and by linphone.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{
    Baresip, Linphone, Offhook, Process, Server, Sipp, Transport, free_port, wait_for_udp_port,
};

/// Scenarios of SIPp as the caller, each with the user that it calls.
const CASES: &[(&str, &str)] = &[
    ("transferred", "transfer"),
    ("not_transferred", "transfer"),
    ("refer_refused", "echo"),
    ("replaces_nothing", "echo"),
    ("replaces_twice", "echo"),
];

#[test]
fn sipp_is_transferred_or_not() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = &offhook.serve()?;
    thread::scope(|scope| {
        let both = [Transport::Udp, Transport::Tcp];
        let all = CASES
            .iter()
            .flat_map(|case| both.map(|transport| (case, transport)));
        let runs: Vec<_> = all
            .map(|((scenario, user), transport)| {
                scope.spawn(move || {
                    let sipp = Sipp::calling(user, server.address(transport), transport)?;
                    sipp.scenario(scenario).calls(3).run()?.clean().map(drop)
                })
            })
            .collect();
        runs.into_iter()
            .try_for_each(|run| run.join().map_err(|_| anyhow!("a run panicked"))?)
    })
    .with_context(|| server.process().tail())?;
    server.wait_until_idle(FORGOTTEN).map(drop)
}

/// SIPp, as the callee, sends us to the server, and hears of it to the end.
#[test]
fn sipp_transfers_us() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let port = free_port()?;
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/refers.xml");
    let mut command = Command::new("sipp");
    command
        .arg("-sf")
        .arg(scenario)
        .args(["-nostdin", "-m", "1"]);
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
    command.args([
        "-key",
        "server",
        &server.address(Transport::Udp).to_string(),
    ]);
    let mut sipp = Process::start("sipp that refers", &mut command)?;
    wait_for_udp_port(port, PATIENCE)?;
    let output = call(&offhook, &format!("sip:sipp@127.0.0.1:{port}"), "1")?.wait()?;
    let account = || format!("{output:?}\n{}\n{}", sipp.tail(), server.process().tail());
    ensure!(output.status.success(), "{}", account());
    let status = sipp.wait(PATIENCE)?;
    ensure!(status.success(), "{status}\n{}", sipp.tail());
    server.wait_until_calls_are_over()
}

/// The server sends baresip to its echo, and baresip hears itself there.
#[test]
fn baresip_is_transferred() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let baresip = Baresip::call(&server.uri("transfer"))?;
    let told = "terminated;reason=noresource";
    let outcome = baresip
        .process()
        .wait_for_line(PATIENCE, |line| line.contains("Refer-To"))
        .and_then(|_| {
            let is_told = |line: &str| line.contains(told);
            baresip.process().wait_for_line(PATIENCE, is_told)
        })
        .and_then(|_| baresip.wait_for_duration(4));
    outcome
        .with_context(|| format!("{}\n{}", baresip.process().tail(), server.process().tail()))?;
    let heard = baresip.heard()?;
    ensure!(heard >= 2.0, "the tone came back for {heard:.1} s on end");
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// RFC 5589 §7: linphone, which talks to us and to the server, hands us to the server. Our INVITE takes the place of
/// linphone's call there.
#[test]
fn linphone_transfers_us_to_a_call_of_its_own() -> Result<()> {
    let Some(offhook) = Offhook::find(&["linphonec"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let linphone = Linphone::start()?;
    let ours = call(&offhook, &linphone.uri(), "2")?;
    let outcome = attended(&linphone, &server);
    let output = ours.wait()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    outcome.with_context(|| format!("{printed}\n{}", server.process().tail()))?;
    ensure!(output.status.success(), "{output:?}");
    ensure!(
        printed.contains("sent to sip:") && printed.contains("Replaces="),
        "{printed}"
    );
    linphone.quit()?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

fn attended(linphone: &Linphone, server: &Server) -> Result<()> {
    let is_ringing = |line: &str| line.contains("is contacting you");
    linphone.process().wait_for_line(PATIENCE, is_ringing)?;
    linphone.command("answer", &["Media streams established"])?;
    let dial = format!("call {}", server.uri("echo"));
    linphone.command(&dial, &["Media streams established"])?;
    // The first call is on hold. Its peer is sent to that of the second, which then ends.
    linphone.command(
        "transfer 1 --to-call 2",
        &["Refer-To:", "Accepted", "NOTIFY", "noresource"],
    )
}

/// `offhook call`, which goes where it is sent.
fn call(offhook: &Offhook, uri: &str, seconds: &str) -> Result<Placed> {
    let mut command = Command::new(offhook.binary());
    command.args(["call", uri, "--tone", "--follow-refer"]);
    command.args(["--duration", seconds]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(Placed(command.spawn()?))
}

struct Placed(std::process::Child);

impl Placed {
    fn wait(self) -> Result<Output> {
        Ok(self.0.wait_with_output()?)
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
/// 64·T1 is 32 s: the longest that a transaction waits for anything (RFC 3261 §17).
const FORGOTTEN: Duration = Duration::from_secs(42);
