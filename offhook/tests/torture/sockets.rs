//! A user agent on the loopback interface.

use std::time::Duration;

use offhook::message::{Frame, Framer, Message, Rejection, Success, parse};
use offhook::{UserAgent, UserAgentEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::select;
use tokio::time::timeout;

use crate::cases::{Case, config, refusal};
use crate::verdict::{Stream, Verdict};

/// The message, and a request behind it: when that is answered, nothing more comes by itself.
pub(crate) async fn over_udp(case: &Case) -> Verdict {
    let user_agent = start("udp:127.0.0.1:0").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .connect(user_agent.listeners()[0].address)
        .await
        .unwrap();
    let local = socket.local_addr().unwrap().to_string();
    socket.send(&case.sent_by(&local)).await.unwrap();
    socket.send(probe("UDP", &local).as_bytes()).await.unwrap();
    let mut heard = Heard::default();
    while !heard.is_all(&user_agent) {
        let mut buffer = vec![0; 65_535];
        select! {
            event = user_agent.event() => heard.answer(event.unwrap()),
            length = timeout(PATIENCE, socket.recv(&mut buffer)) => {
                buffer.truncate(length.expect("an answer").unwrap());
                heard.take(&parse(buffer.into()).unwrap());
            }
        }
    }
    heard.verdict
}

/// The same, but no request goes behind a message that `waits` for its end.
pub(crate) async fn over_tcp(case: &Case, waits: bool) -> Verdict {
    let user_agent = start("tcp:127.0.0.1:0").await;
    let address = user_agent.listeners()[0].address;
    let mut connection = Connection {
        stream: TcpStream::connect(address).await.unwrap(),
        framer: Framer::new(65_535),
        heard: Heard::default(),
    };
    let local = connection.stream.local_addr().unwrap().to_string();
    if waits {
        connection.send(&case.bytes).await;
        // That a stream waits can only be seen by waiting.
        connection.read(&user_agent, SILENCE).await;
        return connection.heard.verdict;
    }
    let length = parse(case.bytes.clone()).map_or(case.bytes.len(), |it| it.as_bytes().len());
    let (message, next) = case.bytes.split_at(length);
    connection.send(message).await;
    if !next.is_empty() {
        while connection.heard.verdict.statuses.is_empty() {
            connection.read(&user_agent, PATIENCE).await;
        }
        connection.send(next).await;
    }
    connection.send(probe("TCP", &local).as_bytes()).await;
    while connection.heard.verdict.stream == Stream::InStep && !connection.heard.is_all(&user_agent)
    {
        connection.read(&user_agent, PATIENCE).await;
    }
    connection.heard.verdict
}

struct Connection {
    stream: TcpStream,
    framer: Framer,
    heard: Heard,
}

impl Connection {
    /// The peer may have closed it already.
    async fn send(&mut self, octets: &[u8]) {
        let _ = self.stream.write_all(octets).await;
    }

    async fn read(&mut self, user_agent: &UserAgent, patience: Duration) {
        let mut buffer = [0; 4096];
        let read = select! {
            event = user_agent.event() => return self.heard.answer(event.unwrap()),
            read = timeout(patience, self.stream.read(&mut buffer)) => read,
        };
        match read {
            Ok(Ok(0) | Err(_)) => self.heard.verdict.stream = Stream::Closed,
            Ok(Ok(length)) => self.framer.push(&buffer[..length]),
            Err(_) => self.heard.verdict.stream = Stream::Waits,
        }
        while let Some(frame) = self.framer.next_frame().unwrap() {
            if let Frame::Message(message) = frame {
                self.heard.take(&message);
            }
        }
    }
}

/// What has come so far.
#[derive(Default)]
struct Heard {
    verdict: Verdict,
    /// The request behind the message is answered.
    is_probed: bool,
    /// The application has answered, and that is on its way.
    is_answered: bool,
}

impl Heard {
    fn take(&mut self, message: &Message) {
        let Message::Response(response) = message else {
            panic!("{}", message.as_bytes().escape_ascii());
        };
        if response.headers().call_id() == Ok(PROBE.as_bytes()) {
            self.is_probed = true;
        } else if response.status().is_final() {
            self.is_answered = false;
            self.verdict.statuses.push(response.status().as_u16());
        }
    }

    /// Whether nothing more comes.
    fn is_all(&self, user_agent: &UserAgent) -> bool {
        let counts = user_agent.counts();
        self.is_probed && !self.is_answered && counts.invites + counts.requests == 0
    }

    /// What the application does.
    fn answer(&mut self, event: UserAgentEvent) {
        match event {
            UserAgentEvent::Invitation(invitation) => {
                invitation.reject(Rejection::BUSY_HERE).unwrap();
            }
            UserAgentEvent::Request(request) => {
                match refusal(request.message()) {
                    Some(status) => request.reject(status),
                    None => request.accept(Success::OK),
                };
            }
            UserAgentEvent::Referred(referral) => panic!("{referral:?} is not served"),
        }
        self.is_answered = true;
    }
}

async fn start(listener: &str) -> UserAgent {
    let builder = UserAgent::builder().listen(listener).config(config());
    builder.start().await.unwrap()
}

fn probe(transport: &str, local: &str) -> String {
    format!(
        "OPTIONS sip:a@example.com SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {local};branch=z9hG4bK-{PROBE}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:b@example.com>;tag=1\r\n\
         To: <sip:a@example.com>\r\n\
         Call-ID: {PROBE}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

const PROBE: &str = "probe";
const PATIENCE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(300);
