//! The torture messages of RFC 4475 and RFC 5118, and messages of SIP.js, as far as syntax goes.

use bytes::Bytes;
use offhook_message::{
    Contact, Defect, Frame, Framer, HeaderErrorKind, HeaderName, Headers, Host, Malformed, Message,
    Method, Request, Rport, Uri, parse,
};
use std::path::{Path, PathBuf};

#[test]
fn every_message_is_taken_or_refused_as_its_rfc_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let trouble = match parse(case.bytes.clone()) {
            Ok(message) => {
                assert!(
                    case.bytes.starts_with(message.as_bytes()),
                    "{}: other bytes",
                    case.name
                );
                trouble(&message)
            }
            Err(malformed) => Some(malformed.to_string()),
        };
        if trouble.is_some() != case.is_refused_for_its_syntax() {
            wrong.push(format!(
                "{}: {trouble:?}, expected: {}",
                case.name, case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn valid_messages_print_as_they_came() {
    let mut count = 0;
    for case in cases()
        .iter()
        .filter(|case| case.class == "valid" && case.name != "dblreq")
    {
        assert_eq!(
            parse(case.bytes.clone()).unwrap().as_bytes(),
            case.bytes,
            "{}",
            case.name
        );
        count += 1;
    }
    assert_eq!(count, 23);
}

#[test]
fn a_stream_gives_the_same_messages() {
    let mut count = 0;
    for case in cases() {
        let Ok(message) = parse(case.bytes.clone()) else {
            continue;
        };
        if !message.headers().contains(HeaderName::ContentLength) {
            continue;
        }
        let mut framer = Framer::new(65_535);
        framer.push(&case.bytes);
        match framer.next_frame() {
            Ok(Some(Frame::Message(received))) => {
                assert_eq!(received.as_bytes(), message.as_bytes(), "{}", case.name);
            }
            other => panic!("{}: {other:?}", case.name),
        }
        count += 1;
    }
    assert!(count >= 45, "only {count}");
}

#[test]
fn structural_defects() {
    for (name, expected) in [
        ("clerr", Defect::BodyTruncated),
        ("ncl", Defect::BadContentLength),
        ("mcl01", Defect::DuplicateContentLength),
        ("ltgtruri", Defect::BadRequestUri),
        ("lwsruri", Defect::BadRequestUri),
        ("lwsstart", Defect::BadStartLine),
        ("trws", Defect::BadStartLine),
        ("badvers", Defect::BadVersion),
        ("baddn", Defect::HeadTruncated),
    ] {
        let Malformed { defect, request } = malformed(name);
        assert_eq!(defect, expected, "{name}");
        let request = request.unwrap_or_else(|| panic!("{name} can be answered"));
        assert!(request.headers().via().is_ok(), "{name} can be answered");
    }
    let bigcode = malformed("bigcode");
    assert_eq!(bigcode.defect, Defect::BadStatus);
    assert!(bigcode.request.is_none());
}

#[test]
fn lengths_on_a_stream() {
    let next = |name| {
        let mut framer = Framer::new(65_535);
        framer.push(&bytes(name));
        framer.next_frame().map_err(|error| error.malformed.defect)
    };
    assert!(matches!(next("clerr"), Ok(None)));
    assert!(matches!(next("ncl"), Err(Defect::BadContentLength)));
    assert!(matches!(next("mcl01"), Err(Defect::DuplicateContentLength)));
    assert!(matches!(next("inv2543"), Err(Defect::MissingContentLength)));
}

#[test]
fn wsinv() {
    let request = request("wsinv");
    let headers = request.headers();
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    assert_eq!(headers.to().unwrap().tag(), Some(&b"1918181833n"[..]));
    let from = headers.from().unwrap();
    assert_eq!(
        from.display_name.unwrap().unquoted().as_ref(),
        br#"J Rosenberg \""#
    );
    assert_eq!(from.tag(), Some(&b"98asjd8"[..]));
    let vias: Vec<_> = headers.vias().map(Result::unwrap).collect();
    let branches: Vec<_> = vias.iter().map(|via| via.branch().unwrap()).collect();
    assert_eq!(
        branches,
        [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]
    );
    assert_eq!(vias[1].sent_by, b"spindle.example.com");
    let contacts: Vec<_> = headers.contacts().map(Result::unwrap).collect();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].q(), Some(330));
    assert_eq!(
        contacts[0]
            .address()
            .unwrap()
            .params
            .get("newparam")
            .unwrap()
            .as_bytes(),
        b"newvalue"
    );
    let unusual = headers
        .named("unknownheaderwithunusualvalue")
        .next()
        .unwrap();
    assert_eq!(unusual.value, b";;,,;;,;");
    assert_eq!(headers.raw(HeaderName::Subject), Some(&b""[..]));
    assert!(
        headers
            .routes()
            .next()
            .unwrap()
            .unwrap()
            .uri
            .as_sip()
            .unwrap()
            .lr()
    );
    assert_eq!(request.body().len(), 150);
}

#[test]
fn intmeth() {
    let request = request("intmeth");
    assert_eq!(
        request.method().as_str(),
        "!interesting-Method0123456789_*+`.%indeed'~"
    );
    assert_eq!(request.headers().cseq().unwrap().method, *request.method());
    let uri = request.uri().unwrap();
    let uri = uri.as_sip().unwrap();
    assert_eq!(
        uri.user,
        Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..])
    );
    assert_eq!(
        uri.password,
        Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..])
    );
    assert_eq!(uri.host, Host::Name("example.com"));
    let to = request.headers().to().unwrap();
    assert_eq!(
        to.display_name.unwrap().unquoted().as_ref(),
        b"BEL:\x07 NUL:\0 DEL:\x7f"
    );
    let from = request.headers().from().unwrap();
    assert_eq!(from.tag(), Some(&b"_token~1'+`*%!-."[..]));
    assert_eq!(
        from.params
            .get("fromParam''~+*_!.-%")
            .unwrap()
            .unquoted()
            .as_ref(),
        "работающий".as_bytes()
    );
    let extension = request
        .headers()
        .named("extensionHeader-!.%*+_`'~")
        .next()
        .unwrap();
    assert_eq!(extension.value, "\u{feff}大停電".as_bytes());
}

