use crate::grammar::{Class, number_as, split_once, trim_lws, trim_lws_end};
use crate::method::Method;
use crate::parse::{Defect, Span};
use crate::status::StatusCode;

/// The first line of a message, at the very beginning of its bytes.
#[derive(Debug)]
pub(crate) enum StartLine {
    Request {
        method: Method,
        uri: Span,
    },
    Response {
        status: StatusCode,
        reason_phrase: Span,
    },
}

impl StartLine {
    /// Reads the line. A request line may be readable and have a defect nevertheless.
    pub(super) fn parse(line: &[u8]) -> (Option<Self>, Option<Defect>) {
        if is_version(line) {
            return match parse_status_line(line) {
                Ok(start_line) => (Some(start_line), None),
                Err(defect) => (None, Some(defect)),
            };
        }
        match parse_request_line(line) {
            Some((start_line, defect)) => (Some(start_line), defect),
            None => (None, Some(Defect::BadStartLine)),
        }
    }
}

fn parse_status_line(line: &[u8]) -> Result<StartLine, Defect> {
    let (version, rest) = split_once(line, b' ').unwrap_or((line, &[]));
    if !version.eq_ignore_ascii_case(VERSION) {
        return Err(Defect::BadVersion);
    }
    let (code, reason_phrase) = split_once(rest, b' ').unwrap_or((rest, &[]));
    let status = number_as(code)
        .filter(|_| code.len() == 3)
        .and_then(StatusCode::new)
        .ok_or(Defect::BadStatus)?;
    let reason_phrase =
        Span::new(line.len() - reason_phrase.len(), line.len()).ok_or(Defect::HeadTooLarge)?;
    Ok(StartLine::Response {
        status,
        reason_phrase,
    })
}

/// Finds method and Request-URI even where the line breaks the rules, so that a 400 or 505 can be sent.
fn parse_request_line(line: &[u8]) -> Option<(StartLine, Option<Defect>)> {
    let trimmed = trim_lws_end(line);
    let (method, rest) = split_once(trimmed, b' ')?;
    let version_start = rest
        .iter()
        .rposition(|byte| Class::LWS.has(*byte))
        .map_or(0, |space| space + 1);
    let (between, version) = rest.split_at_checked(version_start)?;
    if !is_version(version) {
        return None;
    }
    let uri = trim_lws(between);
    let offset = method.len() + 1 + (between.len() - trim_lws_start(between).len());
    let span = Span::new(offset, offset + uri.len())?;
    let start_line = StartLine::Request {
        method: Method::parse(method)?,
        uri: span,
    };
    let is_spaced_right = trimmed.len() == line.len() && between.strip_suffix(b" ") == Some(uri);
    let defect = if !version.eq_ignore_ascii_case(VERSION) {
        Some(Defect::BadVersion)
    } else if !is_request_uri(uri) {
        Some(Defect::BadRequestUri)
    } else if !is_spaced_right {
        Some(Defect::BadStartLine)
    } else {
        None
    };
    Some((start_line, defect))
}

fn trim_lws_start(bytes: &[u8]) -> &[u8] {
    let blank = bytes
        .iter()
        .take_while(|byte| Class::LWS.has(**byte))
        .count();
    bytes.get(blank..).unwrap_or_default()
}

fn is_version(bytes: &[u8]) -> bool {
    bytes
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"))
}

/// The scheme may be any, and what it allows is checked when the URI is read.
fn is_request_uri(uri: &[u8]) -> bool {
    !uri.is_empty() && Class::REQUEST_URI.has_all(uri)
}

const VERSION: &[u8] = b"SIP/2.0";
