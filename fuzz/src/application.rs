//! What an application passes: whatever it is, nothing but one whole message of the wanted shape leaves.

use std::time::Instant;

use bytes::Bytes;
use offhook_core::message::{
    Body, Header, HeaderName, Headers, Message, Method, Provisional, Redirection, Rejection,
    Success, Text, UriBuf, parse,
};
use offhook_core::{
    Address, Config, ContactTarget, Credentials, Event, Input, InviteId, OutgoingRequest, Output,
    RegistrationOptions, ResponseOptions, SessionId, Tag, Transport, UserAgentCore,
};

use crate::core::flow;
use crate::dice::Dice;

pub(crate) fn run(octets: &[u8]) {
    let mut dice = Dice::new(octets);
    let config = Config {
        user_agent: text(&mut dice),
        methods: method(&mut dice).into_iter().collect(),
        info_packages: text(&mut dice).into_iter().collect(),
        ..Config::default()
    };
    let now = Instant::now();
    let mut run = Run {
        core: UserAgentCore::new(now, config, [7; 32]),
        now,
        extra: Vec::new(),
        bodies: vec![Bytes::new()],
        sent: Vec::new(),
        invite: None,
    };
    if dice.is_rare(2) {
        run.ask(&mut dice);
    } else {
        run.answer(&mut dice);
    }
}

struct Run {
    core: UserAgentCore,
    now: Instant,
    /// The names of the headers that the application passed.
    extra: Vec<String>,
    /// The bodies that it passed, and none.
    bodies: Vec<Bytes>,
    sent: Vec<Message>,
    invite: Option<InviteId>,
}

impl Run {
    /// Requests outside of a dialog.
    fn ask(&mut self, dice: &mut Dice<'_>) {
        let mut request =
            OutgoingRequest::new(vec![flow(Transport::Udp)], address(dice), address(dice));
        request.call_id = text(dice);
        request.contact_user = text(dice);
        request.routes = (0..dice.below(3)).map(|_| uri(dice)).collect();
        request.extra_headers = self.headers(dice);
        request.body = self.body(dice);
        if let Some(username) = text(dice) {
            request = request.with_credentials(Credentials::password(username, "secret"));
        }
        let _ = match dice.below(3) {
            0 => self.core.invite(self.now, request).map(drop),
            1 => method(dice).map_or(Ok(()), |it| {
                self.core.request(self.now, it, request).map(drop)
            }),
            _ => {
                let mut options = RegistrationOptions::new(request);
                options.instance = Some(uri(dice));
                options.reg_id = Some(1);
                self.core.register(self.now, options).map(drop)
            }
        };
        self.drain();
        self.challenge();
    }

