//! `%HH` escapes ([RFC 3261 19.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.2)).

use crate::uri::UriError;
use std::borrow::Cow;

/// Resolves the escapes, once.
pub(super) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(unescaped(text).map(|(byte, _)| byte).collect())
}

/// Whether both are the same name of a parameter or header, in any case.
pub(super) fn same_name(one: &[u8], two: &[u8]) -> bool {
    same(one, two, u8::eq_ignore_ascii_case)
}

/// Compares octet by octet, where an escape equals its character unless the character is reserved.
pub(super) fn same(one: &[u8], two: &[u8], same_octet: fn(&u8, &u8) -> bool) -> bool {
    let (mut one, mut two) = (unescaped(one), unescaped(two));
    loop {
        match (one.next(), two.next()) {
            (None, None) => return true,
            (Some((one, one_escaped)), Some((two, two_escaped))) => {
                let is_same_form = one_escaped == two_escaped || !is_reserved(one);
                if !is_same_form || !same_octet(&one, &two) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Refuses a `%` without two hexadecimal digits.
pub(super) fn check_escapes(text: &[u8]) -> Result<(), UriError> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let digits = rest.get(at + 1..at + 3).ok_or(UriError::BadEscape)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(UriError::BadEscape);
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    Ok(())
}

/// The octets with escapes resolved, and whether each was escaped.
fn unescaped(text: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if let [b'%', high, low, behind @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            rest = behind;
            return Some((high << 4 | low, true));
        }
        let (first, behind) = rest.split_first()?;
        rest = behind;
        Some((*first, false))
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b','
    )
}
