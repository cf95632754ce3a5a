//! What calls, loads and registers while the terminal is closed: nobody is there to end it.

use std::{fs, iter, process::Command};

use crate::{
    peer::Peer,
    program::{Program, offhook},
};

/// The shell in it sends the signal, too.
#[test]
fn a_call_ends_in_good_order() {
    if is_ignored("a_call_ends_in_good_order") {
        return;
    }
    let peer = Peer::new();
    let uri = format!("sip:bob@{}", peer.address());
    let mut program = Program::start(&mut offhook(&["call", &uri, "--bare"]));
    program.expect("calling");
    peer.answer(&peer.expect("INVITE"), NO_AUDIO);
    program.expect("established");
    program.hang_up();
    let bye = peer.expect("BYE");
    program.hang_up();
    peer.respond(&bye, "200 OK", "");
    assert_eq!(program.expect("ended")["cause"], "we hung up");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_load_ends_its_calls() {
    if is_ignored("a_load_ends_its_calls") {
        return;
    }
    let peer = Peer::new();
    let uri = format!("sip:bob@{}", peer.address());
    let load = ["load", &uri, "--calls", "1", "--hold", "3600"];
    let mut program = Program::start(&mut offhook(&load));
    peer.answer(&peer.expect("INVITE"), NO_AUDIO);
    // A report each second.
    while program.line()["up"] != 1 {}
    program.hang_up();
    peer.respond(&peer.expect("BYE"), "200 OK", "");
    let summary = iter::repeat_with(|| program.line()).find(|line| line["event"] == "summary");
    assert_eq!(summary.expect("it sums up")["done"], 1);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_binding_is_taken_away() {
    if is_ignored("a_binding_is_taken_away") {
        return;
    }
    let peer = Peer::new();
    let aor = format!("sip:alice@{}", peer.address());
    let mut program = Program::start(&mut offhook(&["register", &aor]));
    program.expect("registering");
    peer.grant(&peer.challenge("REGISTER"), 100);
    program.expect("registered");
    program.hang_up();
    let request = peer.expect("REGISTER");
    assert_eq!(request.header("Expires"), "0");
    peer.respond(&request, "200 OK", "");
    program.expect("unregistered");
    assert_eq!(program.exit_code(), Some(0));
}

/// No other system tells that.
#[cfg(target_os = "linux")]
#[test]
fn a_call_under_nohup_goes_on() {
    let peer = Peer::new();
    let uri = format!("sip:bob@{}", peer.address());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    shell.arg(env!("CARGO_BIN_EXE_offhook"));
    let mut program = Program::start(shell.args(["call", &uri, "--bare"]));
    program.expect("calling");
    let invite = peer.expect("INVITE");
    peer.answer(&invite, NO_AUDIO);
    program.expect("established");
    program.hang_up();
    peer.request(&invite, "1 OPTIONS", "");
    peer.expect("SIP/2.0 200");
    program.interrupt();
    peer.respond(&peer.expect("BYE"), "200 OK", "");
    assert_eq!(program.expect("ended")["cause"], "we hung up");
    assert_eq!(program.exit_code(), Some(0));
}

/// Whether these tests themselves run under `nohup`, and so does what they start.
fn is_ignored(test: &str) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored =
        mask.is_some_and(|mask| !mask.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']));
    if is_ignored {
        eprintln!("SKIPPED {test}: SIGHUP is ignored here");
    }
    is_ignored
}

/// An answer that takes no audio.
const NO_AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 9 RTP/AVP 0\r\na=inactive\r\n";
