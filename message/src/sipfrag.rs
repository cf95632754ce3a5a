//! Bodies of `message/sipfrag` ([RFC 3420](https://www.rfc-editor.org/rfc/rfc3420)), as far as a REFER tells how it goes on
//! ([RFC 3515 2.4.5](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.5)).

use crate::body::Body;
use crate::grammar::{number_as, trim_lws_end};
use crate::status::StatusCode;
use crate::text::Text;

impl Body {
    /// A status line, and no more of the response: it might tell what is none of the receiver's business.
    pub fn sipfrag(status: StatusCode) -> Self {
        let phrase = status.reason_phrase();
        let content = format!("SIP/2.0 {status} {phrase}\r\n");
        Self::of(Text::from_static("message/sipfrag;version=2.0"), content)
    }
}

impl StatusCode {
    /// The status of a status line at the begin of a body; `None` where there is none.
    pub fn of_sipfrag(body: &[u8]) -> Option<Self> {
        let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        let (version, rest) = trim_lws_end(line).split_at_checked(8)?;
        let (code, phrase) = rest.split_at_checked(3)?;
        let is_line = version.eq_ignore_ascii_case(b"SIP/2.0 ")
            && (phrase.is_empty() || phrase.starts_with(b" "));
        Self::new(number_as(code).filter(|_| is_line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_goes_around() {
        for code in 100..=699 {
            let status = StatusCode::new(code).unwrap();
            let body = Body::sipfrag(status);
            assert_eq!(StatusCode::of_sipfrag(body.content()), Some(status));
        }
    }

    #[test]
    fn what_others_write() {
        for (body, code) in [
            (&b"SIP/2.0 100 Trying"[..], 100),
            (b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n", 200),
            (b"sip/2.0 503\n", 503),
        ] {
            assert_eq!(StatusCode::of_sipfrag(body), StatusCode::new(code));
        }
        for bad in [
            &b""[..],
            b"SIP/2.0",
            b"SIP/2.0 20",
            b"SIP/2.0 2000 OK",
            b"SIP/3.0 200 OK",
            b"\r\nSIP/2.0 200 OK",
            b"INVITE sip:a SIP/2.0",
            b"SIP/2.0 099 x",
            b"SIP/2.0 +99 x",
        ] {
            assert_eq!(StatusCode::of_sipfrag(bad), None, "{}", bad.escape_ascii());
        }
    }
}