    /// The same again with credentials.
    fn challenge(&mut self) {
        let Some(Message::Request(request)) = self.sent.first() else {
            return;
        };
        let mut text = b"SIP/2.0 401 Unauthorized\r\n".to_vec();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for field in request.headers().named(name) {
                text.extend_from_slice(field.line);
                text.extend_from_slice(b"\r\n");
            }
        }
        text.extend_from_slice(b"WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\r\n");
        self.receive(text.into());
    }

    /// An INVITE comes, is answered, and its session is used.
    fn answer(&mut self, dice: &mut Dice<'_>) {
        self.receive(Bytes::from_static(INVITE));
        let Some(invite) = self.invite else {
            return;
        };
        let session = self.answer_invite(dice, invite);
        self.drain();
        let Some(session) = session else {
            return;
        };
        if let Some(tag) = self.to_tag() {
            self.receive(ACK.replace("TAG", &tag).into());
        }
        let (headers, body, method) = (self.headers(dice), self.body(dice), method(dice));
        if let Some(mut session) = self.core.session(self.now, session) {
            let _ = method.map(|method| session.request(method, &headers, body.as_ref()));
            session.bye(headers);
        }
        self.drain();
    }

    fn answer_invite(&mut self, dice: &mut Dice<'_>, invite: InviteId) -> Option<SessionId> {
        let which = dice.below(4);
        let (headers, body) = (self.headers(dice), self.body(dice));
        let contact = ContactTarget {
            uri: uri(dice),
            q: None,
        };
        let mut server = self.core.invite_server(self.now, invite)?;
        match which {
            0 => {
                let options = options(dice, Provisional::RINGING, headers, body);
                server.progress(options).ok().map(|sent| sent.session)
            }
            1 => {
                let options = options(dice, Success::OK, headers, body);
                server.accept(options).ok().map(|sent| sent.session)
            }
            2 => {
                let _ = server.reject(options(dice, Rejection::BUSY_HERE, headers, body));
                None
            }
            _ => {
                let status = Redirection::MOVED_TEMPORARILY;
                let _ = server.redirect(&[contact], options(dice, status, headers, body));
                None
            }
        }
    }

    fn receive(&mut self, bytes: Bytes) {
        let message = parse(bytes).expect("a message");
        let flow = flow(Transport::Udp);
        self.core.handle(self.now, Input::Message { flow, message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => self.check(&transmit.bytes),
                Output::Event(Event::Invite(invite)) => self.invite = Some(invite),
                Output::Resolve(_) | Output::Event(_) => {}
            }
        }
    }

    fn check(&mut self, bytes: &Bytes) {
        let shown = bytes.escape_ascii();
        let message = parse(bytes.clone()).unwrap_or_else(|it| panic!("{it}: {shown}"));
        let headers = message.headers();
        let head = &bytes[..bytes.len() - message.body().len()];
        assert!(is_clean(head), "{shown}");
        assert!(self.bodies.iter().any(|it| it == message.body()), "{shown}");
        for name in SINGLE {
            let count = headers.all(*name).count();
            let is_once = count == 1 || count == 0 && *name == HeaderName::MaxForwards;
            assert!(is_once, "{count} {name}: {shown}");
        }
        for field in headers.all(HeaderName::Other) {
            let name = std::str::from_utf8(field.raw_name()).expect("a token");
            assert!(self.extra.iter().any(|it| it == name), "{name}: {shown}");
        }
        assert!(are_readable(headers), "{shown}");
        if let Message::Request(request) = &message {
            let uri = request.uri().expect("a URI");
            assert!(uri.as_sip().is_none_or(|uri| uri.headers.is_none()));
        }
        self.sent.push(message);
    }

    fn to_tag(&self) -> Option<String> {
        let tag = self.sent.last()?.headers().to_tag()?;
        Some(String::from_utf8_lossy(tag).into_owned())
    }

    fn headers(&mut self, dice: &mut Dice<'_>) -> Vec<Header> {
        let count = dice.below(3);
        let headers = (0..count).filter_map(|_| Header::new(&string(dice), &string(dice)).ok());
        let headers: Vec<_> = headers.collect();
        self.extra
            .extend(headers.iter().map(|it| it.name().to_owned()));
        headers
    }

    fn body(&mut self, dice: &mut Dice<'_>) -> Option<Body> {
        let content = Bytes::copy_from_slice(dice.octets());
        let body = Body::new(&string(dice), content.clone()).ok()?;
        self.bodies.push(content);
        Some(match text(dice) {
            Some(disposition) => body.with_disposition(disposition),
            None => body,
        })
    }
}

fn options<S: Default>(
    dice: &mut Dice<'_>,
    status: S,
    headers: Vec<Header>,
    body: Option<Body>,
) -> ResponseOptions<S> {
    ResponseOptions {
        reason_phrase: text(dice),
        extra_headers: headers,
        body,
        user_agent: text(dice),
        supported: text(dice),
        to_tag: Tag::new(&string(dice)),
        ..ResponseOptions::new(status)
    }
}

fn is_clean(head: &[u8]) -> bool {
    let lines = head.split(|octet| *octet == b'\n');
    let mut lines: Vec<_> = lines.collect();
    lines.pop().is_some_and(<[u8]>::is_empty)
        && lines.iter().all(|line| {
            line.split_last().is_some_and(|(last, text)| {
                let is_text = |octet: &u8| !octet.is_ascii_control() || *octet == b'\t';
                *last == b'\r' && text.iter().all(is_text)
            })
        })
}

fn are_readable(headers: &Headers) -> bool {
    headers.via().is_ok()
        && headers.from().is_ok()
        && headers.to().is_ok()
        && headers.call_id().is_ok()
        && headers.cseq().is_ok()
        && headers.max_forwards().is_ok()
}

fn address(dice: &mut Dice<'_>) -> Address {
    Address {
        display_name: text(dice),
        uri: uri(dice),
    }
}

fn uri(dice: &mut Dice<'_>) -> UriBuf {
    let parsed = UriBuf::parse(dice.octets());
    parsed.unwrap_or_else(|_| "sip:alice@example.com".parse().expect("a URI"))
}

fn method(dice: &mut Dice<'_>) -> Option<Method> {
    Method::parse(dice.octets())
}

fn text(dice: &mut Dice<'_>) -> Option<Text> {
    Text::new(string(dice)).ok()
}

fn string(dice: &mut Dice<'_>) -> String {
    String::from_utf8_lossy(dice.octets()).into_owned()
}

const SINGLE: &[HeaderName] = &[
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
];

const INVITE: &[u8] = b"INVITE sip:bob@192.0.2.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-1\r\n\
    From: <sip:alice@example.com>;tag=alice\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: call\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:alice@192.0.2.2>\r\n\
    Content-Length: 0\r\n\r\n";

const ACK: &str = "ACK sip:bob@192.0.2.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-2\r\n\
    From: <sip:alice@example.com>;tag=alice\r\n\
    To: <sip:bob@example.com>;tag=TAG\r\n\
    Call-ID: call\r\n\
    CSeq: 1 ACK\r\n\
    Content-Length: 0\r\n\r\n";
