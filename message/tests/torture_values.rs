//! What is read from the torture messages whose values `torture.rs` leaves aside, and that their parts are all of them.

use bytes::Bytes;
use offhook_message::{
    Defect, HeaderErrorKind, HeaderName, Headers, Host, Message, Method, Request, Response, parse,
};
use std::net::Ipv6Addr;
use std::path::Path;

/// The start line, the header lines and the body, one behind the other, are the message again.
#[test]
fn the_parts_of_a_message_are_all_of_it() {
    let mut count = 0;
    for rfc in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(directory().join(rfc)).unwrap() {
            let Ok(message) = parse(std::fs::read(entry.unwrap().path()).unwrap().into()) else {
                continue;
            };
            let mut printed = match &message {
                Message::Request(request) => [
                    request.method().as_str().as_bytes(),
                    b" ",
                    request.uri_bytes(),
                    b" SIP/2.0\r\n",
                ]
                .concat(),
                Message::Response(response) => [
                    format!("SIP/2.0 {} ", response.status()).as_bytes(),
                    response.reason_phrase(),
                    b"\r\n",
                ]
                .concat(),
            };
            for field in message.headers().iter() {
                printed.extend_from_slice(field.line);
                printed.extend_from_slice(b"\r\n");
            }
            printed.extend_from_slice(b"\r\n");
            printed.extend_from_slice(message.body());
            let (printed, message) = (printed.escape_ascii(), message.as_bytes().escape_ascii());
            assert_eq!(printed.to_string(), message.to_string());
            count += 1;
        }
    }
    assert_eq!(count, 51);
}

#[test]
fn responses() {
    let unreason = response("unreason");
    assert_eq!(unreason.status().as_u16(), 200);
    let phrase = "= 2**3 * 5**2 но сто девяносто девять - простое";
    assert_eq!(unreason.reason_phrase(), phrase.as_bytes());
    let noreason = response("noreason");
    assert_eq!(noreason.status().as_u16(), 100);
    assert_eq!(noreason.reason_phrase(), b"");

    let scalarlg = response("scalarlg");
    let headers = scalarlg.headers();
    assert_eq!(kind(headers.cseq().err()), HeaderErrorKind::Malformed);
    assert!(headers.retry_after().is_err());

    let bcast = response("bcast");
    let hosts: Vec<_> = bcast
        .headers()
        .vias()
        .map(|via| via.unwrap().host.to_string())
        .collect();
    assert_eq!(hosts, ["192.0.2.198", "255.255.255.255"]);
}

#[test]
fn what_is_malformed_is_found_where_it_is() {
    let badinv01 = request("badinv01");
    assert!(badinv01.headers().via().is_err());
    assert!(badinv01.headers().contacts().any(|it| it.is_err()));
    let sender = badinv01.headers().via_to_sent_by().unwrap();
    assert_eq!(sender.sent_by, b"192.0.2.15");

    for (name, read) in [
        ("quotbal", to_is_bad as fn(&Headers) -> bool),
        ("badaspec", to_is_bad),
        ("regbadct", |it| it.contacts().any(|it| it.is_err())),
        ("scalar02", |it| {
            it.cseq().is_err() && it.max_forwards().is_err() && it.expires().is_err()
        }),
        ("insuf", |it| {
            [it.from().is_err(), it.to().is_err(), it.call_id().is_err()] == [true; 3]
        }),
    ] {
        assert!(read(request(name).headers()), "{name}");
    }
    let baddn = parse(bytes("baddn")).unwrap_err();
    assert_eq!(baddn.defect, Defect::HeadTruncated);
    assert!(to_is_bad(baddn.request.unwrap().headers()));
    for (name, method) in [
        ("mismatch01", Method::Invite),
        ("mismatch02", Method::Invite),
    ] {
        let request = request(name);
        assert_eq!(request.headers().cseq().unwrap().method, method);
        assert_ne!(*request.method(), method, "{name}");
    }
}

#[test]
fn addresses_and_types() {
    let lwsdisp = request("lwsdisp");
    let from = lwsdisp.headers().from().unwrap();
    assert_eq!(from.display_name.unwrap().as_bytes(), b"caller");
    assert_eq!(from.uri_bytes(), b"sip:caller@example.com");

    let escruri = request("escruri");
    let uri = escruri.uri().unwrap();
    let escaped = uri.as_sip().unwrap().headers;
    assert_eq!(escaped, Some(&b"Route=%3Csip:example.com%3E"[..]));
    assert_eq!(escruri.headers().routes().count(), 0);

    let invut = request("invut");
    let media_type = invut.headers().content_type().unwrap().unwrap();
    assert!(media_type.is("application", "unknownformat"));
    let sdp01 = request("sdp01");
    let accepted: Vec<_> = sdp01.headers().accept().map(Result::unwrap).collect();
    assert!(!accepted[0].includes("application", "sdp"));

    let regaut01 = request("regaut01");
    let authorization = regaut01.headers().raw(HeaderName::Authorization);
    let opaque = &b"NoOneKnowsThisScheme opaque-data=here"[..];
    assert_eq!(authorization, Some(opaque));
}

#[test]
fn addresses_of_both_families() {
    let ipv6_in_sdp = request("ipv6-in-sdp");
    let sent_by = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x20);
    assert_eq!(ipv6_in_sdp.headers().via().unwrap().host, Host::V6(sent_by));
    let description = ipv6_in_sdp.session_description().unwrap();
    assert!(
        description.starts_with(b"v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20")
    );

    let mult_ip_in_header = request("mult-ip-in-header");
    let sent_by: Vec<_> = mult_ip_in_header
        .headers()
        .vias()
        .map(|via| via.unwrap().sent_by.to_vec())
        .collect();
    let expected = [
        &b"[2001:db8::9:1]:6050"[..],
        b"192.0.2.1",
        b"[2001:db8::9:255]",
    ];
    assert_eq!(sent_by, expected);

    let mult_ip_in_sdp = request("mult-ip-in-sdp");
    assert_eq!(mult_ip_in_sdp.session_description().unwrap().len(), 189);

    let mapped = request("ipv4-mapped-ipv6");
    let via = mapped.headers().via().unwrap();
    let address = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x020a);
    assert_eq!((via.host, via.port), (Host::V6(address), Some(19823)));
}

fn to_is_bad(headers: &Headers) -> bool {
    headers.to().is_err()
}

fn kind(error: Option<offhook_message::HeaderError>) -> HeaderErrorKind {
    error.expect("an error").kind
}

fn request(name: &str) -> Request {
    match parse(bytes(name)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name} is {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match parse(bytes(name)) {
        Ok(Message::Response(response)) => response,
        other => panic!("{name} is {other:?}"),
    }
}

fn bytes(name: &str) -> Bytes {
    let paths = ["rfc4475", "rfc5118"].map(|rfc| directory().join(rfc).join(format!("{name}.dat")));
    let path = paths.iter().find(|path| path.exists()).expect(name);
    std::fs::read(path).unwrap().into()
}

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}
