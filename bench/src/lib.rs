//! Calls without a network, to measure what they cost: INVITE, 180, 200, ACK, BYE, 200.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    reason = "a measurement that breaks off has said why"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::message::{
    Body, HeaderError, HeaderName, Message, MessageWriter, Provisional, Request, StatusCode, parse,
};
use offhook_core::{
    Channel, Config, Event, Flow, Input, InviteId, Output, SessionId, Transport, UserAgentCore,
};

/// A server and the callers it hears of.
pub struct Exchange {
    /// The server.
    pub core: UserAgentCore,
    now: Instant,
    answer: Body,
    invite: Option<InviteId>,
    session: Option<SessionId>,
    response: Bytes,
}

impl Exchange {
    /// A server without calls.
    pub fn new() -> Self {
        let mut config = Config::default();
        config.limits.sessions = usize::MAX;
        config.limits.invites = usize::MAX;
        config.limits.transactions = usize::MAX;
        config.limits.octets = usize::MAX;
        Self {
            core: UserAgentCore::new(config, [7; 32]),
            now: Instant::now(),
            answer: Body::sdp(DESCRIPTION),
            invite: None,
            session: None,
            response: Bytes::new(),
        }
    }

    /// The call of that number from its INVITE to the 200 of its BYE.
    pub fn call(&mut self, number: usize) {
        let tag = self.establish(number);
        self.receive(request("BYE", number, &tag));
        assert!(self.response.starts_with(b"SIP/2.0 200"));
    }

    /// The call of that number from its INVITE to its ACK. Gives the tag of the callee.
    pub fn establish(&mut self, number: usize) -> String {
        self.ring(number);
        let invite = self.invite.take().expect("it rings");
        let server = self.core.invite_server(self.now, invite);
        let accepted = server.expect("a call").accept(self.answer.clone());
        drop(accepted.expect("it is accepted"));
        self.drain();
        let text = std::str::from_utf8(&self.response).expect("text");
        let tag = text.split(";tag=").nth(2).and_then(|it| it.lines().next());
        let tag = tag.expect("a tag").to_owned();
        self.receive(request("ACK", number, &tag));
        tag
    }

    /// The call of that number from its INVITE to the 180.
    pub fn ring(&mut self, number: usize) {
        self.receive(invite(number));
        let server = self
            .core
            .invite_server(self.now, self.invite.expect("a call"));
        let rung = server.expect("a call").progress(Provisional::RINGING);
        drop(rung.expect("it rings"));
        self.drain();
    }

    /// Lets time pass, so that transactions are forgotten.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.core.handle(self.now, Input::Timeout);
        self.drain();
    }

    /// The session of the last call.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    fn receive(&mut self, message: Bytes) {
        self.now += Duration::from_micros(100);
        let message: Message = parse(message).expect("a message");
        let flow = flow();
        self.core.handle(self.now, Input::Message { flow, message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => self.response = transmit.bytes,
                Output::Event(Event::Invite(invite)) => self.invite = Some(invite),
                Output::Event(Event::Confirmed { session, .. }) => self.session = Some(session),
                Output::Event(_) | Output::Resolve(_) => {}
            }
        }
        let _ = self.core.timeout();
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

/// An INVITE of 1.1 kB as telephones send it.
pub fn invite(number: usize) -> Bytes {
    let head = head("INVITE", number, "<sip:bob@192.0.2.1>", 1);
    let further = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER\r\n\
        Supported: replaces, timer, path, outbound\r\n\
        User-Agent: Telephone 1.0 (model 42; release 7)\r\n\
        Session-Expires: 1800\r\nMin-SE: 90\r\n\
        Accept: application/sdp, application/dtmf-relay\r\n\
        Accept-Language: en\r\nPrivacy: none\r\n\
        P-Access-Network-Info: IEEE-EUI-48;eui-48-addr=00-00-5e-00-53-01\r\n\
        Allow-Events: talk, hold, conference, refer\r\n\
        P-Preferred-Identity: \"Alice\" <sip:alice@192.0.2.2>\r\n\
        Content-Type: application/sdp\r\n";
    let length = DESCRIPTION.len();
    format!("{head}{further}Content-Length: {length}\r\n\r\n{DESCRIPTION}").into()
}

/// Reads what every server asks of a request. Gives how much that is.
///
/// # Errors
/// One of the headers is malformed.
pub fn read_top_headers(request: &Request) -> Result<usize, HeaderError> {
    let headers = request.headers();
    let via = headers.via()?;
    let branch = via.branch().map_or(0, <[u8]>::len);
    let tags = [headers.from()?.tag(), headers.to()?.tag()];
    let tags = tags.into_iter().flatten().map(<[u8]>::len).sum::<usize>();
    let contacts = headers.contacts().flatten().count();
    let hops = headers.max_forwards()?.map_or(0, usize::from);
    let number = headers.cseq()?.number as usize;
    let uri = request.uri().map_or(0, |uri| uri.as_bytes().len());
    Ok(branch + tags + contacts + hops + number + uri + headers.call_id()?.len())
}

/// The 180 to a request, without what makes a dialog.
pub fn response(request: &Request) -> Bytes {
    let mut writer = MessageWriter::response(StatusCode::RINGING, None);
    for name in COPIED {
        for field in request.headers().all(name) {
            writer.copy(field);
        }
    }
    writer.finish()
}

fn request(method: &str, number: usize, tag: &str) -> Bytes {
    let to = format!("<sip:bob@192.0.2.1>;tag={tag}");
    let cseq = if method == "ACK" { 1 } else { 2 };
    let head = head(method, number, &to, cseq);
    format!("{head}Content-Length: 0\r\n\r\n").into()
}

fn head(method: &str, number: usize, to: &str, cseq: u32) -> String {
    format!(
        "{method} sip:bob@192.0.2.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK-{number:08}-{method}\r\n\
        Max-Forwards: 70\r\n\
        From: \"Alice\" <sip:alice@192.0.2.2>;tag=tag-{number:08}\r\n\
        To: {to}\r\n\
        Call-ID: {number:08}-7c2e4d1f9a8b@192.0.2.2\r\n\
        CSeq: {cseq} {method}\r\n\
        Contact: <sip:alice@192.0.2.2:5060;transport=udp>\r\n"
    )
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        channel: Channel(1),
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 2], 5060).into(),
    }
}

/// What a response repeats of its request ([RFC 3261 §8.2.6.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6.2)).
const COPIED: [HeaderName; 5] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

const DESCRIPTION: &str = "v=0\r\n\
    o=alice 2890844526 2890844526 IN IP4 192.0.2.2\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.2\r\n\
    t=0 0\r\n\
    m=audio 49170 RTP/AVP 8 0 9 101\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n";
