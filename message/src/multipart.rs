//! Bodies of several parts ([RFC 2046 5.1](https://www.rfc-editor.org/rfc/rfc2046#section-5.1)), as far as a session description is looked for.

use crate::headers::Headers;
use crate::parse::Head;
use memchr::memmem;

/// The SDP of a body, or of the first part that has one.
pub(crate) fn session_description<'a>(headers: &Headers, body: &'a [u8]) -> Option<&'a [u8]> {
    find(headers, body, DEEPEST)
}

fn find<'a>(headers: &Headers, body: &'a [u8], depth: usize) -> Option<&'a [u8]> {
    if body.is_empty() || !is_session(headers) {
        return None;
    }
    let media_type = headers.content_type().ok()??;
    if media_type.is("application", "sdp") {
        return Some(body);
    }
    if depth == 0 || !media_type.kind.eq_ignore_ascii_case(b"multipart") {
        return None;
    }
    let boundary = media_type.params.get("boundary")?.unquoted();
    let delimiter = [b"--", boundary.as_ref()].concat();
    parts(&delimiter, body).take(MOST_PARTS).find_map(|part| {
        let (headers, start) = Head::parse_part(headers.message().slice_ref(part))?;
        find(&headers, part.get(start..)?, depth - 1)
    })
}

/// Without Content-Disposition a body of these types is a session's (RFC 3261 20.11).
fn is_session(headers: &Headers) -> bool {
    match headers.content_disposition() {
        Ok(disposition) => disposition.is_none_or(|disposition| disposition.is("session")),
        Err(_) => false,
    }
}

/// What lies between the delimiters, heads included.
fn parts<'a>(delimiter: &[u8], body: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = next_delimiter(delimiter, body).map(|(_, behind)| behind);
    std::iter::from_fn(move || {
        let current = rest?;
        let (part, behind) = next_delimiter(delimiter, current)?;
        rest = Some(behind);
        Some(part)
    })
}

/// Splits at the next delimiter line: what is before it without the line end that belongs to it,
/// and what follows its line. `None` behind the closing delimiter.
fn next_delimiter<'a>(delimiter: &[u8], body: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut searched = 0;
    loop {
        let at = searched + memmem::find(body.get(searched..)?, delimiter)?;
        let (before, behind) = body.split_at_checked(at)?;
        searched = at + delimiter.len();
        let before = match before {
            [] => before,
            [.., b'\n'] => before
                .strip_suffix(b"\r\n")
                .or_else(|| before.strip_suffix(b"\n"))?,
            _ => continue,
        };
        let behind = behind.get(delimiter.len()..)?;
        let line_end = memchr::memchr(b'\n', behind);
        return match line_end.and_then(|end| behind.split_at_checked(end + 1)) {
            Some((line, rest)) if line.trim_ascii().is_empty() => Some((before, rest)),
            _ if behind.starts_with(b"--") => Some((before, &[])),
            _ => continue,
        };
    }
}

/// How many multiparts may lie inside each other.
const DEEPEST: usize = 3;

/// How many parts are looked at.
const MOST_PARTS: usize = 32;

#[cfg(test)]
mod tests {
    use crate::{Message, parse};
    use bytes::Bytes;

    fn description(content_type: &str, body: &str) -> Option<String> {
        let text = format!(
            "INVITE sip:a@example.com SIP/2.0\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Message::Request(request) = parse(Bytes::from(text)).unwrap() else {
            panic!("a request");
        };
        let found = request.session_description()?;
        Some(String::from_utf8(found.to_vec()).unwrap())
    }

    #[test]
    fn sdp_is_found_in_any_case_and_with_parameters() {
        for content_type in ["application/sdp", "Application/SDP", "application/sdp;a=b"] {
            assert_eq!(
                description(content_type, "v=0\r\n").as_deref(),
                Some("v=0\r\n")
            );
        }
        assert_eq!(description("text/plain", "v=0\r\n"), None);
        assert_eq!(description("application/sdp", ""), None);
    }

    #[test]
    fn sdp_is_found_among_parts() {
        let body = "preamble\r\n--b x\r\n\r\nno part\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n\
                    --b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n";
        let found = description("multipart/mixed; boundary=\"b\"", body);
        assert_eq!(found.as_deref(), Some("v=0\r\n"));
    }

    #[test]
    fn sdp_is_found_in_a_part_of_a_part() {
        let body = "--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n\
                    --i\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--i--\r\n\r\n--o--";
        let found = description("multipart/mixed;boundary=o", body);
        assert_eq!(found.as_deref(), Some("v=0"));
    }

    #[test]
    fn a_part_with_another_disposition_describes_no_session() {
        let body = "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\n\
                    v=0\r\n\r\n--b--";
        assert_eq!(description("multipart/mixed;boundary=b", body), None);
    }

    #[test]
    fn an_unclosed_multipart_ends_quietly() {
        for body in [
            "--b",
            "--b\r\n",
            "--b\r\nContent-Type: application/sdp\r\n\r\nv=0",
        ] {
            assert_eq!(description("multipart/mixed;boundary=b", body), None);
        }
    }
}