#[test]
fn escapes() {
    let esc01 = request("esc01");
    let user = |uri: Uri<'_>| uri.as_sip().unwrap().user_unescaped().unwrap().into_owned();
    assert_eq!(user(esc01.uri().unwrap()), b"sips:user@example.com");
    assert_eq!(user(esc01.headers().to().unwrap().uri), b"user");
    assert_eq!(user(esc01.headers().from().unwrap().uri), b"I have spaces");
    let contact = addresses(esc01.headers()).remove(0);
    assert!(Uri::parse(&contact).unwrap().as_sip().unwrap().lr());

    let escnull = request("escnull");
    let users: Vec<_> = addresses(escnull.headers())
        .iter()
        .map(|uri| user(Uri::parse(uri).unwrap()))
        .collect();
    assert_eq!(users, [&b"\0"[..], b"\0\0"]);

    let esc02 = request("esc02");
    assert_eq!(esc02.method().as_str(), "RE%47IST%45R");
    assert!(!esc02.method().is_known());
    assert_eq!(addresses(esc02.headers()).len(), 2);
}

#[test]
fn user_parts_and_parameters() {
    let semiuri = request("semiuri");
    let uri = semiuri.uri().unwrap();
    assert_eq!(
        uri.as_sip().unwrap().user_unescaped().unwrap().as_ref(),
        b"user;par=u@example.net"
    );
    assert!(uri.as_sip().unwrap().params.is_empty());

    for (name, of_header, of_uri) in [("cparam01", true, false), ("cparam02", false, true)] {
        let request = request(name);
        let contact = request.headers().contacts().next().unwrap().unwrap();
        let address = contact.address().unwrap();
        assert_eq!(address.params.contains("unknownparam"), of_header, "{name}");
        assert_eq!(
            address
                .uri
                .as_sip()
                .unwrap()
                .params
                .contains("unknownparam"),
            of_uri,
            "{name}"
        );
    }

    let regescrt = request("regescrt");
    let contact = addresses(regescrt.headers()).remove(0);
    let route = Uri::parse(&contact)
        .unwrap()
        .as_sip()
        .unwrap()
        .headers
        .unwrap()
        .to_vec();
    assert_eq!(route, b"Route=%3Csip:sip.example.com%3E");
}

