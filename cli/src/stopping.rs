//! What a signal does where a command waits for a name. The clock stands still meanwhile, so that nothing else ends the
//! wait.

use std::{
    net::SocketAddr,
    process::{self, ExitCode},
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use clap::Parser;
use tokio::{
    join,
    net::{TcpListener, UdpSocket},
    signal::unix::{SignalKind, signal},
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
    time::{self, Instant},
};

use crate::{
    arguments::{Arguments, Command},
    calling, load,
    outcome::Outcome,
    registering,
    stdout::tests::WORDS,
};

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_the_signal_comes_first() {
    let _alone = ALONE.lock().await;
    for command in ["call", "load", "register"] {
        let (standstill, names) = (Standstill::begin(), Peer::new().await);
        let dns = names.address().to_string();
        let line = [command, "sip:bob@callee.example", "--dns", &dns];
        let (stopped, ()) = join!(run(&line), async {
            names.receive().await;
            interrupt().await;
            standstill.end().await;
        });
        let error = stopped.unwrap_err().to_string();
        assert_eq!(error, "stopped before anything was sent", "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirection_is_not_followed_any_further() {
    let _alone = ALONE.lock().await;
    for is_stopped in [true, false] {
        let standstill = Standstill::begin();
        let (peer, names) = (Peer::new().await, Peer::new().await);
        let (uri, dns) = (peer.uri(), names.address().to_string());
        // Each look-up takes longer than one of a second.
        let patience = if is_stopped { "60" } else { "1" };
        let line = ["call", &uri, "--bare", "--timeout", patience, "--dns", &dns];
        let (code, ()) = join!(run(&line), async {
            let invite = peer.expect("INVITE").await;
            let contact = "Contact: <sip:bob@elsewhere.example>\r\n";
            peer.respond(&invite, "302 Moved Temporarily", contact, "")
                .await;
            names.receive().await;
            if is_stopped {
                interrupt().await;
            }
            standstill.end().await;
        });
        assert_eq!(code.unwrap(), Outcome::NoAnswer.into(), "{is_stopped}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_hung_up_while_its_callee_sends_us_on() {
    let _alone = ALONE.lock().await;
    let standstill = Standstill::begin();
    let (peer, names) = (Peer::new().await, Peer::new().await);
    let (uri, dns) = (peer.uri(), names.address().to_string());
    let line = ["call", &uri, "--bare", "--follow-refer", "--dns", &dns];
    let (code, ()) = join!(run(&line), async {
        let invite = peer.expect("INVITE").await;
        let headers = format!("Contact: <{uri}>\r\nContent-Type: application/sdp\r\n");
        peer.respond(&invite, "200 OK", &headers, NO_AUDIO).await;
        peer.expect("ACK").await;
        for (cseq, host) in [(1, "elsewhere"), (2, "nowhere")] {
            peer.refer(&invite, cseq, host).await;
        }
        names.receive().await;
        interrupt().await;
        let bye = peer.expect("BYE").await;
        peer.respond(&bye, "200 OK", "", "").await;
        standstill.end().await;
    });
    assert_eq!(code.unwrap(), Outcome::Ended.into());
    let mut octets = [0; 512];
    while let Ok(length) = names.0.try_recv(&mut octets) {
        let is_next = octets[..length].windows(7).any(|it| it == b"nowhere");
        assert!(!is_next, "it goes where it was sent next");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binding_is_taken_away_while_its_registrar_is_looked_for() {
    let _alone = ALONE.lock().await;
    let standstill = Standstill::begin();
    let (peer, names) = (Peer::new().await, Peer::new().await);
    let (uri, dns) = (peer.uri(), names.address().to_string());
    let port = peer.address().port();
    let aor = format!("sip:alice@registrar.example:{port}");
    let line = ["register", &aor, "--expires", "1", "--dns", &dns];
    let (code, ()) = join!(run(&line), async {
        names.answer().await;
        let request = peer.expect("REGISTER").await;
        let contact = request.header("Contact").to_owned();
        let granted = format!("Contact: {contact}\r\n");
        peer.respond(&request, "200 OK", &granted, "").await;
        standstill.end().await;
        time::resume();

        let request = peer.expect("REGISTER").await;
        time::pause();
        let standstill = Standstill::begin();
        // Of the first look-up.
        while names.0.try_recv(&mut [0; 512]).is_ok() {}
        let unavailable = "503 Service Unavailable";
        peer.respond(&request, unavailable, "Retry-After: 60\r\n", "")
            .await;
        names.receive().await;
        interrupt().await;
        let mut request = peer.expect("REGISTER").await;
        // The one before may have come twice.
        while request.header("Expires") != "0" {
            request = peer.expect("REGISTER").await;
        }
        peer.respond(&request, "200 OK", "", "").await;
        standstill.end().await;
    });
    assert_eq!(code.unwrap(), Outcome::Ended.into(), "{uri}");
}

/// Over UDP there would be repetitions, whose time is that of the real clock.
#[tokio::test(start_paused = true)]
async fn a_registrar_that_says_nothing_is_waited_for_once() {
    let _alone = ALONE.lock().await;
    let standstill = Standstill::begin();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let aor = format!("sip:alice@127.0.0.1:{port};transport=tcp");
    let line = ["register", &aor];
    let (code, (began, _socket)) = join!(run(&line), async {
        let (socket, _) = listener.accept().await.unwrap();
        socket.readable().await.unwrap();
        interrupt().await;
        let began = Instant::now();
        standstill.end().await;
        (began, socket)
    });
    assert_eq!(code.unwrap(), Outcome::NoAnswer.into());
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Signals are for the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn run(line: &[&str]) -> anyhow::Result<ExitCode> {
    let line = ["offhook"].iter().chain(line);
    match Arguments::parse_from(line).command {
        Command::Call(arguments) => calling::run(arguments, WORDS).await,
        Command::Load(arguments) => {
            let is_clean = load::run(arguments, WORDS).await;
            is_clean.map(|_| ExitCode::SUCCESS)
        }
        Command::Register(arguments) => registering::run(arguments, WORDS).await,
        other => panic!("it sends nothing: {other:?}"),
    }
}

/// Sends us a signal, and waits until it is here.
async fn interrupt() {
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let process = process::id().to_string();
    let killed = process::Command::new("kill")
        .args(["-TERM", &process])
        .status();
    assert!(killed.unwrap().success());
    terminated.recv().await.unwrap();
}

/// While it lasts, the paused clock does not go on by itself.
struct Standstill {
    last: mpsc::Sender<()>,
    /// Whether it lasted until its end.
    held: JoinHandle<bool>,
}

impl Standstill {
    fn begin() -> Self {
        let (last, until) = mpsc::channel();
        let held = spawn_blocking(move || {
            until.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected)
        });
        Self { last, held }
    }

    async fn end(self) {
        drop(self.last);
        assert!(self.held.await.unwrap(), "it was waited for too long");
    }
}

/// A callee, a registrar or a name server.
struct Peer(UdpSocket);

struct Received {
    text: String,
    from: SocketAddr,
}

impl Peer {
    async fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn uri(&self) -> String {
        format!("sip:{}", self.address())
    }

    async fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut octets = vec![0; 4096];
        let (length, from) = self.0.recv_from(&mut octets).await.unwrap();
        octets.truncate(length);
        (octets, from)
    }

    /// The next message that begins with this.
    async fn expect(&self, start: &str) -> Received {
        loop {
            let (octets, from) = self.receive().await;
            let text = String::from_utf8(octets).unwrap();
            if text.starts_with(start) {
                return Received { text, from };
            }
        }
    }

    async fn respond(&self, request: &Received, status: &str, headers: &str, body: &str) {
        let copied = ["Via", "From", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", request.header(name)))
            .concat();
        let to = request.header("To");
        let tag = if to.contains(";tag=") {
            ""
        } else {
            ";tag=peer"
        };
        let length = body.len();
        let response = format!(
            "SIP/2.0 {status}\r\n{copied}To: {to}{tag}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.send(&response, request.from).await;
    }

    /// Sends whoever sent this INVITE, which we have answered, to another host.
    async fn refer(&self, invite: &Received, cseq: u32, host: &str) {
        let (from, call_id) = (invite.header("From"), invite.header("Call-ID"));
        let (to, peer, caller) = (invite.header("To"), self.address(), invite.from);
        let request = format!(
            "REFER sip:{caller} SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: {to};tag=peer\r\nTo: {from}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REFER\r\nContact: <sip:{peer}>\r\n\
             Refer-To: <sip:carol@{host}.example>\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.send(&request, caller).await;
    }

    async fn send(&self, text: &str, to: SocketAddr) {
        self.0.send_to(text.as_bytes(), to).await.unwrap();
    }

    /// As a name server: finds no records of the name but an address, 127.0.0.1.
    async fn answer(&self) {
        loop {
            let (question, from) = self.receive().await;
            let name = question[12..].iter().position(|octet| *octet == 0);
            let end = 12 + name.unwrap() + 5;
            let is_address = question[end - 4..end] == [0, 1, 0, 1];
            let head = [0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0];
            let mut answer = [&question[..2], &head, &question[12..end]].concat();
            if is_address {
                // The name above, A, IN, to be kept for no time.
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
            }
            self.0.send_to(&answer, from).await.unwrap();
            if is_address {
                return;
            }
        }
    }
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.text.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| *key == name);
        found.map(|(_, value)| value).unwrap()
    }
}

const NO_AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 9 RTP/AVP 0\r\na=inactive\r\n";
/// It only bounds a hang.
const PATIENCE: Duration = Duration::from_mins(1);
