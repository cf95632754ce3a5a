//! Calls are handed on: by the server, by SIPp, by baresip and by linphone.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{
    Baresip, Linphone, Offhook, Process, Scratch, Sipp, SippCallee, Transport, free_port,
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
                    sipp.scenario(scenario).calls(3).run_clean().map(drop)
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
    let output = transfers_us(&offhook, &server.uri("echo"));
    went_on(&output.with_context(|| server.process().tail())?)?;
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
    baresip.expect_tone(AUDIBLE)?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// linphone, which we call, sends us to the server, and hears of it to the end.
#[test]
fn linphone_transfers_us() -> Result<()> {
    let Some(offhook) = Offhook::find(&["linphonec"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let linphone = Linphone::start()?;
    let ours = call(&offhook, &linphone.uri(), "8")?;
    let outcome = send_away(&linphone, &server.uri("echo"));
    let output = ours.wait_with_output()?;
    outcome.with_context(|| format!("{output:?}\n{}", server.process().tail()))?;
    went_on(&output)?;
    linphone.quit()?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

fn send_away(linphone: &Linphone, uri: &str) -> Result<()> {
    let is_ringing = |line: &str| line.contains("Incoming call ringing");
    linphone.process().wait_for_line(PATIENCE, is_ringing)?;
    linphone.command("answer", &["to LinphoneCallStreamsRunning"])?;
    let told = ["Refer-To:", "terminated;reason=noresource"];
    linphone.command(&format!("transfer {uri}"), &told)
}

/// RFC 5589 §7: SIPp talks to the server, and in another process to us, and hands us to the server. Our INVITE takes the
/// place of SIPp's call there, which gets a BYE.
#[test]
fn sipp_transfers_us_to_a_call_of_its_own() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let scratch = Scratch::new("replaced")?;
    let log = scratch.file("tags.log");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/replaced.xml");
    let mut command = Command::new("sipp");
    command.arg("-sf").arg(scenario);
    command.args(["-nostdin", "-m", "1", "-i", "127.0.0.1"]);
    command.args(["-p", &free_port()?.to_string()]);
    command.arg(server.address(Transport::Udp).to_string());
    command.args(["-s", "echo", "-cid_str", "attended-%u"]);
    command.arg("-trace_logs").arg("-log_file").arg(&log);
    let mut replaced = Process::start("sipp that is replaced", &mut command)?;
    let tag = read_when_it_is_there(&log)?;
    let dialog = format!("attended-1%3Bto-tag%3D{tag}%3Bfrom-tag%3Dsipp");
    let refer_to = format!("{}?Replaces={dialog}", server.uri("echo"));
    let output = transfers_us(&offhook, &refer_to).with_context(|| server.process().tail())?;
    went_on(&output)?;
    let status = replaced.wait(PATIENCE)?;
    ensure!(status.success(), "{status}\n{}", replaced.tail());
    server.wait_until_calls_are_over()
}

/// SIPp, as the callee, sends us to a URI, and hears of it to the end.
fn transfers_us(offhook: &Offhook, refer_to: &str) -> Result<Output> {
    let sipp = SippCallee::start("refers", &[("refer_to", refer_to)])?;
    let ours = call(offhook, sipp.uri(), "1")?;
    let output = ours.wait_with_output()?;
    sipp.finish().with_context(|| format!("{output:?}"))?;
    Ok(output)
}

/// We were sent elsewhere, and the call there was answered.
fn went_on(output: &Output) -> Result<()> {
    let printed = String::from_utf8_lossy(&output.stdout);
    let established = printed.matches("established").count();
    let is_sent = printed.contains("sent to sip:echo@");
    ensure!(
        output.status.success() && is_sent && established == 2,
        "{output:?}"
    );
    Ok(())
}

/// The only line of a file that somebody is about to write.
fn read_when_it_is_there(file: &Path) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some(line) = text.strip_suffix('\n') {
            return Ok(line.trim().to_owned());
        }
        ensure!(Instant::now() < deadline, "nothing in {}", file.display());
        thread::sleep(Duration::from_millis(50));
    }
}

/// `offhook call`, which goes where it is sent.
fn call(offhook: &Offhook, uri: &str, seconds: &str) -> Result<Child> {
    let mut command = Command::new(offhook.binary());
    command.args(["call", uri, "--tone", "--follow-refer"]);
    command.args(["--duration", seconds]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command.spawn()?)
}

const PATIENCE: Duration = Duration::from_mins(1);
/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
/// 64·T1 is 32 s: the longest that a transaction waits for anything (RFC 3261 §17).
const FORGOTTEN: Duration = Duration::from_secs(42);
