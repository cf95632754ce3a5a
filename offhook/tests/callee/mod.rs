//! A callee made of a plain socket and of text.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashSet;
use std::net::SocketAddr;

use futures_util::SinkExt;
use offhook::message::{Framer, Message, Request, UriBuf};
use offhook::{Inviter, OutgoingRequest, Transport, UserAgent};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::handshake::server::{
    Request as UpgradeRequest, Response as UpgradeResponse,
};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::caller::{answer, next_frame, next_message, soon};

/// One call, from the callee's side.
pub(crate) struct Callee {
    socket: Socket,
    /// Of a stream.
    listener: Option<TcpListener>,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    transport: Transport,
    seen: HashSet<Vec<u8>>,
}

enum Socket {
    Udp {
        socket: UdpSocket,
        peer: Option<SocketAddr>,
    },
    /// Nobody has connected yet.
    None,
    Tcp {
        stream: TcpStream,
        framer: Box<Framer>,
    },
    Framed(Box<WebSocketStream<TcpStream>>),
}

impl Callee {
    /// On a free port of the address that a listener such as `udp:[::1]:0` names.
    pub(crate) async fn new(listener: &str) -> Self {
        let (transport, address) = listener.split_once(':').unwrap();
        if transport == "udp" {
            let socket = UdpSocket::bind(address).await.unwrap();
            let address = socket.local_addr().unwrap();
            Self {
                socket: Socket::Udp { socket, peer: None },
                listener: None,
                address,
                transport: Transport::Udp,
                seen: HashSet::new(),
            }
        } else {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            Self {
                socket: Socket::None,
                listener: Some(listener),
                address,
                transport: Transport::parse(transport.as_bytes()).unwrap(),
                seen: HashSet::new(),
            }
        }
    }

    /// Cuts the connection, and takes the next.
    pub(crate) fn cut(&mut self) {
        self.socket = Socket::None;
    }

    pub(crate) fn uri(&self) -> UriBuf {
        uri("bob", self.transport, self.address)
    }

    /// The next request, which is of this method.
    pub(crate) async fn expect(&mut self, method: &str) -> Request {
        let Message::Request(request) = soon(self.next()).await else {
            panic!("{method} was expected, and a response came");
        };
        assert_eq!(request.method().as_str(), method);
        request
    }

    /// The status of the next message, a response.
    pub(crate) async fn expect_status(&mut self) -> u16 {
        let Message::Response(response) = soon(self.next()).await else {
            panic!("a response was expected, and a request came");
        };
        response.status().as_u16()
    }

