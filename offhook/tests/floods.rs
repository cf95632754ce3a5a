//! Floods over the loopback interface, with honest calls at the same time. Each prints its figures.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::message::{Body, Message, Response, parse};
use offhook::{Config, Limits, UserAgent, UserAgentEvent};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn options_scans() {
    flood("OPTIONS", &sources(1), 3000).await.sheds(2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn registers() {
    flood("REGISTER", &sources(1), 3000).await.sheds(2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_dialogs() {
    flood("BYE", &sources(1), 3000).await.sheds(2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancels_of_nothing() {
    flood("CANCEL", &sources(1), 3000).await.sheds(2500);
}

/// The table of sessions is for 1,000. Half of it is for everybody, and then 200 for one source.
#[tokio::test(flavor = "multi_thread")]
async fn invites_without_ack() {
    let figures = flood("INVITE", &sources(1), 5000).await;
    assert!(figures.sessions <= 875, "{figures:?}");
    figures.sheds(3000);
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
    /// Of an honest call, from its INVITE to the 200 of its BYE.
    longest: Duration,
}

impl Figures {
    fn sheds(&self, least: u64) {
        assert!(self.shed >= least, "{self:?}");
    }
}

/// Sends that many requests, 10 in a millisecond, while a friend calls again and again and is never refused.
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
    let mut friend = Friend::new(server).await;

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
            if number % 10 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
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
        longest: times.into_iter().max().unwrap_or_default(),
    };
    println!("{method} from {} sources: {figures:?}", sources.len());
    assert!(figures.longest < Duration::from_secs(2), "{figures:?}");
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
struct Friend {
    socket: UdpSocket,
    server: SocketAddr,
    number: usize,
}

impl Friend {
    async fn new(server: SocketAddr) -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            server,
            number: 1_000_000,
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
    }

    /// The 200 to a request of this call.
    async fn response(&self, method: &str) -> Response {
        let call_id = format!("{}@", self.number);
        loop {
            let mut buffer = vec![0; 65_535];
            let received = timeout(Duration::from_secs(5), self.socket.recv(&mut buffer)).await;
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

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
