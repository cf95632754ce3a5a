//! Octets to messages ([RFC 3261 7](https://www.rfc-editor.org/rfc/rfc3261#section-7)).

mod defect;
mod head;
mod start_line;

pub use defect::{Defect, Malformed};
pub(crate) use head::{Head, LARGEST_HEAD};
pub(crate) use start_line::StartLine;

use crate::message::Message;
use bytes::{Buf, Bytes};

/// Reads exactly one message by the rules for datagrams ([RFC 3261 18.3](https://www.rfc-editor.org/rfc/rfc3261#section-18.3)).
///
/// Line ends in front of the message are skipped and octets behind its Content-Length are dropped. Without Content-Length
/// the body is the rest. Where a bare LF ends the start line it ends every line. The values of headers are not looked at, but for Content-Length.
#[expect(clippy::result_large_err, reason = "the message in Ok is as large")]
pub fn parse(bytes: Bytes) -> Result<Message, Malformed> {
    let mut bytes = bytes;
    bytes.advance(blank_prefix(&bytes));
    let head = Head::parse(&bytes);
    let available = bytes.len().saturating_sub(head.length());
    match head.content_length() {
        Ok(None) => head.into_message(bytes, None),
        Ok(Some(length)) => match usize::try_from(length) {
            Ok(length) if length <= available => {
                bytes.truncate(head.length() + length);
                head.into_message(bytes, None)
            }
            _ => head.into_message(bytes, Some(Defect::BodyTruncated)),
        },
        Err(defect) => head.into_message(bytes, Some(defect)),
    }
}

