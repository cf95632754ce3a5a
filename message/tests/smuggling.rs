//! What a proxy and we could read differently is refused, on a datagram and on a stream.

use bytes::Bytes;
use offhook_message::{Defect, Frame, Framer, HeaderErrorKind, HeaderName, Message, parse};

/// What is wrong with a request that has these lines, and whether a stream goes on behind it.
fn defect(lines: &str) -> (Defect, bool) {
    let text = request(lines);
    let datagram = parse(Bytes::copy_from_slice(text.as_bytes())).expect_err(lines);
    assert!(datagram.request.is_some(), "{lines} can be answered");
    let mut framer = Framer::new(10_000);
    framer.push(text.as_bytes());
    let (stream, goes_on) = match framer.next_frame() {
        Ok(Some(Frame::Malformed(malformed))) => (malformed, true),
        Err(error) => (error.malformed, false),
        other => panic!("{lines:?}: {other:?}"),
    };
    assert_eq!(datagram.defect, stream.defect, "{lines:?}");
    (datagram.defect, goes_on)
}

fn request(lines: &str) -> String {
    format!("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP a\r\n{lines}\r\nl: 0\r\n\r\n")
}

#[test]
fn odd_space_around_a_name() {
    for lines in [
        "Subject\r\n : folded",
        "Subject \r\n\t: folded",
        "Sub ject: x",
        "Subject\u{b}: x",
        "Subject\u{c}: x",
        "Subject\u{a0}: x",
        "\u{feff}Subject: x",
        "Subject",
        ": x",
        "(Subject): x",
        "Subject,: x",
    ] {
        assert_eq!(defect(lines), (Defect::BadHeaderLine, true), "{lines:?}");
    }
}

/// RFC 3261 §7.3.1 allows it, with examples.
#[test]
fn space_and_tab_before_the_colon() {
    for lines in ["Subject : x", "Subject\t \t:x", "SUBJECT            :   x"] {
        let message = parse(request(lines).into()).expect(lines);
        let subject = message.headers().raw(HeaderName::Subject);
        assert_eq!(subject, Some(&b"x"[..]), "{lines:?}");
    }
}

#[test]
fn a_stray_cr_or_nul() {
    for lines in [
        "Subject: a\rVia: SIP/2.0/UDP evil",
        "Subject: a\r\r",
        "\rSubject: a",
        "Subject: a\0b",
        "Subject\0: a",
        "Subject: a\r\n folded\0",
        "X-Unknown: \0",
    ] {
        assert_eq!(defect(lines), (Defect::BadHeaderLine, true), "{lines:?}");
    }
}

/// Who knows only CRLF takes what follows the LF for a part of the header, up to the end of the head.
#[test]
fn a_bare_lf_among_crlf() {
    for lines in [
        "Subject: a\nVia: SIP/2.0/UDP evil",
        "Subject: a\n folded",
        "Subject: a\r\n folded\nRoute: <sip:evil>",
        "Subject: a\n\r\nBYE sip:a SIP/2.0",
        "Subject: a\n\nBYE sip:a SIP/2.0\r\nl: 0",
    ] {
        let (defect, goes_on) = defect(lines);
        assert_eq!(defect, Defect::BadHeaderLine, "{lines:?}");
        let is_folded = lines.contains("\n folded\n") || lines.contains("a\n folded");
        assert!(is_folded || !goes_on, "{lines:?}");
    }
}

/// An answer repeats lines of its request.
#[test]
fn a_line_with_a_bare_lf_is_not_kept() {
    for lines in [
        "CSeq: 1\n OPTIONS",
        "CSeq: 1\r\n OPTIONS\n",
        "CSeq: 1 OPTIONS\n",
    ] {
        let malformed = parse(request(lines).into()).expect_err(lines);
        let request = malformed.request.expect("a request");
        assert!(request.headers().cseq().is_err(), "{lines:?}");
        let mut kept = request.headers().iter();
        assert!(kept.all(|field| !field.line.contains(&b'\n')), "{lines:?}");
    }
}

