//! `offhook register`, `offhook call` with a password, and the accounts of `offhook serve`, against a registrar made
//! of a plain socket.

use std::{
    io::{BufRead, BufReader, Lines},
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

/// A registrar, or a callee, that says what it is told to.
struct Peer(UdpSocket);

struct Received {
    text: String,
    from: SocketAddr,
}

impl Peer {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let patience = Some(Duration::from_secs(10));
        socket.set_read_timeout(patience).expect("a time");
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("its address")
    }

    fn expect(&self, method: &str) -> Received {
        let mut octets = [0; 4096];
        loop {
            let (length, from) = self.0.recv_from(&mut octets).expect(method);
            let text = String::from_utf8_lossy(&octets[..length]).into_owned();
            if text.starts_with(&format!("{method} ")) {
                return Received { text, from };
            }
        }
    }

    fn respond(&self, request: &Received, status: &str, headers: &str) {
        let copied = ["Via", "From", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", request.header(name)))
            .concat();
        let to = request.header("To");
        let response = format!(
            "SIP/2.0 {status}\r\n{copied}To: {to};tag=peer\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        self.send(request.from, &response);
    }

    fn send(&self, to: SocketAddr, text: &str) {
        self.0.send_to(text.as_bytes(), to).expect("it is sent");
    }

    /// Asks for a password, and says what comes then.
    fn challenge(&self, method: &str) -> Received {
        let request = self.expect(method);
        assert_eq!(request.find("Authorization"), None);
        self.respond(&request, "401 Unauthorized", CHALLENGE);
        let request = self.expect(method);
        let credentials = request.header("Authorization");
        assert!(
            credentials.starts_with("Digest username=\"alice\", realm=\"lab\", nonce=\"n\""),
            "{credentials}"
        );
        request
    }

    /// Grants what a REGISTER asks for, for this long.
    fn grant(&self, request: &Received, seconds: u32) {
        let contact = request.header("Contact");
        let (contact, _) = contact.split_once(";expires=").expect("a time");
        let contact = format!("Contact: {contact};expires={seconds}\r\n");
        self.respond(request, "200 OK", &contact);
    }
}

impl Received {
    fn find(&self, name: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn header(&self, name: &str) -> &str {
        self.find(name)
            .unwrap_or_else(|| panic!("no {name}: {}", self.text))
    }
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"lab\", nonce=\"n\", qop=\"auth\"\r\n";

/// The program, killed on drop, and what it prints.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let command = command.args(["--json", "--log", "error"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = child.stdout.take().expect("a pipe");
        let lines = BufReader::new(stdout).lines();
        Self { child, lines }
    }

    /// The next line, which is about this.
    fn expect(&mut self, event: &str) -> Value {
        let line = self.lines.next().expect(event).expect("text");
        let object: Value = serde_json::from_str(&line).expect("an object");
        assert_eq!(object["event"], event, "{object}");
        object
    }

    fn interrupt(&self) {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &process]).status();
        assert!(kill.expect("kill runs").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn offhook(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(arguments);
    command.env("OFFHOOK_PASSWORD", "s3cret");
    command
}

fn register(peer: &Peer, arguments: &[&str]) -> Program {
    let aor = format!("sip:alice@{}", peer.address());
    let mut program = Program::start(offhook(&["register", &aor]).args(arguments));
    assert_eq!(program.expect("registering")["aor"], aor);
    program
}

#[test]
fn a_binding_is_kept_and_taken_away() {
    let peer = Peer::new();
    let mut program = register(&peer, &["--expires", "2"]);
    let request = peer.challenge("REGISTER");
    assert_eq!(request.header("Expires"), "2");
    peer.grant(&request, 2);
    let line = program.expect("registered");
    assert_eq!(
        (&line["status"], &line["expires"]),
        (&200.into(), &2.into())
    );
    assert_eq!(line["bindings"][0]["expires"], 2);

    let request = peer.expect("REGISTER");
    assert!(request.header("Authorization").contains("nc=00000002"));
    peer.grant(&request, 100);
    assert_eq!(program.expect("refreshed")["expires"], 100);

    let invite = format!(
        "INVITE sip:alice@{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:b@b>;tag=b\r\nTo: <sip:alice@a>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:b@{}>\r\nContent-Length: 0\r\n\r\n",
        request.from,
        peer.address(),
        peer.address()
    );
    peer.send(request.from, &invite);
    peer.expect("SIP/2.0 480");

    program.interrupt();
    let request = peer.expect("REGISTER");
    assert_eq!(request.header("Expires"), "0");
    peer.respond(&request, "200 OK", "");
    assert_eq!(program.expect("unregistered")["status"], 200);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_registrar_that_refuses_ends_it_with_1() {
    let peer = Peer::new();
    for (status, headers) in [
        ("403 Forbidden", ""),
        ("503 Service Unavailable", "Retry-After: 60\r\n"),
    ] {
        let mut program = register(&peer, &[]);
        peer.respond(&peer.challenge("REGISTER"), status, headers);
        let line = program.expect("refused");
        assert!(status.starts_with(&line["status"].to_string()), "{line}");
        assert_eq!(line["retry_in"], Value::Null, "it is not tried again");
        assert_eq!(program.exit_code(), Some(1));
    }
}

#[test]
fn a_registrar_that_says_nothing_ends_it_with_3() {
    let peer = Peer::new();
    let mut program = register(&peer, &[]);
    peer.expect("REGISTER");
    program.interrupt();
    program.expect("failed");
    assert_eq!(program.exit_code(), Some(3));
}

#[test]
fn what_cannot_be_registered_exits_with_2() {
    for arguments in [
        &["sip:example.com"][..],
        &["tel:1"],
        &["sip:a@b", "--expires", "0"],
        &["sip:a@b", "--registrar", "b"],
        &["sip:alice@nobody.invalid"],
    ] {
        let output = offhook(&["register"]).args(arguments).output();
        assert_eq!(
            output.expect("it ends").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_call_answers_challenges_and_goes_through_its_proxy() {
    let peer = Peer::new();
    let proxy = format!("sip:{}", peer.address());
    let call = [
        "call",
        "sip:bob@example.invalid",
        "--bare",
        "--proxy",
        &proxy,
    ];
    let mut program = Program::start(offhook(&call).args(["--user", "alice"]));
    program.expect("calling");
    let invite = peer.expect("INVITE");
    assert!(
        invite
            .text
            .starts_with("INVITE sip:bob@example.invalid SIP/2.0\r\n")
    );
    assert_eq!(invite.header("Route"), format!("<{proxy};lr>"));
    let challenge = CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate");
    peer.respond(&invite, "407 Proxy Authentication Required", &challenge);
    let invite = peer.expect("INVITE");
    assert!(invite.header("Proxy-Authorization").contains("nc=00000001"));
    let elsewhere = "Contact: <sip:carol@elsewhere.invalid>\r\n";
    peer.respond(&invite, "302 Moved Temporarily", elsewhere);
    assert_eq!(program.expect("redirected")["status"], 302);
    let invite = peer.expect("INVITE");
    let start = "INVITE sip:carol@elsewhere.invalid SIP/2.0\r\n";
    assert!(invite.text.starts_with(start), "{}", invite.text);
    assert_eq!(invite.header("Route"), format!("<{proxy};lr>"));
    peer.respond(&invite, "486 Busy Here", "");
    assert_eq!(program.expect("rejected")["status"], 486);
    assert_eq!(program.exit_code(), Some(1));
}

#[test]
fn a_password_on_the_command_line_is_warned_of_and_not_shown() {
    let peer = Peer::new();
    let uri = format!("sip:bob@{}", peer.address());
    let secret = ["--user", "alice", "--password", "pa55word"];
    let mut command = offhook(&["call", &uri, "--bare", "--timeout", "0", "--log", "trace"]);
    let output = command.args(secret).output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("can read --password"), "{told}");
    assert!(!told.contains("pa55word"), "{told}");
}

/// A file of a configuration, removed on drop.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("offhook-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn an_account_is_registered_and_its_calls_take_its_route() {
    let peer = Peer::new();
    let text = format!(
        "listen = ['udp:127.0.0.1:0']\n[[account]]\naor = 'sip:alice@{}'\n\
         password_env = 'OFFHOOK_PASSWORD'\nroute = 'decline'\n",
        peer.address()
    );
    let file = File::new("account", &text);
    let path = file.0.to_str().expect("a UTF-8 path");
    let mut program = Program::start(&mut offhook(&["serve", "--config", path]));
    let listening = program.expect("listening");
    program.expect("registering");
    let request = peer.challenge("REGISTER");
    let address = listening["address"].as_str().expect("an address");
    let contact = request.header("Contact");
    assert_eq!(contact, format!("<sip:alice@{address}>;expires=600"));
    peer.grant(&request, 600);
    program.expect("registered");

    let uri = format!("sip:alice@{address}");
    let mut call = Program::start(&mut offhook(&["call", &uri, "--bare"]));
    call.expect("calling");
    assert_eq!(call.expect("rejected")["status"], 603);
    assert_eq!(call.exit_code(), Some(1));

    program.interrupt();
    let request = peer.expect("REGISTER");
    assert_eq!(request.header("Expires"), "0");
    peer.respond(&request, "200 OK", "");
    program.expect("unregistered");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_route_asks_its_callers_who_they_are() {
    let text = "listen = ['udp:127.0.0.1:0']\nrealm = 'lab'\n\
        [[user]]\nname = 'alice'\npassword = 's3cret'\n\
        [[route]]\nuser = 'private'\nanswer = 'bare'\nauthenticate = true\n";
    let file = File::new("users", text);
    let path = file.0.to_str().expect("a UTF-8 path");
    let mut server = Program::start(&mut offhook(&["serve", "--config", path]));
    let listening = server.expect("listening");
    let address = listening["address"].as_str().expect("an address");
    let uri = format!("sip:private@{address}");
    let call = |user: &[&str]| {
        let call = ["call", &uri, "--bare", "--duration", "0"];
        let mut call = Program::start(offhook(&call).args(user));
        call.expect("calling");
        call
    };
    let mut known = call(&["--user", "alice"]);
    known.expect("established");
    known.expect("ended");
    for user in [
        &["--user", "bob"][..],
        &["--user", "alice", "--password", "guess"],
        &[],
    ] {
        assert_eq!(call(user).expect("rejected")["status"], 401, "{user:?}");
    }
}
