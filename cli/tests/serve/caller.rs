//! A caller that writes SIP by hand.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{message::Message, program::PATIENCE};

/// One call of somebody to the program.
pub(crate) struct Caller {
    line: Line,
    user: String,
    call: String,
    /// Of the last response with a tag; the To of what follows in the dialog.
    to: String,
    seen: Vec<Message>,
    rtp: UdpSocket,
}

impl Caller {
    pub(crate) fn udp(remote: SocketAddr, user: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(remote).expect("a route to the program");
        Self::new(Line::Udp(socket), user)
    }

    pub(crate) fn tcp(remote: SocketAddr, user: &str) -> Self {
        let stream = TcpStream::connect(remote).expect("the program accepts");
        Self::new(Line::Tcp(stream, VecDeque::new()), user)
    }

    fn new(line: Line, user: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let rtp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        Self {
            line,
            user: user.to_owned(),
            call: format!("call-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            to: format!("<sip:{user}@127.0.0.1>"),
            seen: Vec::new(),
            rtp,
        }
    }

    pub(crate) fn call_id(&self) -> &str {
        &self.call
    }

    /// INVITE with an offer of PCMU.
    pub(crate) fn invite(&mut self) {
        let offer = self.description("RTP/AVP 0");
        self.invite_with(&offer);
    }

    pub(crate) fn invite_with(&mut self, body: &str) {
        self.send("INVITE", "1 INVITE", "invite", body);
    }

    /// INVITE with these headers, that of its body's type among them.
    pub(crate) fn invite_saying(&mut self, headers: &str, body: &str) {
        self.send_with("INVITE", "1 INVITE", "invite", headers, body);
    }

    /// ACK of a 2xx, a transaction of its own.
    pub(crate) fn ack(&mut self, body: &str) {
        self.send("ACK", "1 ACK", "ack", body);
    }

    /// ACK of any other final response, in the transaction of the INVITE.
    pub(crate) fn ack_refusal(&mut self) {
        self.send("ACK", "1 ACK", "invite", "");
    }

    /// CANCEL, its 200, and 487 with its ACK.
    pub(crate) fn give_up(&mut self) {
        self.to = format!("<sip:{}@127.0.0.1>", self.user);
        self.send("CANCEL", "1 CANCEL", "invite", "");
        self.expect(200, "CANCEL");
        self.expect(487, "INVITE");
        self.ack_refusal();
    }

    /// The next message that is neither 100 nor a repetition: a response of this status to this method.
    pub(crate) fn expect(&mut self, status: u16, method: &str) -> Message {
        let message = self.response(method);
        assert_eq!(message.status(), Some(status), "{message:?}");
        message
    }

    /// The next message that is neither 100 nor a repetition: a response to this method.
    pub(crate) fn response(&mut self, method: &str) -> Message {
        let message = self.receive();
        assert!(message.status().is_some(), "{message:?}");
        assert!(message.header("CSeq").ends_with(method), "{message:?}");
        assert_eq!(message.header("Call-ID"), self.call);
        if method == "INVITE" {
            message.header("To").clone_into(&mut self.to);
        }
        message
    }

    /// The next message, a BYE, answered.
    pub(crate) fn expect_bye(&mut self) {
        let bye = self.expect_request("BYE");
        self.accept(&bye, "");
    }

    /// The next message, a request of this method.
    pub(crate) fn expect_request(&mut self, method: &str) -> Message {
        let request = self.receive();
        assert_eq!(request.method(), method, "{request:?}");
        assert_eq!(request.header("Call-ID"), self.call);
        request
    }

    /// 200.
    pub(crate) fn accept(&mut self, request: &Message, body: &str) {
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", request.header(name)))
            .concat();
        let content = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        let length = body.len();
        self.line.send(&format!(
            "SIP/2.0 200 OK\r\n{copied}{content}Content-Length: {length}\r\n\r\n{body}"
        ));
    }

    /// INVITE, 200, ACK.
    pub(crate) fn establish(&mut self) -> Message {
        self.invite();
        let answer = self.expect(200, "INVITE");
        self.ack("");
        answer
    }

    /// A further request inside the dialog.
    pub(crate) fn request(&mut self, method: &str, number: u32, headers: &str, body: &str) {
        let cseq = format!("{number} {method}");
        self.send_with(method, &cseq, &cseq.replace(' ', "-"), headers, body);
    }

    /// BYE and its 200.
    pub(crate) fn hang_up(&mut self) {
        self.send("BYE", "99 BYE", "bye", "");
        self.expect(200, "BYE");
    }

    /// Our description with our audio port: an offer, or an answer to one.
    pub(crate) fn description(&self, protocol_and_formats: &str) -> String {
        let port = self.rtp.local_addr().expect("it is bound").port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} {protocol_and_formats}\r\n"
        )
    }

    /// Whether an RTP packet to `port` comes back. Tries until it does.
    pub(crate) fn hears_itself(&self, port: u16) -> bool {
        self.hears_itself_within(port, PATIENCE)
    }

    /// As [`hears_itself`](Self::hears_itself), for a time.
    pub(crate) fn hears_itself_within(&self, port: u16, time: Duration) -> bool {
        let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
        packet.resize(172, 0xff);
        self.rtp
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("not zero");
        let since = Instant::now();
        while since.elapsed() < time {
            self.rtp
                .send_to(&packet, ("127.0.0.1", port))
                .expect("it can be sent");
            let mut echo = [0; 1500];
            // A port that is not there yet, or not any more, is an error here, too.
            if let Ok((length, from)) = self.rtp.recv_from(&mut echo) {
                assert_eq!(from.port(), port);
                assert_eq!(echo[12..length], packet[12..]);
                return true;
            }
        }
        false
    }

    /// Whether the next RTP packet, of PCMU, is silence.
    pub(crate) fn hears_silence(&self) -> bool {
        let patience = self.rtp.set_read_timeout(Some(PATIENCE));
        patience.expect("not zero");
        let mut packet = [0; 1500];
        let length = self.rtp.recv(&mut packet).expect("a packet comes");
        packet[12..length].iter().all(|octet| *octet == 0xff)
    }

    fn receive(&mut self) -> Message {
        loop {
            let message = Message::new(&self.line.receive());
            if message.status() != Some(100) && !self.seen.contains(&message) {
                self.seen.push(message.clone());
                return message;
            }
        }
    }

    fn send(&mut self, method: &str, cseq: &str, branch: &str, body: &str) {
        let content = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        self.send_with(method, cseq, branch, content, body);
    }

    fn send_with(&mut self, method: &str, cseq: &str, branch: &str, headers: &str, body: &str) {
        let Self { user, call, to, .. } = self;
        let local = self.line.local();
        let transport = self.line.transport();
        let message = format!(
            "{method} sip:{user}@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bK-{call}-{branch}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:caller@127.0.0.1>;tag={call}\r\n\
             To: {to}\r\n\
             Call-ID: {call}\r\n\
             CSeq: {cseq}\r\n\
             Contact: <sip:caller@{local};transport={transport}>\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.line.send(&message);
    }
}

