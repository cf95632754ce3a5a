//! `offhook call` and `offhook load` against `offhook serve`.

use std::{
    io::{BufRead, BufReader},
    net::UdpSocket,
    process::{Child, Command, Output, Stdio},
};

/// A running `offhook serve`, killed on drop.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(transport: &str) -> Self {
        let listener = format!("{transport}:127.0.0.1:0");
        let mut child = offhook(&["serve", "--log", "warn", "--listen", &listener])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let address = line.trim().rsplit(' ').next().expect("an address");
        let address = format!("{address};transport={transport}");
        Self { child, address }
    }

    /// The exit code of a call to this user, and its lines.
    fn call(&self, user: &str, arguments: &[&str]) -> (Option<i32>, Vec<serde_json::Value>) {
        let uri = format!("sip:{user}@{}", self.address);
        call(&uri, arguments)
    }

    /// The exit code of a load on this user, and its summary.
    fn load(&self, user: &str, arguments: &[&str]) -> (Option<i32>, serde_json::Value) {
        let uri = format!("sip:{user}@{}", self.address);
        let (code, mut lines) = run("load", &uri, arguments);
        (code, lines.pop().expect("a summary"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

fn offhook(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(arguments);
    command
}

fn call(uri: &str, arguments: &[&str]) -> (Option<i32>, Vec<serde_json::Value>) {
    run("call", uri, arguments)
}

fn run(verb: &str, uri: &str, arguments: &[&str]) -> (Option<i32>, Vec<serde_json::Value>) {
    let mut command = offhook(&[verb, uri, "--json"]);
    let Output { status, stdout, .. } = command.args(arguments).output().expect("it ends");
    let lines = stdout.split(|octet| *octet == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let objects = lines.map(|line| serde_json::from_slice(line).expect("an object"));
    (status.code(), objects.collect())
}

fn events(lines: &[serde_json::Value]) -> Vec<&str> {
    let events = lines.iter().map(|line| line["event"].as_str());
    events.map(|event| event.expect("a name")).collect()
}

#[test]
fn a_call_is_established_and_ended() {
    for transport in ["udp", "tcp"] {
        let server = Server::start(transport);
        let (code, lines) = server.call("echo", &["--bare", "--duration", "0"]);
        assert_eq!(events(&lines), ["calling", "established", "ended"]);
        assert_eq!(lines[0]["transport"], transport);
        assert_eq!(lines[2]["cause"], "we hung up");
        assert_eq!(code, Some(0));
    }
}

/// Machines read these names.
#[test]
fn the_lines_of_a_call_have_their_fields() {
    let (_, lines) = Server::start("udp").call("moved", &["--bare", "--duration", "0"]);
    let names: Vec<Vec<_>> = lines
        .iter()
        .map(|line| line.as_object().expect("an object").keys().collect())
        .collect();
    let expected: [&[&str]; 4] = [
        &[
            "at",
            "call_id",
            "event",
            "local",
            "remote",
            "transport",
            "uri",
        ],
        &["at", "event", "reason", "status", "uri"],
        &["at", "event", "reason", "status"],
        &["at", "cause", "event", "talked"],
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_callee_hangs_up() {
    let (code, lines) = Server::start("udp").call("hangup", &["--bare"]);
    assert_eq!(lines.last().expect("a line")["cause"], "the callee hung up");
    assert_eq!(code, Some(0));
}

#[test]
fn a_redirection_is_followed() {
    let (code, lines) = Server::start("udp").call("moved", &["--bare", "--duration", "0"]);
    assert_eq!(
        events(&lines),
        ["calling", "redirected", "established", "ended"]
    );
    assert_eq!(code, Some(0));
}

#[test]
fn a_refused_call_exits_with_1() {
    let (code, lines) = Server::start("udp").call("busy", &["--bare"]);
    let last = lines.last().expect("a line");
    assert_eq!(
        (&last["event"], &last["status"]),
        (&"rejected".into(), &486.into())
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_call_that_nobody_answers_exits_with_3() {
    let server = Server::start("udp");
    let (code, lines) = server.call("silent", &["--bare", "--timeout", "0"]);
    assert_eq!(lines.last().expect("a line")["event"], "failed");
    assert_eq!(code, Some(3));

    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let uri = format!("sip:a@{}", silent.local_addr().expect("its address"));
    let (code, lines) = call(&uri, &["--bare", "--timeout", "0"]);
    assert_eq!(events(&lines), ["calling", "failed"]);
    assert_eq!(code, Some(3));
}

#[test]
fn what_cannot_be_kept_is_not_recorded() {
    let server = Server::start("udp");
    let arguments = ["--duration", "0", "--record", "/nowhere/heard.wav"];
    assert_eq!(server.call("echo", &arguments), (Some(2), Vec::new()));
}

#[test]
fn what_cannot_be_called_exits_with_2() {
    for uri in [
        "tel:+4930",
        "a",
        "sip:a@127.0.0.1;transport=sctp",
        "sip:a@nobody.invalid",
    ] {
        let (code, lines) = call(uri, &["--bare"]);
        assert_eq!((code, lines.len()), (Some(2), 0), "{uri}");
    }
}

#[test]
fn a_load_of_calls_is_established_and_ended() {
    for transport in ["udp", "tcp"] {
        let server = Server::start(transport);
        let (code, summary) = server.load("bare", &["--rate", "200", "--calls", "60"]);
        assert_eq!(code, Some(0), "{summary}");
        assert_eq!(summary["event"], "summary");
        for (name, expected) in [("offered", 60), ("done", 60), ("up", 0), ("failed", 0)] {
            assert_eq!(summary[name], expected, "{name}");
        }
        assert!(summary["setup_ms"]["p99"].as_f64() > Some(0.0), "{summary}");
    }
}

#[test]
fn refused_calls_are_counted_by_their_status() {
    let (code, summary) = Server::start("udp").load("busy", &["--rate", "100", "--calls", "5"]);
    assert_eq!(code, Some(1));
    assert_eq!(summary["failures"], serde_json::json!({ "486": 5 }));
}

#[test]
fn no_more_calls_are_in_progress_than_the_limit_allows() {
    let arguments = [
        "--rate", "100", "--calls", "3", "--limit", "1", "--hold", "1",
    ];
    let (code, summary) = Server::start("udp").load("bare", &arguments);
    assert_eq!((code, &summary["done"]), (Some(0), &3.into()));
    // One second after the other, never early.
    assert!(summary["seconds"].as_f64() >= Some(3.0), "{summary}");
}

#[test]
fn a_load_that_is_stopped_ends_its_calls() {
    let server = Server::start("udp");
    let uri = format!("sip:bare@{}", server.address);
    let arguments = [
        "load", &uri, "--json", "--rate", "100", "--calls", "20", "--hold", "3600",
    ];
    let mut load = offhook(&arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = BufReader::new(load.stdout.take().expect("a pipe"));
    let mut lines = stdout.lines().map(|line| {
        let line = line.expect("a line");
        serde_json::from_str::<serde_json::Value>(&line).expect("an object")
    });
    assert!(lines.any(|line| line["up"] == 20));
    let kill = format!("kill -TERM {}", load.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("a shell").success());
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["done"], &summary["up"]), (&20.into(), &0.into()));
    assert_eq!(load.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_file_that_cannot_be_played_exits_with_2() {
    let (code, lines) = call("sip:a@127.0.0.1", &["--play", "/nowhere.wav"]);
    assert_eq!((code, lines.len()), (Some(2), 0));
}