    /// Answers a request with this status line, these header lines and this body.
    pub(crate) async fn respond(
        &mut self,
        request: &Request,
        status: &str,
        lines: &str,
        body: &str,
    ) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for field in request.headers().named(name) {
                text += str::from_utf8(field.line).unwrap();
                let is_new = name == "To" && !text.ends_with(TAG) && !status.starts_with("100");
                text += if is_new { TAG } else { "" };
                text += "\r\n";
            }
        }
        let (address, transport) = (self.address, self.transport);
        let contact = format!("<sip:bob@{address};transport={transport}>");
        let content_type = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let length = body.len();
        self.send(&format!(
            "{text}Contact: {contact}\r\n{lines}{content_type}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    /// A BYE in the dialog that the INVITE has made.
    pub(crate) async fn bye(&mut self, invite: &Request) {
        self.request(invite, 1, "BYE", "").await;
    }

    /// A request of this method, number and header lines in the dialog that theirs has made or
    /// makes.
    pub(crate) async fn request(&mut self, theirs: &Request, cseq: u32, method: &str, lines: &str) {
        self.request_as(theirs, TAG, (cseq, method), lines).await;
    }

    /// The first NOTIFY of somebody else that the SUBSCRIBE was forked to.
    pub(crate) async fn notify_as(&mut self, subscribe: &Request, tag: &str, lines: &str) {
        let tag = format!(";tag={tag}");
        self.request_as(subscribe, &tag, (1, "NOTIFY"), lines).await;
    }

    async fn request_as(
        &mut self,
        theirs: &Request,
        tag: &str,
        (cseq, method): (u32, &str),
        lines: &str,
    ) {
        let field = |name: &str| {
            let field = theirs.headers().named(name).next().unwrap();
            str::from_utf8(field.value).unwrap().to_owned()
        };
        let contact = field("Contact");
        let target = contact.split(['<', '>']).nth(1).unwrap();
        let (address, via) = (self.address, self.transport.as_str());
        let transport = self.transport;
        let text = format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/{via} {address};branch=z9hG4bK-{method}{cseq}{}\r\n\
             Max-Forwards: 70\r\n\
             From: {}{tag}\r\n\
             To: {}\r\n\
             Call-ID: {}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:bob@{address};transport={transport}>\r\n\
             {lines}\
             Content-Length: 0\r\n\r\n",
            tag.trim_start_matches(";tag="),
            field("To").trim_end_matches(TAG),
            field("From"),
            field("Call-ID"),
        );
        self.send(&text).await;
    }

    /// From the INVITE to the ACK.
    pub(crate) async fn establish(&mut self) -> Request {
        let invite = self.expect("INVITE").await;
        self.respond(&invite, "200 OK", "", crate::caller::SDP)
            .await;
        self.expect("ACK").await;
        invite
    }

    async fn send(&mut self, text: &str) {
        match &mut self.socket {
            Socket::Udp { socket, peer } => {
                socket
                    .send_to(text.as_bytes(), peer.unwrap())
                    .await
                    .unwrap();
            }
            Socket::Tcp { stream, .. } => stream.write_all(text.as_bytes()).await.unwrap(),
            Socket::Framed(websocket) => websocket.send(text.into()).await.unwrap(),
            Socket::None => panic!("nobody has connected yet"),
        }
    }

    /// The next message that is no repetition: what we are slow to answer comes again.
    async fn next(&mut self) -> Message {
        loop {
            let message = self.receive().await;
            if self.seen.insert(message.as_bytes().to_vec()) {
                return message;
            }
        }
    }

    async fn receive(&mut self) -> Message {
        if let (Socket::None, Some(listener)) = (&self.socket, &self.listener) {
            let (stream, _) = listener.accept().await.unwrap();
            self.socket = if self.transport == Transport::Ws {
                Socket::Framed(Box::new(upgraded(stream).await))
            } else {
                let framer = Box::new(Framer::new(65_536));
                Socket::Tcp { stream, framer }
            };
        }
        match &mut self.socket {
            Socket::Udp { socket, peer } => {
                let mut buffer = vec![0; 65_535];
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                *peer = Some(from);
                buffer.truncate(length);
                offhook::message::parse(buffer.into()).unwrap()
            }
            Socket::Tcp { stream, framer } => loop {
                let frame = next_frame(stream, framer).await.unwrap();
                if let offhook::message::Frame::Message(message) = frame {
                    return message;
                }
            },
            Socket::Framed(websocket) => loop {
                let frame = next_message(websocket).await.unwrap();
                if let offhook::message::Frame::Message(message) = frame {
                    return message;
                }
            },
            Socket::None => unreachable!("it was accepted above"),
        }
    }
}

/// The handshake of a server that speaks SIP.
#[expect(clippy::result_large_err, reason = "the type is that of the callback")]
async fn upgraded(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let answer = |_: &UpgradeRequest, mut response: UpgradeResponse| {
        let protocol = "sip".parse().unwrap();
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        Ok(response)
    };
    accept_hdr_async(stream, answer).await.unwrap()
}

pub(crate) fn uri(user: &str, transport: Transport, address: SocketAddr) -> UriBuf {
    let uri = format!("sip:{user}@{address};transport={transport}");
    uri.parse().unwrap()
}

/// What Alice sends to this URI: an INVITE with an offer.
pub(crate) async fn request(user_agent: &UserAgent, to: &UriBuf) -> OutgoingRequest {
    let flows = user_agent.flows(to).await.unwrap();
    let from = "sip:alice@example.com".parse().unwrap();
    OutgoingRequest::new(flows, from, to.clone().into()).with_body(answer())
}

pub(crate) async fn call(user_agent: &UserAgent, to: &UriBuf) -> Inviter {
    user_agent.invite(request(user_agent, to).await).unwrap()
}

const TAG: &str = ";tag=bob";
