//! A caller made of a plain socket and of text.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use offhook::message::{Body, Frame, Framer, Message, Request, Response};
use offhook::{Builder, Invitation, Listener, Transport, UserAgent};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, tungstenite};

/// The user agent under test, on one listener with a port of its own.
pub(crate) async fn start(listener: &str) -> (UserAgent, Listener) {
    start_with(UserAgent::builder().listen(listener)).await
}

pub(crate) async fn start_with(builder: Builder) -> (UserAgent, Listener) {
    let user_agent = builder.start().await.unwrap();
    let listener = user_agent.listeners()[0];
    (user_agent, listener)
}

/// The next call.
pub(crate) async fn incoming(user_agent: &UserAgent) -> Invitation {
    soon(user_agent.incoming()).await.unwrap()
}

/// What a test waits for must come in a time that no machine needs.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("it takes too long")
}

pub(crate) fn answer() -> Body {
    Body::sdp(SDP)
}

/// One call, from the caller's side.
pub(crate) struct Caller {
    pub(crate) call_id: String,
    /// The address in Via and Contact.
    pub(crate) sent_by: String,
    /// What Via has behind its branch.
    pub(crate) via_parameters: &'static str,
    pub(crate) socket: Socket,
    local: SocketAddr,
    server: Listener,
    /// As the last response had it.
    to: String,
    seen: HashSet<Vec<u8>>,
}

pub(crate) enum Socket {
    Udp(UdpSocket),
    Tcp {
        stream: TcpStream,
        framer: Box<Framer>,
    },
    /// Over TLS.
    Stream {
        stream: Box<dyn Stream>,
        framer: Box<Framer>,
    },
    /// Over a WebSocket.
    Framed(Box<WebSocketStream<Box<dyn Stream>>>),
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Socket {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        let framer = Box::new(Framer::new(65_536));
        Self::Tcp { stream, framer }
    }
}

impl Caller {
    pub(crate) async fn new(server: Listener) -> Self {
        Self::from(server.address.ip(), server).await
    }

    /// Over UDP, from this address of ours.
    pub(crate) async fn from(address: IpAddr, server: Listener) -> Self {
        if server.transport == Transport::Udp {
            let socket = UdpSocket::bind((address, 0)).await.unwrap();
            let local = socket.local_addr().unwrap();
            return Self::with(server, local, Socket::Udp(socket));
        }
        let stream = soon(TcpStream::connect(server.address)).await.unwrap();
        let local = stream.local_addr().unwrap();
        if server.transport == Transport::Tcp {
            return Self::with(server, local, Socket::tcp(stream));
        }
        Self::over(server, local, stream).await
    }