#[test]
fn longreq() {
    let request = request("longreq");
    assert_eq!(request.headers().vias().flatten().count(), 34);
    assert!(request.headers().call_id().unwrap().len() > 100);
    assert!(request.headers().from().unwrap().tag().unwrap().len() > 100);
}

#[test]
fn multi01() {
    let request = request("multi01");
    let headers = request.headers();
    for error in [
        headers.call_id().err(),
        headers.cseq().err(),
        headers.from().err(),
        headers.to().err(),
        headers.max_forwards().err(),
    ] {
        assert_eq!(
            error.map(|error| error.kind),
            Some(HeaderErrorKind::Duplicate)
        );
    }
    assert_eq!(addresses(headers).len(), 2);
}

#[test]
fn schemes() {
    assert_eq!(
        request("unkscm").uri().unwrap().scheme(),
        "nobodyKnowsThisScheme"
    );
    assert_eq!(request("novelsc").uri().unwrap().scheme(), "soap.beep");
    let unksm2 = request("unksm2");
    assert_eq!(unksm2.headers().to().unwrap().uri.scheme(), "isbn");
    assert_eq!(unksm2.headers().from().unwrap().uri.scheme(), "http");
}

#[test]
fn bodies() {
    let mpart01 = request("mpart01");
    let length = mpart01.headers().content_length().unwrap().unwrap();
    assert_eq!(mpart01.body().len() as u64, length);
    assert!(mpart01.body().contains(&0));
    assert!(
        mpart01
            .headers()
            .content_type()
            .unwrap()
            .unwrap()
            .is("multipart", "mixed")
    );
    assert_eq!(request("dblreq").body(), b"");
    assert!(request("inv2543").body().starts_with(b"v=0"));
}

#[test]
fn single_headers() {
    assert!(request("baddate").headers().date().is_err());
    let bext01 = request("bext01");
    let required: Vec<_> = bext01.headers().require().map(Result::unwrap).collect();
    assert_eq!(
        required,
        [&b"nothingSupportsThis"[..], b"nothingSupportsThisEither"]
    );
    let transports = request("transports");
    let transports: Vec<_> = transports
        .headers()
        .vias()
        .map(|via| via.unwrap().transport.to_vec())
        .collect();
    assert_eq!(
        transports,
        [&b"UDP"[..], b"SCTP", b"TLS", b"UNKNOWN", b"TCP"]
    );
    assert_eq!(
        request("badbranch").headers().via().unwrap().branch(),
        Some(&b"z9hG4bK"[..])
    );
    assert_eq!(request("zeromf").headers().max_forwards(), Ok(Some(0)));
    assert_eq!(
        request("mpart01").headers().via().unwrap().rport(),
        Rport::Requested
    );
}

#[test]
fn ipv6() {
    let address = |text: &'static str| Host::parse(text.as_bytes()).unwrap();
    let good = request("ipv6-good");
    assert_eq!(
        good.uri().unwrap().as_sip().unwrap().host,
        address("[2001:db8::10]")
    );
    let ambiguous = request("port-ambiguous");
    let uri = ambiguous.uri().unwrap();
    assert_eq!(
        (uri.as_sip().unwrap().host, uri.as_sip().unwrap().port),
        (address("[2001:db8::10:5070]"), None)
    );
    let unambiguous = request("port-unambiguous");
    let uri = unambiguous.uri().unwrap();
    assert_eq!(
        (uri.as_sip().unwrap().host, uri.as_sip().unwrap().port),
        (address("[2001:db8::10]"), Some(5070))
    );
    for name in [
        "via-received-param-with-delim",
        "via-received-param-no-delim",
    ] {
        let request = request(name);
        assert_eq!(
            request.headers().via().unwrap().received(),
            Some(address("[2001:db8::9:255]")),
            "{name}"
        );
    }
    for name in ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"] {
        let request = request(name);
        let uri = request.uri().unwrap();
        assert_eq!(
            uri.as_sip().unwrap().host,
            address("[2001:db8::192.0.2.1]"),
            "{name}"
        );
    }
    assert!(request("ipv6-bad").uri().is_err());
}