/// How many octets of line ends lie in front of the message.
fn blank_prefix(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// A part of the head of a message, to be found again without reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// Where `part` lies in `message`; `None` where it is no part of its head.
    pub fn within(message: &[u8], part: &[u8]) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(message.as_ptr().addr())?;
        let end = start + part.len();
        Self::new(start, end).filter(|_| end <= message.len())
    }

    /// The part.
    pub fn of(self, message: &[u8]) -> &[u8] {
        message
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }

    /// `None` behind the largest head.
    pub(crate) fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self {
            start: u16::try_from(start).ok()?,
            end: u16::try_from(end).ok()?,
        })
    }

    pub(crate) const fn between(start: u16, end: u16) -> Self {
        Self { start, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Method;
    use crate::request::Request;
    use crate::status::StatusCode;

    fn defect(text: &str) -> (Defect, Option<Request>) {
        let malformed = parse(Bytes::copy_from_slice(text.as_bytes())).unwrap_err();
        (malformed.defect, malformed.request)
    }

    fn request(text: &str) -> Request {
        match parse(Bytes::copy_from_slice(text.as_bytes())) {
            Ok(Message::Request(request)) => request,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn a_request() {
        let text = "\r\n\r\nINVITE sip:a SIP/2.0\r\nl: 3\r\ns: x\r\n\r\nabcdef";
        let request = request(text);
        assert_eq!(request.method(), &Method::Invite);
        assert_eq!(request.uri_bytes(), b"sip:a");
        assert_eq!(request.body(), b"abc");
        assert_eq!(request.body_bytes(), "abc");
        assert_eq!(
            request.as_bytes(),
            b"INVITE sip:a SIP/2.0\r\nl: 3\r\ns: x\r\n\r\nabc"
        );
        assert_eq!(request.bytes(), request.as_bytes());
    }

    #[test]
    fn a_part_is_found_again() {
        let request = request("OPTIONS sip:a SIP/2.0\r\ns: x\r\n\r\n");
        let (message, part) = (request.as_bytes(), request.uri_bytes());
        let span = Span::within(message, part).unwrap();
        let copy = message.to_vec();
        assert_eq!(span.of(&copy), b"sip:a");
        assert!(Span::within(part, message).is_none());
    }

    #[test]
    fn a_response() {
        let Ok(Message::Response(response)) =
            parse("SIP/2.0 486 Busy \u{fc}\r\ns: x\r\n\r\nabc".into())
        else {
            panic!("a response");
        };
        assert_eq!(response.status(), StatusCode::BUSY_HERE);
        assert_eq!(response.reason_phrase(), "Busy \u{fc}".as_bytes());
        assert_eq!(response.body(), b"abc");
    }

    #[test]
    fn a_reason_phrase_may_be_missing() {
        for line in ["SIP/2.0 100 ", "SIP/2.0 100", "sip/2.0 100"] {
            let Ok(Message::Response(response)) = parse(format!("{line}\r\n\r\n").into()) else {
                panic!("{line}");
            };
            assert_eq!(response.reason_phrase(), b"", "{line}");
        }
    }

    #[test]
    fn lf_ends_a_line_and_cr_does_not() {
        let request = request("OPTIONS sip:a SIP/2.0\ns: x\n  y\nt: z\n\nabc");
        assert_eq!(request.headers().iter().count(), 2);
        assert_eq!(request.body(), b"abc");
        assert_eq!(
            defect("OPTIONS sip:a SIP/2.0\r\ns: x\ry\r\n\r\n").0,
            Defect::BadHeaderLine
        );
        assert_eq!(
            defect("OPTIONS sip:a SIP/2.0\rs: x\r\n\r\n").0,
            Defect::BadStartLine
        );
    }

    #[test]
    fn what_is_not_sip() {
        assert_eq!(defect("").0, Defect::Empty);
        assert_eq!(defect("\r\n\n").0, Defect::Empty);
        for text in [
            "x",
            "\0\0",
            "GET / HTTP/1.1\r\n\r\n",
            "INVITE\r\n\r\n",
            "IN(VITE sip:a SIP/2.0\r\n\r\n",
        ] {
            let (defect, request) = defect(text);
            assert_eq!(defect, Defect::BadStartLine, "{text}");
            assert!(request.is_none(), "{text}");
        }
    }

    #[test]
    fn a_bad_request_line_can_be_answered() {
        for (line, expected, uri) in [
            ("INVITE sip:a SIP/7.0", Defect::BadVersion, "sip:a"),
            ("INVITE sip:a SIP/2.00", Defect::BadVersion, "sip:a"),
            ("INVITE  sip:a SIP/2.0", Defect::BadStartLine, "sip:a"),
            ("INVITE sip:a  SIP/2.0", Defect::BadStartLine, "sip:a"),
            ("INVITE sip:a\tSIP/2.0", Defect::BadStartLine, "sip:a"),
            ("INVITE sip:a SIP/2.0  ", Defect::BadStartLine, "sip:a"),
            ("INVITE sip:a b SIP/2.0", Defect::BadRequestUri, "sip:a b"),
            ("INVITE <sip:a> SIP/2.0", Defect::BadRequestUri, "<sip:a>"),
            ("INVITE  SIP/2.0", Defect::BadRequestUri, ""),
            ("INVITE SIP/2.0", Defect::BadRequestUri, ""),
        ] {
            let (defect, request) = defect(&format!("{line}\r\nv: SIP/2.0/UDP a\r\n\r\n"));
            assert_eq!(defect, expected, "{line}");
            let request = request.unwrap();
            assert_eq!(request.uri_bytes(), uri.as_bytes(), "{line}");
            assert!(request.headers().via().is_ok(), "{line}");
        }
    }

    #[test]
    fn bad_status_lines() {
        for (line, expected) in [
            ("SIP/2.0 4294967301 Better not", Defect::BadStatus),
            ("SIP/2.0 099 x", Defect::BadStatus),
            ("SIP/2.0 700 x", Defect::BadStatus),
            ("SIP/2.0 0200 x", Defect::BadStatus),
            ("SIP/2.0 20x x", Defect::BadStatus),
            ("SIP/2.0  200 OK", Defect::BadStatus),
            ("SIP/2.0", Defect::BadStatus),
            ("SIP/3.0 200 OK", Defect::BadVersion),
        ] {
            let (defect, request) = defect(&format!("{line}\r\n\r\n"));
            assert_eq!(defect, expected, "{line}");
            assert!(request.is_none());
        }
    }

    #[test]
    fn a_bad_header_line_is_left_out() {
        for line in [
            "no colon",
            ": no name",
            "a b: c",
            " fold: first",
            "\u{fc}: x",
        ] {
            let (defect, request) = defect(&format!("BYE sip:a SIP/2.0\r\n{line}\r\ni: 1\r\n\r\n"));
            assert_eq!(defect, Defect::BadHeaderLine, "{line}");
            assert_eq!(
                request.unwrap().headers().call_id(),
                Ok(&b"1"[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn content_length_must_fit() {
        for (lines, expected) in [
            ("l: 4", Defect::BodyTruncated),
            ("l: 18446744073709551615", Defect::BodyTruncated),
            ("l: 18446744073709551616", Defect::BadContentLength),
            ("l: -1", Defect::BadContentLength),
            ("l: 1 2", Defect::BadContentLength),
            ("l:", Defect::BadContentLength),
            ("l: 1\r\nContent-Length: 1", Defect::DuplicateContentLength),
        ] {
            let (defect, request) = defect(&format!("BYE sip:a SIP/2.0\r\n{lines}\r\n\r\nabc"));
            assert_eq!(defect, expected, "{lines}");
            assert_eq!(request.unwrap().method(), &Method::Bye, "{lines}");
        }
    }

    #[test]
    fn the_empty_line_must_be_there() {
        let (defect, request) = defect("BYE sip:a SIP/2.0\r\ni: 1\r\nv: SIP/2");
        assert_eq!(defect, Defect::HeadTruncated);
        let request = request.unwrap();
        assert_eq!(request.headers().iter().count(), 1);
        assert_eq!(request.body(), b"");
    }

    #[test]
    fn the_head_is_bounded() {
        let lines = |count| format!("BYE sip:a SIP/2.0\r\n{}\r\nabc", "s: x\r\n".repeat(count));
        assert_eq!(request(&lines(256)).headers().iter().count(), 256);
        let (too_many, saved) = defect(&lines(257));
        assert_eq!(too_many, Defect::TooManyHeaders);
        assert_eq!(saved.unwrap().headers().iter().count(), 256);

        let line = |length| {
            format!(
                "BYE sip:a SIP/2.0\r\ni: 1\r\ns: {}\r\n\r\n",
                "x".repeat(length)
            )
        };
        let fixed = line(0).len();
        assert!(parse(line(65_535 + 2 - fixed).into()).is_ok());
        let (too_large, saved) = defect(&line(65_535 + 3 - fixed));
        assert_eq!(too_large, Defect::HeadTooLarge);
        assert_eq!(too_large.status(), StatusCode::MESSAGE_TOO_LARGE);
        assert_eq!(saved.unwrap().headers().iter().count(), 1);
    }
}