    /// Over a stream that is open.
    pub(crate) async fn over(
        server: Listener,
        local: SocketAddr,
        stream: impl Stream + 'static,
    ) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        if matches!(server.transport, Transport::Ws | Transport::Wss) {
            let websocket = soon(websocket(stream, "sip")).await.unwrap();
            let mut caller = Self::with(server, local, Socket::Framed(Box::new(websocket)));
            // What a browser says: it does not know its address.
            "cq7ip7861a5a.invalid".clone_into(&mut caller.sent_by);
            return caller;
        }
        let framer = Box::new(Framer::new(65_536));
        Self::with(server, local, Socket::Stream { stream, framer })
    }

    fn with(server: Listener, local: SocketAddr, socket: Socket) -> Self {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        Self {
            call_id: format!("call-{call}@caller.example.com"),
            sent_by: local.to_string(),
            local,
            via_parameters: "",
            socket,
            server,
            to: "<sip:echo@example.com>".to_owned(),
            seen: HashSet::new(),
        }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// A request of this call. The INVITE and what belongs to it have the number 1.
    pub(crate) fn request(&self, method: &str) -> String {
        let (number, branch) = match method {
            "INVITE" | "CANCEL" => (1, "invite"),
            "ACK" => (1, "ack"),
            _ => (2, "other"),
        };
        self.request_with(method, number, branch)
    }

    /// The ACK of a response that is no 2xx belongs to the INVITE's transaction.
    pub(crate) fn acknowledgement_of_refusal(&self) -> String {
        self.request_with("ACK", 1, "invite")
    }

    /// As the INVITE was, before a response gave its To a tag.
    pub(crate) fn without_to_tag(request: &str) -> String {
        let line = |line: &str| match line.split_once(";tag=") {
            Some((to, _)) if line.starts_with("To:") => to.to_owned(),
            _ => line.to_owned(),
        };
        request
            .split("\r\n")
            .map(line)
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    /// A later request of this call, with a line of its own among the headers.
    pub(crate) fn later_request(&self, method: &str, number: u32, line: &str) -> String {
        let request = self.request_with(method, number, &format!("{method}-{number}"));
        request.replacen("Content-Length", &format!("{line}Content-Length"), 1)
    }

    fn request_with(&self, method: &str, number: u32, branch: &str) -> String {
        let Self {
            call_id,
            sent_by,
            via_parameters,
            server,
            to,
            ..
        } = self;
        let transport = server.transport;
        let via = transport.as_str();
        let parameter = match transport {
            Transport::Wss => "ws",
            other => other.parameter(),
        };
        let body = if method == "INVITE" { SDP } else { "" };
        let content = if body.is_empty() {
            String::new()
        } else {
            "Content-Type: application/sdp\r\n".to_owned()
        };
        let address = server.address;
        format!(
            "{method} sip:echo@{address};transport={parameter} SIP/2.0\r\n\
             Via: SIP/2.0/{via} {sent_by};branch=z9hG4bK-{branch}-{call_id}{via_parameters}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:alice@example.com>;tag=alice\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n\
             Contact: <sip:alice@{sent_by};transport={parameter}>\r\n\
             {content}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.try_send(text).await.unwrap();
    }

    /// Fails where the connection is closed.
    pub(crate) async fn try_send(&mut self, text: impl AsRef<[u8]>) -> std::io::Result<()> {
        let text = text.as_ref();
        match &mut self.socket {
            Socket::Udp(socket) => socket.send_to(text, self.server.address).await.map(drop),
            Socket::Tcp { stream, .. } => stream.write_all(text).await,
            Socket::Stream { stream, .. } => {
                stream.write_all(text).await?;
                stream.flush().await
            }
            Socket::Framed(websocket) => {
                let message = str::from_utf8(text).unwrap().into();
                websocket.send(message).await.map_err(std::io::Error::other)
            }
        }
    }

    /// Reads until the connection is closed, however long that takes.
    pub(crate) async fn wait_for_end(&mut self) {
        match &mut self.socket {
            Socket::Udp(_) => panic!("UDP has no end"),
            Socket::Tcp { stream, framer } => while next_frame(stream, framer).await.is_some() {},
            Socket::Stream { stream, framer } => {
                while next_frame(stream, framer).await.is_some() {}
            }
            Socket::Framed(websocket) => while next_message(websocket).await.is_some() {},
        }
    }

    /// The next message that is no repetition: what we are slow to answer comes again.
    pub(crate) async fn next(&mut self) -> Message {
        soon(async {
            loop {
                if let Frame::Message(message) = self.next_frame().await.unwrap()
                    && self.seen.insert(message.as_bytes().to_vec())
                {
                    return message;
                }
            }
        })
        .await
    }

    /// The next frame; `None` when the connection is closed.
    pub(crate) async fn next_frame(&mut self) -> Option<Frame> {
        match &mut self.socket {
            Socket::Udp(socket) => {
                let mut buffer = vec![0; 65_535];
                let (length, _) = soon(socket.recv_from(&mut buffer)).await.unwrap();
                buffer.truncate(length);
                let message = offhook::message::parse(buffer.into()).unwrap();
                Some(Frame::Message(message))
            }
            Socket::Tcp { stream, framer } => soon(next_frame(stream, framer)).await,
            Socket::Stream { stream, framer } => soon(next_frame(stream, framer)).await,
            Socket::Framed(websocket) => soon(next_message(websocket)).await,
        }
    }

    /// The next response of this status; provisional ones may come before.
    pub(crate) async fn response(&mut self, status: u16) -> Response {
        loop {
            let Message::Response(response) = self.next().await else {
                panic!("{status} was expected, and a request came");
            };
            if let Some(to) = response.headers().named("To").next() {
                self.to = String::from_utf8(to.value.to_vec()).unwrap();
            }
            if response.status().as_u16() == status {
                return response;
            }
            assert!(
                response.status().is_provisional(),
                "{status} was expected, and {} came",
                response.status().as_u16()
            );
        }
    }

    /// The status of the next response, and the method it belongs to.
    pub(crate) async fn next_status(&mut self) -> (u16, String) {
        let Message::Response(response) = self.next().await else {
            panic!("a response was expected");
        };
        let method = response.headers().cseq().unwrap().method;
        (response.status().as_u16(), method.as_str().to_owned())
    }

    /// The next request of this method.
    pub(crate) async fn expect_request(&mut self, method: &str) -> Request {
        let Message::Request(request) = self.next().await else {
            panic!("{method} was expected, and a response came");
        };
        assert_eq!(request.method().as_str(), method);
        request
    }

    /// Answers a request with 200.
    pub(crate) async fn answer(&mut self, request: &Request) {
        let headers = request.headers();
        let mut text = "SIP/2.0 200 OK\r\n".to_owned();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for field in headers.named(name) {
                text += str::from_utf8(field.line).unwrap();
                text += "\r\n";
            }
        }
        text += "Content-Length: 0\r\n\r\n";
        self.send(text).await;
    }

    /// From the INVITE to the ACK.
    pub(crate) async fn establish(&mut self, user_agent: &UserAgent) -> offhook::Session {
        self.send(self.request("INVITE")).await;
        let mut session = incoming(user_agent).await.accept(answer()).unwrap();
        self.response(200).await;
        self.send(self.request("ACK")).await;
        soon(session.confirmed()).await.unwrap();
        session
    }
}

/// A port of TCP where nobody listens, and which nobody else gets as long as this is kept.
pub(crate) fn closed_port(address: IpAddr) -> (TcpSocket, SocketAddr) {
    let socket = match address {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.unwrap();
    socket.bind((address, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

pub(crate) async fn next_frame(
    stream: &mut (impl AsyncRead + Unpin),
    framer: &mut Framer,
) -> Option<Frame> {
    let mut buffer = vec![0; 4096];
    loop {
        if let Some(frame) = framer.next_frame().unwrap() {
            return Some(frame);
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return None,
            length => framer.push(&buffer[..length]),
        }
    }
}

/// The handshake of a client that offers this subprotocol.
pub(crate) async fn websocket<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    protocol: &str,
) -> Result<WebSocketStream<S>, tungstenite::Error> {
    let mut request = "ws://offhook.example/".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    let websocket = tokio_tungstenite::client_async(request, stream).await?;
    Ok(websocket.0)
}

pub(crate) async fn next_message<S: AsyncRead + AsyncWrite + Unpin>(
    websocket: &mut WebSocketStream<S>,
) -> Option<Frame> {
    loop {
        let bytes = match websocket.next().await?.ok()? {
            tungstenite::Message::Text(text) if text.as_str() == "\r\n" => {
                return Some(Frame::Pong);
            }
            tungstenite::Message::Text(text) => text.into(),
            tungstenite::Message::Binary(bytes) => bytes,
            tungstenite::Message::Close(_) => return None,
            _ => continue,
        };
        let message = offhook::message::parse(bytes).unwrap();
        return Some(Frame::Message(message));
    }
}

static CALLS: AtomicU32 = AtomicU32::new(1);

const LONG: Duration = Duration::from_mins(1);
pub(crate) const SDP: &str = "v=0\r\n\
    o=- 1 1 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    c=IN IP4 127.0.0.1\r\n\
    t=0 0\r\n\
    m=audio 9 RTP/AVP 0\r\n";
