//! The lexical elements that all headers share ([RFC 3261 25.1](https://www.rfc-editor.org/rfc/rfc3261#section-25.1)).

use std::borrow::Cow;

/// Reads a header value from left to right.
///
/// Folds are white space here: the line splitter has already refused any other line end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn skip_lws(&mut self) {
        while let [first, rest @ ..] = self.rest {
            if !is_lws(*first) {
                return;
            }
            self.rest = rest;
        }
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Eats `byte` with the white space on both sides of it.
    pub(crate) fn separator(&mut self, byte: u8) -> bool {
        self.skip_lws();
        let found = self.eat(byte);
        if found {
            self.skip_lws();
        }
        found
    }

    pub(crate) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|byte| accept(**byte)).count();
        self.take(length)
    }

    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    pub(crate) fn token(&mut self) -> Option<&'a [u8]> {
        let token = self.take_while(is_token_byte);
        (!token.is_empty()).then_some(token)
    }

    /// The quoted string with its quotes; `None` when it does not end.
    pub(crate) fn quoted_string(&mut self) -> Option<&'a [u8]> {
        let mut bytes = self.rest.iter().enumerate();
        let (_, b'"') = bytes.next()? else {
            return None;
        };
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'"' => return Some(self.take(at + 1)),
                _ => {}
            }
        }
        None
    }

    /// What was read since `start`, an earlier copy of this cursor.
    pub(crate) fn since(&self, start: Self) -> &'a [u8] {
        let length = start.rest.len() - self.rest.len();
        start.rest.get(..length).unwrap_or_default()
    }
}

pub(crate) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES.get(usize::from(byte)) == Some(&true)
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn trim_lws(bytes: &[u8]) -> &[u8] {
    let mut trimmed = bytes;
    while let [first, rest @ ..] = trimmed
        && is_lws(*first)
    {
        trimmed = rest;
    }
    trim_lws_end(trimmed)
}

pub(crate) fn trim_lws_end(bytes: &[u8]) -> &[u8] {
    let mut trimmed = bytes;
    while let [rest @ .., last] = trimmed
        && is_lws(*last)
    {
        trimmed = rest;
    }
    trimmed
}

/// `1*DIGIT` as a number; `None` when it is anything else or does not fit.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// [`number`] for the narrower types.
pub(crate) fn number_as<N: TryFrom<u64>>(digits: &[u8]) -> Option<N> {
    number(digits).and_then(|number| N::try_from(number).ok())
}

/// The bytes as text when they are ASCII.
pub(crate) fn ascii(bytes: &[u8]) -> Option<&str> {
    if !bytes.is_ascii() {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// The content of a quoted string, or the bytes as they are.
pub(crate) fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', content @ .., b'"'] = text else {
        return Cow::Borrowed(text);
    };
    if !content.contains(&b'\\') {
        return Cow::Borrowed(content);
    }
    let mut unquoted = Vec::with_capacity(content.len());
    let mut bytes = content.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => unquoted.extend(bytes.next()),
            _ => unquoted.push(byte),
        }
    }
    Cow::Owned(unquoted)
}

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which reports it"
)]
const fn token_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        byte -= 1;
    }
    table
}

/// A table, because nearly every octet of a header is asked whether a token may hold it.
static TOKEN_BYTES: [bool; 256] = token_bytes();
