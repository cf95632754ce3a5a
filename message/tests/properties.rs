//! What holds for all input.

use bytes::Bytes;
use offhook_message::{
    Body, Contact, Frame, Framer, HeaderName, Headers, Malformed, Message, MessageWriter, Method,
    ReferTo, Replaces, Request, StatusCode, Text, Uri, UriBuf, parse,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_octets_are_no_danger(octets in vec(any::<u8>(), 0..400)) {
        parse_and_read_all(&octets);
        let _ = Uri::parse(&octets);
    }

    #[test]
    fn arbitrary_headers_are_no_danger(lines in vec((select(HEADERS), value()), 0..12)) {
        let mut text = b"INVITE sip:a SIP/2.0\r\n".to_vec();
        for (name, value) in lines {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(&value);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        parse_and_read_all(&text);
    }

    #[test]
    fn mutated_messages_are_no_danger(message in select(messages()), mutations in vec(mutation(), 1..8)) {
        let octets = mutate(message.to_vec(), &mutations);
        parse_and_read_all(&octets);
    }

    #[test]
    fn what_is_written_can_be_read(
        code in 100_u16..700,
        headers in vec((select(KNOWN), any::<String>()), 0..20),
        content in vec(any::<u8>(), 0..200),
    ) {
        let status = StatusCode::new(code).unwrap();
        let mut writer = MessageWriter::response(status, None);
        for (name, value) in &headers {
            writer.header(*name, value);
        }
        let body = Body::new("application/octet-stream", content.clone()).unwrap();
        let bytes = writer.body(&body);
        let Ok(Message::Response(response)) = parse(bytes.clone()) else {
            panic!("{}", bytes.escape_ascii());
        };
        prop_assert_eq!(response.status(), status);
        prop_assert_eq!(response.reason_phrase(), status.reason_phrase().as_bytes());
        prop_assert_eq!(response.body(), &content);
        prop_assert_eq!(response.as_bytes(), &bytes);
        let read: Vec<_> = response.headers().iter().take(headers.len()).map(|field| (field.name, field.value)).collect();
        let on_one_line: Vec<_> = headers.iter().map(|(name, value)| (*name, value.replace(['\r', '\n', '\0'], " "))).collect();
        let written: Vec<_> =
            on_one_line.iter().map(|(name, value)| (*name, value.trim_matches([' ', '\t']).as_bytes())).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_method_and_uri_can_be_asked_for(method in "[A-Za-z0-9.!%*_+`'~-]{1,20}", user in "[a-z0-9;?/+]{1,20}", port in any::<u16>()) {
        let method = Method::parse(method.as_bytes()).unwrap();
        let uri: UriBuf = format!("sip:{user}@example.com:{port}").parse().unwrap();
        let Ok(Message::Request(request)) = parse(MessageWriter::request(&method, &uri).finish()) else {
            panic!("{method} {uri}");
        };
        prop_assert_eq!(request.method(), &method);
        prop_assert_eq!(UriBuf::from(request.uri().unwrap()), uri);
    }

    #[test]
    fn a_text_never_ends_its_line(text in any::<String>()) {
        let has_control = text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
        prop_assert_eq!(Text::new(text).is_err(), has_control);
    }

    /// What a Replaces says comes through the escapes of a Refer-To URI, and what does not come through is refused.
    #[test]
    fn what_is_replaced_goes_through_a_refer_to(
        call_id in "[!-~&&[^;,]]{1,40}", to_tag in "[a-z0-9.!%*_+`'~-]{1,20}", from_tag in "[a-z0-9.!%*_+`'~-]{1,20}", early_only: bool,
    ) {
        let flag = if early_only { ";early-only" } else { "" };
        let value = format!("{call_id};to-tag={to_tag};from-tag={from_tag}{flag}");
        let replaces = Replaces::parse(value.as_bytes()).unwrap();
        prop_assert_eq!(replaces.to_string(), value);
        let refer_to = "sip:bob@192.0.2.4;transport=tcp".parse::<ReferTo>().unwrap().replacing(&replaces);
        prop_assert_eq!(refer_to.target().to_string(), "sip:bob@192.0.2.4;transport=tcp");
        prop_assert_eq!(refer_to.replaces(), Ok(Some(replaces)));
    }

    #[test]
    fn any_escapes_in_a_refer_to_are_no_danger(octets in vec(any::<u8>(), 0..40)) {
        let escaped = octets.iter().fold(String::new(), |text, octet| format!("{text}%{octet:02x}"));
        let refer_to: ReferTo = format!("sip:bob@192.0.2.4?Replaces={escaped}").parse().unwrap();
        if let Ok(Some(replaces)) = refer_to.replaces() {
            prop_assert!(!replaces.to_string().contains(['\r', '\n']));
        }
    }

    #[test]
    fn chunks_make_no_difference(
        parts in vec(select(stream_parts()), 1..8),
        mutations in vec(mutation(), 0..3),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let stream = mutate(parts.concat(), &mutations);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let octets: Vec<_> = stream.chunks(1).collect();
        let whole = frames(&[&stream]);
        prop_assert_eq!(&whole, &frames(&chunks));
        prop_assert_eq!(&whole, &frames(&octets));
    }
}

fn parse_and_read_all(octets: &[u8]) {
    match parse(Bytes::copy_from_slice(octets)) {
        Ok(message) => {
            let start = octets
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            assert!(octets[start..].starts_with(message.as_bytes()));
            read_all(message.headers());
            if let Message::Request(request) = &message {
                read_uri(request.uri().ok());
            }
        }
        Err(malformed) => {
            if let Some(request) = malformed.request {
                read_all(request.headers());
                read_uri(request.uri().ok());
            }
        }
    }
}

fn read_all(headers: &Headers) {
    assert!(headers.iter().count() <= 256);
    let _ = (
        headers.call_id(),
        headers.cseq(),
        headers.max_forwards(),
        headers.content_length(),
        headers.expires(),
    );
    let _ = (
        headers.rack(),
        headers.rseq(),
        headers.date(),
        headers.timestamp(),
        headers.content_disposition(),
    );
    let _ = (headers.retry_after(), headers.content_type());
    for address in [headers.from(), headers.to()].into_iter().flatten() {
        let _ = (
            address.tag(),
            address.display_name.map(|name| name.to_string()),
        );
        read_uri(Some(address.uri));
    }
    for via in headers.vias().flatten() {
        let _ = (
            via.branch(),
            via.received(),
            via.rport(),
            via.maddr(),
            via.ttl(),
        );
        assert!(!via.sent_by.is_empty());
    }
    for contact in headers.contacts().flatten() {
        let _ = (contact.q(), contact.expires());
        read_uri(contact.address().map(|address| address.uri));
        assert!(matches!(contact, Contact::Star) == contact.address().is_none());
    }
    let _ = (
        headers.routes().count(),
        headers.record_routes().count(),
        headers.accept().count(),
    );
    let _ = (
        headers.require().count(),
        headers.proxy_require().count(),
        headers.unsupported().count(),
    );
    let _ = (
        headers.supported().count(),
        headers.allow().count(),
        headers.reasons().count(),
    );
    let _ = (
        headers.event(),
        headers.subscription_state(),
        headers.refer_sub(),
    );
    let _ = (headers.referred_by(), headers.replaces());
    if let Ok(refer_to) = headers.refer_to() {
        let _ = (refer_to.is_invite(), refer_to.replaces());
        read_uri(Some(refer_to.target().as_uri()));
    }
    let _ = (
        headers.content_encodings().count(),
        headers.content_languages().count(),
    );
}

fn read_uri(uri: Option<Uri<'_>>) {
    let Some(uri) = uri else {
        return;
    };
    assert!(uri.equivalent(&uri));
    assert_eq!(UriBuf::from(uri).as_bytes(), uri.as_bytes());
    if let Some(sip) = uri.as_sip() {
        let _ = (
            sip.user_unescaped(),
            sip.transport(),
            sip.maddr(),
            sip.lr(),
            sip.ttl(),
            sip.method(),
            sip.user_param(),
        );
    }
}

/// The octets of the frames, without the pongs that halves of pings are taken for.
fn frames(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(8_000);
    let mut seen = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Pong)) => {}
                Ok(Some(Frame::Ping)) => seen.push(b"ping".to_vec()),
                Ok(Some(Frame::Message(message))) => seen.push(message.as_bytes().to_vec()),
                Ok(Some(Frame::Malformed(malformed))) => seen.push(remains(&malformed)),
                Ok(None) => break,
                Err(error) => {
                    seen.push(remains(&error.malformed));
                    return seen;
                }
            }
        }
    }
    seen
}

