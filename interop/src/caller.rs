use std::{
    net::SocketAddr,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{transport::Transport, wire::Wire};

/// A bare socket that sends any octets to the server and reads the answers.
///
/// It writes its own requests, so that they can be spoilt before they are sent, and sends none twice: loopback loses
/// nothing that the server did not lose.
pub struct Caller {
    wire: Wire,
    local: SocketAddr,
    server: SocketAddr,
}

/// A response, with access to what the runs look at.
#[derive(Debug)]
pub struct Response {
    text: String,
}

impl Caller {
    /// Opens a socket of its own towards `server`.
    pub fn open(transport: Transport, server: SocketAddr) -> Result<Self> {
        let wire =
            Wire::open(transport, server).with_context(|| format!("no socket towards {server}"))?;
        let local = wire.local()?;
        Ok(Self {
            wire,
            local,
            server,
        })
    }

    /// Sends `octets` as they are: one datagram, or a piece of the stream.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<()> {
        self.wire
            .send(octets.as_ref())
            .context("the server takes no more octets")
    }

    /// The next final response, or `None` when the server closes the connection or sends none within `within`.
    pub fn final_response(&mut self, within: Duration) -> Result<Option<Response>> {
        let deadline = Instant::now() + within;
        while let Some(text) = self.wire.receive(deadline)? {
            let response = Response { text };
            if response.status().is_some_and(|status| status >= 200) {
                return Ok(Some(response));
            }
        }
        Ok(None)
    }

    /// The next final response, which must have `status`.
    pub fn expect(&mut self, status: u16) -> Result<Response> {
        let response = self.final_response(ANSWER)?;
        let response = response.with_context(|| format!("no final response within {ANSWER:?}"))?;
        ensure!(
            response.status() == Some(status),
            "expected {status}, received\n{}",
            response.text()
        );
        Ok(response)
    }

    /// The next request, or `None` when the server closes the connection or sends none within `within`.
    pub fn request(&mut self, within: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + within;
        while let Some(text) = self.wire.receive(deadline)? {
            if !text.starts_with("SIP/2.0 ") {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Answers `request` with 200 (RFC 3261 §8.2.6.2).
    pub fn answer(&mut self, request: &str) -> Result<()> {
        let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let lines = request.split_inclusive("\r\n");
        let head: String = lines
            .filter(|line| copied.iter().any(|name| line.starts_with(name)))
            .collect();
        self.send(format!("SIP/2.0 200 OK\r\n{head}Content-Length: 0\r\n\r\n"))
    }

    /// A whole call to `user`: INVITE, 200, ACK, BYE, 200.
    pub fn call(&mut self, user: &str) -> Result<()> {
        self.send(self.invite(user))?;
        let response = self.expect(200)?;
        self.acknowledge(&response)?;
        self.hang_up(&response)
    }

    /// Sends the ACK of the 2xx `response`.
    pub fn acknowledge(&mut self, response: &Response) -> Result<()> {
        self.send(self.within("ACK", 1, response)?)
    }

    /// BYE and its 200, in the dialog that `response` established.
    pub fn hang_up(&mut self, response: &Response) -> Result<()> {
        self.send(self.within("BYE", 2, response)?)?;
        self.expect(200).map(drop)
    }

    /// An INVITE to `user` with an offer of PCMU.
    pub fn invite(&self, user: &str) -> String {
        let host = self.local.ip();
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        );
        let uri = format!("sip:{user}@{}", self.server);
        let head = self.head(
            "INVITE",
            1,
            &uri,
            &format!("<{uri}>"),
            &format!("{}@interop", next_number()),
        );
        format!(
            "{head}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
            offer.len()
        )
    }

    /// An OPTIONS to the server itself.
    pub fn options(&self) -> String {
        let uri = format!("sip:{}", self.server);
        let call_id = format!("{}@interop", next_number());
        let head = self.head("OPTIONS", 1, &uri, &format!("<{uri}>"), &call_id);
        format!("{head}Content-Length: 0\r\n\r\n")
    }

    /// A request in the dialog that `response` established (RFC 3261 §12.2.1.1).
    fn within(&self, method: &str, cseq: u32, response: &Response) -> Result<String> {
        let to = response.header("To")?;
        let call_id = response.header("Call-ID")?;
        let contact = response.header("Contact")?;
        let target = contact
            .split(['<', '>'])
            .nth(1)
            .with_context(|| format!("no <URI> in Contact {contact:?}"))?;
        Ok(format!(
            "{}Content-Length: 0\r\n\r\n",
            self.head(method, cseq, target, to, call_id)
        ))
    }

    fn head(&self, method: &str, cseq: u32, uri: &str, to: &str, call_id: &str) -> String {
        let local = self.local;
        let transport = self.wire.transport();
        let branch = next_number();
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:caller@{local}>;tag=caller\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:caller@{local};transport={transport}>\r\n"
        )
    }
}

impl Response {
    /// The status code; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        self.text
            .strip_prefix("SIP/2.0 ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    }

    /// The value of the first header line named `name`, in the long form.
    ///
    /// # Errors
    /// There is none.
    pub fn header(&self, name: &str) -> Result<&str> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let found = fields.find(|(found, _)| found.trim().eq_ignore_ascii_case(name));
        let (_, value) = found.with_context(|| format!("no {name} in\n{}", self.text))?;
        Ok(value.trim())
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn next_number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

const ANSWER: Duration = Duration::from_mins(1);
