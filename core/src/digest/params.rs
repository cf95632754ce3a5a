//! The syntax of challenges and credentials ([RFC 7235 §2.1](https://www.rfc-editor.org/rfc/rfc7235#section-2.1)).

use std::borrow::Cow;

/// The parameters of a line of the Digest scheme, as they came but for their quotes.
pub(super) struct DigestParams<'a>(Vec<(&'a str, &'a str)>);

impl<'a> DigestParams<'a> {
    /// `None` where the line has another scheme, or is malformed.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.trim_start();
        let (scheme, params) = line.split_once(|c: char| c.is_ascii_whitespace())?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        params_of(params).map(Self)
    }

    /// Those of a line that names no scheme.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        params_of(std::str::from_utf8(line).ok()?).map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut found = self
            .0
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| *value)
    }
}

/// `name=value`, with commas between them. `None` where that is not so.
pub(super) fn params_of(mut text: &str) -> Option<Vec<(&str, &str)>> {
    let mut params = Vec::new();
    loop {
        text = text.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
        if text.is_empty() {
            return Some(params);
        }
        let (name, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let (value, behind) = match rest.strip_prefix('"') {
            Some(quoted) => split_quoted(quoted)?,
            None => split_token(rest),
        };
        // No value may end the line it goes into.
        if value.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return None;
        }
        params.push((name.trim(), value));
        text = behind;
    }
}

/// What stands before the next comma, and what is behind it.
fn split_token(text: &str) -> (&str, &str) {
    let (token, behind) = text.split_at(text.find(',').unwrap_or(text.len()));
    (token.trim_end(), behind)
}

/// The content of a quoted string up to its end, and what is behind that.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    let (content, behind) = text.split_at_checked(end)?;
    Some((content, behind.strip_prefix('"')?))
}

/// The content of a quoted string.
pub(super) fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What a quoted string says. A backslash before anything but a quote or a backslash stands for
/// itself: who writes `CORP\lab` has not quoted it, and hashes it as it stands there.
pub(super) fn unquote(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return content.into();
    }
    let mut said = String::with_capacity(content.len());
    let mut rest = content.chars().peekable();
    while let Some(first) = rest.next() {
        let escaped = match first {
            '\\' => rest.next_if(|next| matches!(next, '"' | '\\')),
            _ => None,
        };
        said.push(escaped.unwrap_or(first));
    }
    said.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_comma_is_no_part_of_a_value() {
        for (text, expected) in [
            (
                "a=MD5\r\n ,b=\"c\"\r\n\t,\r\n d = FALSE\t, e=f ",
                &[("a", "MD5"), ("b", "c"), ("d", "FALSE"), ("e", "f")][..],
            ),
            ("a=\" b\tc \"", &[("a", " b\tc ")]),
        ] {
            assert_eq!(params_of(text).as_deref(), Some(expected));
        }
        for text in ["a=\"b\r\n c\"", "a=b\r\n c", "a=\"b\u{1}\"", "a=b\u{7f},"] {
            assert_eq!(params_of(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_quoted_is_said() {
        for said in ["", "a", "a \"b\" c", "CORP\\lab", "\\", "\\\\\"", "ä\\"] {
            assert_eq!(unquote(&quote(said)), said);
        }
        assert_eq!(unquote("CORP\\lab\\"), "CORP\\lab\\");
    }
}