fn remains(malformed: &Malformed) -> Vec<u8> {
    let mut octets = malformed.defect.to_string().into_bytes();
    octets.extend(malformed.request.iter().flat_map(Request::as_bytes));
    octets
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Mutation::Replace(at, octet)),
        (any::<Index>(), select(FRAGMENTS))
            .prop_map(|(at, fragment)| Mutation::Insert(at, fragment)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Mutation::Repeat(at, length)),
    ]
}

fn mutate(octets: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    let mut octets = octets;
    for mutation in mutations {
        let length = octets.len();
        if length == 0 {
            return octets;
        }
        match mutation {
            Mutation::Replace(at, octet) => octets[at.index(length)] = *octet,
            Mutation::Insert(at, fragment) => {
                let at = at.index(length);
                octets.splice(at..at, fragment.iter().copied());
            }
            Mutation::Remove(at, count) => {
                let at = at.index(length);
                octets.drain(at..length.min(at + count));
            }
            Mutation::Repeat(at, count) => {
                let at = at.index(length);
                octets.extend_from_within(at..length.min(at + count));
            }
        }
    }
    octets
}

/// Octets that mean something to a parser.
fn value() -> impl Strategy<Value = Vec<u8>> {
    vec(select(FRAGMENTS), 0..12).prop_map(|fragments| fragments.concat())
}

