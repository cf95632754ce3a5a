//! The other side, made of a plain socket.

use std::{
    cell::RefCell,
    collections::HashSet,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

/// A registrar, or a callee, that says what it is told to.
pub(crate) struct Peer {
    socket: UdpSocket,
    /// What has come, for it comes again where we are slow to answer.
    seen: RefCell<HashSet<String>>,
    /// What has come and was not asked for yet: messages overtake each other.
    unread: RefCell<Vec<Received>>,
}

pub(crate) struct Received {
    pub(crate) text: String,
    pub(crate) from: SocketAddr,
}

impl Peer {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time");
        Self {
            socket,
            seen: RefCell::default(),
            unread: RefCell::default(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("its address")
    }

    /// The next message that begins with this and is no repetition.
    pub(crate) fn expect(&self, start: &str) -> Received {
        let start = format!("{start} ");
        let mut unread = self.unread.borrow_mut();
        loop {
            if let Some(place) = unread.iter().position(|it| it.text.starts_with(&start)) {
                return unread.remove(place);
            }
            let mut octets = [0; 4096];
            let (length, from) = self.socket.recv_from(&mut octets).expect(&start);
            let text = String::from_utf8_lossy(&octets[..length]).into_owned();
            if self.seen.borrow_mut().insert(text.clone()) {
                unread.push(Received { text, from });
            }
        }
    }

    pub(crate) fn respond(&self, request: &Received, status: &str, headers: &str) {
        self.respond_as("peer", request, status, headers, "");
    }

    /// 200 to an INVITE, with this session description, and its ACK.
    pub(crate) fn answer(&self, invite: &Received, description: &str) {
        self.describe(invite, "200 OK", description);
        self.expect("ACK");
    }

    /// A response to an INVITE, with this session description.
    pub(crate) fn describe(&self, invite: &Received, status: &str, description: &str) {
        self.respond_as("peer", invite, status, &self.describing(), description);
    }

    /// The headers of a message of ours with a session description.
    pub(crate) fn describing(&self) -> String {
        let address = self.address();
        format!("Contact: <sip:{address}>\r\nContent-Type: application/sdp\r\n")
    }

    /// A response of the callee with this tag: there are several where a call is forked.
    pub(crate) fn respond_as(
        &self,
        tag: &str,
        request: &Received,
        status: &str,
        headers: &str,
        body: &str,
    ) {
        let copied = ["Via", "From", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", request.header(name)))
            .concat();
        let to = request.header("To");
        let tag = if to.contains(";tag=") {
            String::new()
        } else {
            format!(";tag={tag}")
        };
        let response = format!(
            "SIP/2.0 {status}\r\n{copied}To: {to}{tag}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send(request.from, &response);
    }

    /// A request of ours in the dialog of this INVITE, which we have answered.
    pub(crate) fn request(&self, invite: &Received, cseq: &str, headers: &str) {
        let headers = format!("Contact: <sip:{}>\r\n{headers}", self.address());
        self.request_with(invite, cseq, &headers, "");
    }

    pub(crate) fn request_with(&self, invite: &Received, cseq: &str, headers: &str, body: &str) {
        let method = cseq.split(' ').nth(1).expect("a method");
        let (from, call_id) = (invite.header("From"), invite.header("Call-ID"));
        let (to, peer) = (invite.header("To"), self.address());
        let request = format!(
            "{method} sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK{method}\r\n\
             Max-Forwards: 70\r\nFrom: {to};tag=peer\r\nTo: {from}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            invite.from,
            body.len()
        );
        self.send(invite.from, &request);
    }

    /// A request of ours outside of any dialog.
    pub(crate) fn begin(&self, method: &str, to: SocketAddr, headers: &str) {
        let peer = self.address();
        let request = format!(
            "{method} sip:alice@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK{method}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:b@b>;tag=b\r\nTo: <sip:alice@a>\r\nCall-ID: {method}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:b@{peer}>\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        self.send(to, &request);
    }

    pub(crate) fn send(&self, to: SocketAddr, text: &str) {
        self.socket
            .send_to(text.as_bytes(), to)
            .expect("it is sent");
    }

    /// Asks for a password, and says what comes then.
    pub(crate) fn challenge(&self, method: &str) -> Received {
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
    pub(crate) fn grant(&self, request: &Received, seconds: u32) {
        let contact = request.header("Contact");
        let (contact, _) = contact.split_once(";expires=").expect("a time");
        let contact = format!("Contact: {contact};expires={seconds}\r\n");
        self.respond(request, "200 OK", &contact);
    }
}

impl Received {
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.find(name)
            .unwrap_or_else(|| panic!("no {name}: {}", self.text))
    }
}

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"lab\", nonce=\"n\", qop=\"auth\"\r\n";

/// A name server that finds every name at 127.0.0.1.
pub(crate) struct NameServer(Peer);

impl NameServer {
    pub(crate) fn new() -> Self {
        Self(Peer::new())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Waits until the address of a name is asked for, and answers. Other questions have no answer.
    pub(crate) fn answer(&self) {
        let mut octets = [0; 512];
        loop {
            let (_, from) = self.0.socket.recv_from(&mut octets).expect("a question");
            let name = octets[12..].iter().position(|octet| *octet == 0);
            let end = 12 + name.expect("an end of the name") + 5;
            let is_address = octets[end - 4..end] == [0, 1, 0, 1];
            let answers = u8::from(is_address);
            let mut answer = vec![
                octets[0], octets[1], 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0,
            ];
            answer.extend(&octets[12..end]);
            if is_address {
                // The name above, A, IN, to be kept for no time.
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
            }
            self.0.socket.send_to(&answer, from).expect("it is sent");
            if is_address {
                return;
            }
        }
    }
}
