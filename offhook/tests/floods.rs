//! Floods over the loopback interface, with honest calls at the same time. Each prints its figures.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::message::{Body, Message, Response, parse};
use offhook::{Config, Limits, UserAgent, UserAgentEvent};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn options_scans() {
    flood("OPTIONS", &sources(1), 3000).await.serves_at_most(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn registers() {
    flood("REGISTER", &sources(1), 3000).await.serves_at_most(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_dialogs() {
    flood("BYE", &sources(1), 3000).await.serves_at_most(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancels_of_nothing() {
    flood("CANCEL", &sources(1), 3000).await.serves_at_most(0);
}

/// The table of sessions is for 1,000. Half of it is for everybody, and then 200 for one source.
#[tokio::test(flavor = "multi_thread")]
async fn invites_without_ack() {
    let figures = flood("INVITE", &sources(1), 5000).await;
    figures.serves_at_most(500 + MOST_WAITING);
}

/// Everybody is a stranger, and the last eighth is for those who called before.
#[tokio::test(flavor = "multi_thread")]
async fn invites_from_many_sources() {
    let figures = flood("INVITE", &sources(500), 5000).await;
    assert!(figures.sessions <= 1000, "{figures:?}");
    assert!(figures.refused > 500, "{figures:?}");
}

/// What a flood met, and what honest calls met meanwhile.
#[derive(Debug)]
struct Figures {
    sent: u64,
    refused: u64,
    shed: u64,
    sessions: usize,
    honest: usize,
    /// Of the flood.
    lasted: Duration,
}

impl Figures {
    /// One source gets a burst, and then so many in a second; and it may get this many besides.
    fn serves_at_most(&self, besides: u64) {
        let Limits {
            source_burst,
            source_rate,
            ..
        } = Limits::default();
        let seconds = self.lasted.as_secs() + 1;
        let most = besides + u64::from(source_burst) + u64::from(source_rate) * seconds;
        let served = self.sent - self.refused - self.shed;
        assert!(served <= most, "{self:?}: more than {most} are served");
    }
}

/// Sends that many requests, 10 in a millisecond, while a friend calls again and again and is never refused.
///
/// It waits for a server that is behind: what the system drops in its place would say nothing of it.
async fn flood(method: &str, sources: &[SocketAddr], count: usize) -> Figures {
    let limits = Limits {
        sessions: 1000,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let builder = UserAgent::builder().listen("udp:0.0.0.0:0").config(config);
    let user_agent = builder.shards(1).start().await.unwrap();
    let mut server = user_agent.listeners()[0].address;
    server.set_ip([127, 0, 0, 1].into());
    let sent = Cell::new(0);
    let mut friend = Friend::new(server, &sent).await;
    // Until no more requests than these are sent and not received.
    let settle = async |most: u64| {
        while sent.get() > user_agent.counts().totals.requests + most {
            sleep(Duration::from_millis(1)).await;
        }
    };

    let flooding = async {
        let mut sockets = Vec::new();
        for source in sources {
            sockets.push(UdpSocket::bind(source).await.unwrap());
        }
        for number in 0..count {
            let socket = &sockets[number % sockets.len()];
            let source = socket.local_addr().unwrap();
            let request = request(method, source, server, number, "");
            socket.send_to(request.as_bytes(), server).await.unwrap();
            sent.update(|sent| sent + 1);
            if number % 10 == 0 {
                sleep(Duration::from_millis(1)).await;
                settle(MOST_WAITING).await;
            }
        }
        settle(0).await;
    };
    let (over, mut is_over) = oneshot::channel();
    let calling = async {
        let mut times = Vec::new();
        while is_over.try_recv().is_err() || times.len() < 20 {
            times.push(friend.call().await);
        }
        times
    };
    let answering = async {
        loop {
            if let Some(UserAgentEvent::Invitation(invitation)) = user_agent.event().await
                && let Ok(mut session) = invitation.accept(Body::sdp(SDP))
            {
                tokio::spawn(async move { session.ended().await });
            }
        }
    };
    let work = async {
        // The friend is known before the flood begins.
        let ((), times) = tokio::join!(
            async {
                sleep(Duration::from_millis(50)).await;
                flooding.await;
                let _ = over.send(());
            },
            calling
        );
        times
    };
    let begun = Instant::now();
    let times = tokio::select! {
        times = work => times,
        () = answering => unreachable!("it has no end"),
    };
    let counts = user_agent.counts();
    let figures = Figures {
        sent: count as u64,
        refused: counts.totals.overload,
        shed: counts.totals.shed,
        sessions: counts.sessions,
        honest: times.len(),
        lasted: begun.elapsed(),
    };
    let longest = times.iter().max().unwrap();
    println!(
        "{method} from {} sources: {figures:?}, and an honest call took {longest:?}",
        sources.len()
    );
    assert!(figures.honest >= 20 && figures.shed + figures.refused <= figures.sent);
    figures
}

/// Loopback has many addresses.
fn sources(count: u16) -> Vec<SocketAddr> {
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        SocketAddr::from(([127, 1, high, low], 0))
    };
    (1..=count).map(address).collect()
}

/// Calls again and again from one socket, and repeats nothing: what is lost is seen.
struct Friend<'a> {
    socket: UdpSocket,
    server: SocketAddr,
    number: usize,
    sent: &'a Cell<u64>,
}

impl<'a> Friend<'a> {
    async fn new(server: SocketAddr, sent: &'a Cell<u64>) -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            server,
            number: 1_000_000,
            sent,
        }
    }

    async fn call(&mut self) -> Duration {
        let begun = Instant::now();
        self.number += 1;
        self.send("INVITE", "").await;
        let ok = self.response("INVITE").await;
        let tag = String::from_utf8(ok.headers().to_tag().unwrap().to_vec()).unwrap();
        let tag = format!(";tag={tag}");
        self.send("ACK", &tag).await;
        self.send("BYE", &tag).await;
        self.response("BYE").await;
        begun.elapsed()
    }

    async fn send(&self, method: &str, tag: &str) {
        let local = self.socket.local_addr().unwrap();
        let request = request(method, local, self.server, self.number, tag);
        let sent = self.socket.send_to(request.as_bytes(), self.server).await;
        sent.unwrap();
        self.sent.update(|sent| sent + 1);
    }

    /// The 200 to a request of this call.
    async fn response(&self, method: &str) -> Response {
        let call_id = format!("{}@", self.number);
        loop {
            let mut buffer = vec![0; 65_535];
            let received = timeout(PATIENCE, self.socket.recv(&mut buffer)).await;
            buffer.truncate(received.expect("an answer").unwrap());
            let Ok(Message::Response(response)) = parse(buffer.into()) else {
                panic!("a response was expected");
            };
            let is_ours = response
                .headers()
                .call_id()
                .unwrap()
                .starts_with(call_id.as_bytes());
            let is_to = response.headers().cseq().unwrap().method.as_str() == method;
            if is_ours && is_to && response.status().is_final() {
                assert_eq!(response.status().as_u16(), 200, "an honest call is refused");
                return response;
            }
        }
    }
}

fn request(method: &str, from: SocketAddr, to: SocketAddr, number: usize, tag: &str) -> String {
    let cseq = if method == "BYE" { 2 } else { 1 };
    let body = if method == "INVITE" { SDP } else { "" };
    let content_type = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "{method} sip:bob@{to} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};branch=z9hG4bK-{number}-{method}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@{from}>;tag=alice\r\n\
         To: <sip:bob@{to}>{tag}\r\n\
         Call-ID: {number}@{from}\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@{from}>\r\n\
         {content_type}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Requests of a flood, where the socket of the server has room for a few hundred.
const MOST_WAITING: u64 = 100;
/// How long a friend waits before it is let down.
const PATIENCE: Duration = Duration::from_mins(1);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
