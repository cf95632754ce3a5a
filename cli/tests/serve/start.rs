//! Arguments, configuration, the first lines, and what is said when it cannot start.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
};

use serde_json::Value;

use crate::{
    caller::Caller,
    program::{Program, file, run, run_unheard},
};

#[test]
fn config_prints_what_serve_uses_without_a_file() {
    let config = run(&["config"]);
    assert_eq!(config.status.code(), Some(0));
    let text = String::from_utf8(config.stdout).unwrap();
    assert_eq!(text, include_str!("../../src/configuration/default.toml"));

    let program = Program::configured(&text);
    let mut caller = Caller::udp(program.udp(), "decline");
    caller.invite();
    caller.expect(603, "INVITE");
    caller.ack_refusal();
}

#[test]
fn json_lines_are_objects() {
    let listen = [
        "--json",
        "--listen",
        "udp:127.0.0.1:0",
        "--listen",
        "tcp:[::1]:0",
    ];
    let mut program = Program::start(&listen);
    for (transport, host) in [("udp", "127.0.0.1:"), ("tcp", "[::1]:")] {
        let line: Value = serde_json::from_str(&program.line()).unwrap();
        assert_eq!(line["event"], "listening");
        assert_eq!(line["transport"], transport);
        let address = line["address"].as_str().unwrap();
        assert!(
            address.starts_with(host) && !address.ends_with(":0"),
            "{address}"
        );
    }
    program.signal("USR1");
    let line: Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!(line["event"], "counts");
    assert_eq!(line["sessions"], 0);
}

#[test]
fn a_port_in_use_is_named() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    for listener in [
        format!("udp:{}", udp.local_addr().unwrap()),
        format!("tcp:{}", tcp.local_addr().unwrap()),
    ] {
        let line = refusal(&["--listen", &listener]);
        assert!(line.contains(&listener), "{line}");
        assert!(line.to_lowercase().contains("in use"), "{line}");
    }
}

#[test]
fn a_bad_configuration_is_named_with_file_and_line() {
    let path =
        file("drain = \"5s\"\n\n[[route]]\nuser = \"lunch\"\nring = \"soon\"\nreject = 486\n");
    let line = refusal(&["--config", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    let start = format!(
        "offhook: {}:5: route \"lunch\": `ring`: expected a time",
        path.display()
    );
    assert!(line.starts_with(&start), "{line}");
}

#[test]
fn what_cannot_be_used_is_named() {
    for (arguments, expected) in [
        (
            &["--config", "no/such/file.toml"][..],
            "no/such/file.toml: ",
        ),
        (&["--listen", "sctp:0.0.0.0:5061"], "sctp:0.0.0.0:5061"),
        (&["--listen", "udp:127.0.0.1"], "udp:127.0.0.1"),
        (
            &["--listen", "ws:127.0.0.1:0", "--allow-origin", "phone"],
            "offhook: \"phone\" is no origin of pages",
        ),
        (
            &["--clients", "required"],
            "offhook: `clients` needs `client_authorities`",
        ),
        (&["--log", "offhook=loud"], "--log is \"offhook=loud\""),
    ] {
        let line = refusal(arguments);
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn what_cannot_be_used_ends_it_with_2_though_nobody_reads_why() {
    let output = run_unheard(&["serve", "--config", "no/such/file.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The one line on stderr with which `serve` refuses to start.
fn refusal(arguments: &[&str]) -> String {
    let serve = ["serve"]
        .iter()
        .chain(arguments)
        .copied()
        .collect::<Vec<_>>();
    let output = run(&serve);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(output.stdout, b"", "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr.trim_end().to_owned()
}

#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    for (limit, is_warned) in [("ulimit -Sn 64", false), ("ulimit -n 64", true)] {
        let mut program = Program::limited(limit);
        program.line();
        program.signal("TERM");
        let (code, log) = program.exit();
        assert_eq!(code, Some(0), "{log}");
        let warning =
            "the system allows 64 open files, and 10000 calls with 16384 connections take 36384";
        assert_eq!(log.contains(warning), is_warned, "{limit}: {log}");
    }
}