/// Waits until the program has given this port back.
pub(crate) fn wait_until_free(port: u16) {
    let since = Instant::now();
    while let Err(error) = UdpSocket::bind(("127.0.0.1", port)) {
        assert!(since.elapsed() < PATIENCE, "port {port}: {error}");
        thread::yield_now();
    }
}

enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream, VecDeque<u8>),
}

impl Line {
    fn transport(&self) -> &'static str {
        match self {
            Self::Udp(_) => "UDP",
            Self::Tcp(..) => "TCP",
        }
    }

    fn local(&self) -> SocketAddr {
        let local = match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(stream, _) => stream.local_addr(),
        };
        local.expect("it is bound")
    }

    fn send(&mut self, message: &str) {
        match self {
            Self::Udp(socket) => socket.send(message.as_bytes()).map(drop),
            Self::Tcp(stream, _) => stream.write_all(message.as_bytes()),
        }
        .expect("it can be sent");
    }

    /// One message.
    fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Udp(socket) => {
                socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
                let mut octets = vec![0; 65_535];
                let length = socket.recv(&mut octets).expect("a message comes");
                octets.truncate(length);
                octets
            }
            Self::Tcp(stream, buffer) => {
                stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
                loop {
                    if let Some(length) = framed(buffer.make_contiguous()) {
                        return buffer.drain(..length).collect();
                    }
                    let mut octets = [0; 4096];
                    let length = stream.read(&mut octets).expect("a message comes");
                    assert_ne!(length, 0, "the connection was closed");
                    buffer.extend(&octets[..length]);
                }
            }
        }
    }
}

/// The length of the first message, once it is all there.
fn framed(octets: &[u8]) -> Option<usize> {
    let head = octets.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let message = Message::new(&octets[..head]);
    let length = head
        + message
            .header("Content-Length")
            .parse::<usize>()
            .expect("a number");
    (length <= octets.len()).then_some(length)
}