/// People and scripts write them by hand. Who wants CRLF sees no start line at all.
#[test]
fn lf_alone() {
    let text = request("Subject: a\r\n folded").replace("\r\n", "\n");
    let message = parse(text.into()).unwrap();
    let subject = message.headers().raw(HeaderName::Subject);
    assert_eq!(subject, Some(&b"a\n folded"[..]));
    let mixed = "OPTIONS sip:a SIP/2.0\nSubject: a\r\n\n";
    let malformed = parse(mixed.into()).unwrap_err();
    assert_eq!(malformed.defect, Defect::BadHeaderLine);
}

#[test]
fn folds_are_white_space() {
    for lines in [
        "Subject:\r\n x",
        "Subject: \r\n\tx",
        "Subject:x\r\n ",
        "Subject:\r\n \r\n x\r\n \t",
    ] {
        let message = parse(request(lines).into()).expect(lines);
        let headers = message.headers();
        assert_eq!(headers.raw(HeaderName::Subject), Some(&b"x"[..]));
        assert_eq!(headers.iter().count(), 3, "{lines:?}");
    }
    let folded = "OPTIONS sip:a\r\n SIP/2.0\r\n\r\n";
    let malformed = parse(folded.into()).unwrap_err();
    assert_eq!(malformed.defect, Defect::BadStartLine);
    let first = "OPTIONS sip:a SIP/2.0\r\n Subject: x\r\n\r\n";
    let malformed = parse(first.into()).unwrap_err();
    assert_eq!(malformed.defect, Defect::BadHeaderLine);
}

#[test]
fn lengths() {
    for (lines, expected) in [
        ("l: 0", Defect::DuplicateContentLength),
        ("Content-Length: 5", Defect::DuplicateContentLength),
        ("CONTENT-LENGTH\t: 0", Defect::DuplicateContentLength),
        ("Content-Length:\r\n 0", Defect::DuplicateContentLength),
    ] {
        assert_eq!(defect(lines), (expected, false), "{lines:?}");
    }
    for value in [
        "+5",
        "-5",
        "5,5",
        "5, 5",
        "5;x",
        "0x5",
        "5 5",
        "5.0",
        "",
        "five",
        "\u{ff15}",
        "5\r\n 5",
        "18446744073709551616",
        "\"5\"",
        "<5>",
        "5 (five)",
    ] {
        let text = format!("OPTIONS sip:a SIP/2.0\r\nContent-Length: {value}\r\n\r\n12345");
        let malformed = parse(text.into()).expect_err(value);
        assert_eq!(malformed.defect, Defect::BadContentLength, "{value:?}");
    }
    for value in ["5", "0005", "\r\n 5", "5\r\n\t"] {
        let text = format!("OPTIONS sip:a SIP/2.0\r\nContent-Length: {value}\r\n\r\n1234567");
        let message = parse(text.into()).expect(value);
        assert_eq!(message.body(), b"12345", "{value:?}");
    }
}

#[test]
fn headers_that_stand_once() {
    let twice = |line: &str| match parse(request(&format!("{line}\r\n{line}")).into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{line}: {other:?}"),
    };
    for (line, error) in [
        ("Call-ID: a", twice("Call-ID: a").headers().call_id().err()),
        (
            "i: a",
            twice("i: a\r\nCall-ID: b").headers().call_id().err(),
        ),
        ("CSeq", twice("CSeq: 1 OPTIONS").headers().cseq().err()),
        ("From", twice("f: <sip:a>;tag=1").headers().from().err()),
        ("To", twice("t: <sip:a>").headers().to().err()),
        (
            "Max-Forwards",
            twice("Max-Forwards: 1").headers().max_forwards().err(),
        ),
        (
            "Content-Type",
            twice("c: a/b").headers().content_type().err(),
        ),
        ("Expires", twice("Expires: 1").headers().expires().err()),
    ] {
        let kind = error.map(|error| error.kind);
        assert_eq!(kind, Some(HeaderErrorKind::Duplicate), "{line}");
    }
}