#[test]
fn messages_of_sip_js() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory("samples")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let message = parse(bytes.clone())
            .unwrap_or_else(|malformed| panic!("{}: {malformed}", path.display()));
        assert_eq!(message.as_bytes(), bytes, "{}", path.display());
        assert_eq!(trouble(&message), None, "{}", path.display());
        names.push(path);
    }
    assert_eq!(names.len(), 5);
}

struct Case {
    name: String,
    class: String,
    expected: String,
    bytes: Bytes,
}

impl Case {
    /// Whether an element refuses or drops the message for what it can see without knowing what the message means.
    fn is_refused_for_its_syntax(&self) -> bool {
        let is_refused = ["400", "505", "drop"]
            .iter()
            .any(|verdict| self.expected.starts_with(verdict));
        is_refused && !["badbranch", "bcast", "unksm2"].contains(&self.name.as_str())
    }
}

/// The classified messages; `test.dat` of the RFC's archive is in no section of the RFC.
fn cases() -> Vec<Case> {
    let index = std::fs::read_to_string(directory("torture").join("index.tsv")).unwrap();
    let cases: Vec<_> = index
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect::<Vec<_>>())
        .filter(|row| row[5] != "unclassified")
        .map(|row| Case {
            name: row[1].to_owned(),
            class: row[5].to_owned(),
            expected: row[6].to_owned(),
            bytes: std::fs::read(directory("torture").join(row[0]))
                .unwrap()
                .into(),
        })
        .collect();
    assert_eq!(cases.len(), 61);
    cases
}

/// What an element that needs the usual headers would find wrong.
fn trouble(message: &Message) -> Option<String> {
    fn check(message: &Message) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let headers = message.headers();
        headers.call_id().map_err(|error| text(&error))?;
        headers.from().map_err(|error| text(&error))?;
        headers.to().map_err(|error| text(&error))?;
        let cseq = headers.cseq().map_err(|error| text(&error))?;
        headers
            .vias()
            .try_for_each(|via| via.map(drop))
            .map_err(|error| text(&error))?;
        headers
            .contacts()
            .try_for_each(|contact| contact.map(drop))
            .map_err(|error| text(&error))?;
        headers
            .routes()
            .try_for_each(|route| route.map(drop))
            .map_err(|error| text(&error))?;
        let Message::Request(request) = message else {
            return Ok(());
        };
        if request.method().is_known() && cseq.method != *request.method() {
            return Err("the methods differ".to_owned());
        }
        match request.uri().map_err(|error| text(&error))? {
            Uri::Sip(uri) if uri.headers.is_some() => Err("the Request-URI has headers".to_owned()),
            _ => Ok(()),
        }
    }
    check(message).err()
}

fn addresses(headers: &Headers) -> Vec<Vec<u8>> {
    let uri = |contact: Contact<'_>| contact.address().unwrap().uri_bytes().to_vec();
    headers
        .contacts()
        .map(|contact| uri(contact.unwrap()))
        .collect()
}

fn request(name: &str) -> Request {
    match parse(bytes(name)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name} is {other:?}"),
    }
}

fn malformed(name: &str) -> Malformed {
    parse(bytes(name)).expect_err(name)
}

fn bytes(name: &str) -> Bytes {
    let torture = directory("torture");
    let paths = ["rfc4475", "rfc5118"].map(|rfc| torture.join(rfc).join(format!("{name}.dat")));
    let path = paths
        .iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("there is no {name}.dat"));
    std::fs::read(path).unwrap().into()
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}
