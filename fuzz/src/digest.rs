//! Challenges: a request of ours is refused with what the octets say, and goes out again with credentials or ends.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use offhook_core::message::{HeaderName, Message, Method, Request, Text, parse};
use offhook_core::{
    Channel, Config, Credentials, Event, Flow, Input, OutgoingRequest, Output, Transport,
    UserAgentCore,
};

/// Each line is a challenge.
pub(crate) fn run(octets: &[u8]) {
    let now = Instant::now();
    let mut core = UserAgentCore::new(now, Config::default(), [7; 32]);
    let uri = "sip:bob@example.com".parse().expect("a URI");
    let from = "sip:alice@example.com".parse().expect("a URI");
    let alice = Text::from_static("al\"i\\ce");
    let mut request = OutgoingRequest::new(vec![FLOW], from, uri);
    request.call_id = Some(Text::from_static("call"));
    let request = request.with_credentials(Credentials::password(alice, "secret"));
    let sent = core.request(now, Method::Message, request);
    assert!(sent.is_ok());
    for _ in 0..3 {
        let Some(request) = sent_request(&mut core) else {
            return;
        };
        let Some(message) = refusal(&request, octets) else {
            return;
        };
        core.handle(
            now,
            Input::Message {
                flow: FLOW,
                message,
            },
        );
    }
    panic!("the same credentials are tried for ever");
}

/// The request that went out, if one did.
fn sent_request(core: &mut UserAgentCore) -> Option<Request> {
    let mut sent = None;
    while let Some(output) = core.poll() {
        match output {
            Output::Transmit(transmit) => {
                let Ok(Message::Request(request)) = parse(transmit.bytes) else {
                    panic!("no request");
                };
                for field in request.headers().all(HeaderName::Authorization) {
                    let value = std::str::from_utf8(field.value).expect("UTF-8");
                    assert!(value.starts_with("Digest "));
                    assert!(!value.contains("secret"));
                    assert!(value.matches('"').count() >= 8, "{value}");
                }
                sent = Some(request);
            }
            Output::Event(Event::Response { .. }) => return None,
            other => panic!("{other:?}"),
        }
    }
    sent
}

/// A 401 with a challenge for each line.
fn refusal(request: &Request, octets: &[u8]) -> Option<Message> {
    let mut text = b"SIP/2.0 401 Unauthorized\r\n".to_vec();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        for field in request.headers().named(name) {
            text.extend_from_slice(field.line);
            text.extend_from_slice(b"\r\n");
        }
    }
    for line in octets.split(|octet| *octet == b'\n') {
        text.extend_from_slice(b"WWW-Authenticate: Digest ");
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    parse(Bytes::from(text)).ok()
}

const FLOW: Flow = Flow {
    transport: Transport::Udp,
    channel: Channel(0),
    local: SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        5060,
    ),
    remote: SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)),
        5060,
    ),
};