/// All messages of the torture tests.
fn messages() -> Vec<Bytes> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join("torture");
    let messages: Vec<_> = ["rfc4475", "rfc5118"]
        .iter()
        .flat_map(|rfc| std::fs::read_dir(directory.join(rfc)).unwrap())
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap().into())
        .collect();
    assert_eq!(messages.len(), 62);
    messages
}

/// Messages that a stream can carry, and keep-alives.
fn stream_parts() -> Vec<Bytes> {
    let mut parts = messages();
    parts.retain(|bytes| {
        parse(bytes.clone())
            .is_ok_and(|message| message.headers().contains(HeaderName::ContentLength))
    });
    parts.extend(["\r\n", "\r\n\r\n", "\n"].map(Bytes::from));
    parts
}

const HEADERS: &[&str] = &[
    "Via",
    "From",
    "t",
    "m",
    "Route",
    "Call-ID",
    "CSeq",
    "Content-Type",
    "Content-Length",
    "Content-Disposition",
    "Date",
    "Retry-After",
    "Reason",
    "RAck",
    "RSeq",
    "Timestamp",
    "Accept",
    "Allow",
    "Require",
    "Expires",
    "Max-Forwards",
    "Refer-To",
    "Referred-By",
    "Refer-Sub",
    "Replaces",
    "Event",
    "Subscription-State",
];

const KNOWN: &[HeaderName] = &[
    HeaderName::Subject,
    HeaderName::Server,
    HeaderName::Warning,
    HeaderName::Contact,
    HeaderName::Via,
    HeaderName::To,
];

const FRAGMENTS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b" ",
    b"\t",
    b",",
    b";",
    b"=",
    b":",
    b"\"",
    b"\\",
    b"<",
    b">",
    b"@",
    b"?",
    b"[",
    b"]",
    b"(",
    b")",
    b"/",
    b"%",
    b"%41",
    b"*",
    b"\0",
    b"\xff",
    b"sip:",
    b"tel:+1",
    b"a",
    b"example.com",
    b"[::1]",
    b"192.0.2.1",
    b"SIP/2.0/UDP ",
    b"SIP/2.0",
    b"INVITE",
    b"1",
    b"4294967296",
    b"18446744073709551616",
    b"tag",
    b"branch",
    b"rport",
    b"lr",
    b";q=0.5",
    b"Content-Length: 5\r\n",
    b"l: -1\r\n",
    b"GMT",
    b"application/sdp",
    b"?Replaces=",
    b"to-tag=1",
    b"from-tag=1",
];
