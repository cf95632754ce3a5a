//! What is heard over RTP, judged by programs that encode, decode and press keys themselves.

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{
    Baresip, Offhook, Scratch, Server, Sipp, Transport, Wave, free_port, longest_tone,
};

#[test]
fn baresip_hears_itself_in_g722() -> Result<()> {
    hears_itself(|uri| Baresip::call_with(uri, "G722"))
}

#[test]
fn baresip_hears_itself_in_opus() -> Result<()> {
    hears_itself(|uri| Baresip::call_with(uri, "opus/48000/2"))
}

#[test]
fn baresip_hears_itself_encrypted() -> Result<()> {
    hears_itself(Baresip::call_encrypted)
}

#[test]
fn what_baresip_says_is_recorded() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let scratch = Scratch::new("recordings")?;
    let folder = scratch.path().display();
    let recordings = format!("recordings = {{ directory = '{folder}', most = 1 }}\n");
    let server = offhook.serve_configured(&recordings)?;
    let baresip = Baresip::call(&server.uri("record"))?;
    baresip.wait_until_established()?;
    baresip.wait_for_duration(4)?;
    baresip.heard()?;
    let is_over = |line: &str| line.contains("call over");
    server.process().wait_for_line(PATIENCE, is_over)?;
    let mut recorded = fs::read_dir(scratch.path())?;
    let recording = recorded.next().context("nothing was recorded")??;
    let said = longest_tone(&Wave::read(&recording.path())?, Baresip::TONE);
    ensure!(said >= AUDIBLE, "{said:.1} s of the tone were recorded");
    server.stop()
}

#[test]
fn sipp_plays_a_capture_and_all_of_it_comes_back() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    plays(offhook.serve()?, "echo", "plays")
}

/// RFC 3262 §5, RFC 3311 §5.2
#[test]
fn sipp_hears_itself_before_its_call_is_answered() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let route = "[[route]]\nuser = \"early\"\nearly = \"60s\"\nanswer = \"echo\"\n";
    plays(offhook.serve_configured(route)?, "early", "plays_early")
}

/// The echo of a bridge: baresip speaks one codec, we another, and each hears the other's tone.
#[test]
fn baresip_and_we_are_bridged() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let scratch = Scratch::new("bridge")?;
    let heard = scratch.file("heard.wav");
    let baresip = Baresip::call_with(&server.uri("bridge"), "G722")?;
    baresip.wait_until_established()?;
    let output = Command::new(offhook.binary())
        .args(["call", &server.uri("bridge"), "--tone", "--codec", "PCMA"])
        .args(["--duration", "5", "--log", "warn", "--record"])
        .arg(&heard)
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let ours = longest_tone(&Wave::read(&heard)?, Baresip::TONE);
    let theirs = baresip.heard()?;
    ensure!(
        ours >= AUDIBLE && theirs >= AUDIBLE,
        "we heard {ours:.1} s, baresip {theirs:.1} s"
    );
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// SIPp plays what was captured of a call, and what comes back is heard here, at the port that its description names. SIPp
/// cannot judge it: where it listens itself, as with `rtp_stream`, it counts octets. `sipp -h` of 3.6.1 has no check of RTP,
/// and nothing in the program speaks of one; later versions have `-rtpcheck_debug`.
fn plays(server: Server, user: &str, scenario: &str) -> Result<()> {
    let played = payloads(&fs::read("/usr/share/sip-tester/g711a.pcap")?)?;
    // The scenario names the port four above SIPp's own.
    let (port, heard_at) = loop {
        let [first, _, third] = [free_port()?, free_port()?, free_port()?];
        if third == first + 4 {
            break (first.to_string(), third);
        }
    };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, heard_at))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let address = server.address(Transport::Udp);
    let sipp = Sipp::calling(user, address, Transport::Udp)?.scenario(scenario);
    let sipp = sipp.option("-mp", &port).calls(1);

    let mut heard = Vec::new();
    thread::scope(|scope| {
        let run = scope.spawn(|| sipp.run()?.complete());
        let mut packet = [0; 1500];
        loop {
            let is_over = run.is_finished();
            match socket.recv(&mut packet) {
                Ok(length) => heard.push(packet[RTP_HEAD..length].to_vec()),
                Err(_) if is_over => break,
                Err(_) => {}
            }
        }
        run.join().map_err(|_| anyhow!("the run panicked"))?
    })
    .with_context(|| server.process().tail())?;

    let mut rest = played.iter();
    let in_order = heard
        .iter()
        .take_while(|it| rest.any(|sent| sent == *it))
        .count();
    ensure!(
        in_order == heard.len() && in_order * 10 >= played.len() * 9,
        "of {} packets {} came back, the first {in_order} of them as they were",
        played.len(),
        heard.len()
    );
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Calls the echo in one way alone, and checks that the tone came back.
fn hears_itself(call: impl FnOnce(&str) -> Result<Baresip>) -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let baresip = call(&server.uri("echo"))?;
    baresip
        .wait_until_established()
        .and_then(|()| baresip.wait_for_duration(4))
        .with_context(|| server.process().tail())?;
    baresip.expect_tone(AUDIBLE)?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// What the RTP packets of a capture carry, which has nothing but UDP over IPv4 and Ethernet.
fn payloads(capture: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    let mut rest = capture.get(24..).context("no capture")?;
    while let Some((record, frames)) = rest.split_at_checked(16) {
        let length: [u8; 4] = record[8..12].try_into()?;
        let length = usize::try_from(u32::from_le_bytes(length))?;
        let (frame, others) = frames.split_at_checked(length).context("it is cut off")?;
        let payload = frame.get(14 + 20 + 8 + RTP_HEAD..).context("no RTP")?;
        payloads.push(payload.to_vec());
        rest = others;
    }
    Ok(payloads)
}

const RTP_HEAD: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
