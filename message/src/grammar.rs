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
        while let [first, rest @ ..] = self.rest
            && Class::LWS.has(*first)
        {
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

    pub(crate) fn eat_all(&mut self, bytes: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(bytes);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
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

    /// Takes all octets of a class.
    pub(crate) fn take_all(&mut self, class: Class) -> &'a [u8] {
        self.take_while(|byte| class.has(byte))
    }

    pub(crate) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !accept(*byte));
        self.take(end.unwrap_or(self.rest.len()))
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
        let token = self.take_all(Class::TOKEN);
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

/// What an octet may be part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class(u16);

impl Class {
    /// White space, folds included.
    pub(crate) const LWS: Self = Self(1);
    pub(crate) const DIGIT: Self = Self(1 << 1);
    pub(crate) const TOKEN: Self = Self(1 << 2);
    /// A host name or an IPv4 address. Underscores are no part of a host name, but networks use them.
    pub(crate) const HOST: Self = Self(1 << 3);
    /// Wider than the grammar: implementations send `#`, `^`, `|`, `{` and `}` without escapes.
    pub(crate) const URI: Self = Self(1 << 4);
    /// Wider than `token / host`: implementations put nearly everything into a branch.
    pub(crate) const PARAM_VALUE: Self = Self(1 << 5);
    /// Wider than the grammar: names that are not ASCII are sent without quotes.
    pub(crate) const DISPLAY_NAME: Self = Self(1 << 6);
    /// A URI without `<>`: it ends where the header parameters or the next value begin.
    pub(crate) const ADDR_SPEC: Self = Self(1 << 7);
    /// A name of a parameter that was looked at before, or of a URI.
    pub(crate) const PARAM_NAME: Self = Self(1 << 8);
    /// A value of such a parameter: in a URI it may have a comma.
    pub(crate) const URI_PARAM_VALUE: Self = Self(1 << 9);
    /// What a start line may have where the Request-URI stands.
    pub(crate) const REQUEST_URI: Self = Self(1 << 10);
    /// What may be in a URI and stands for itself.
    pub(crate) const PLAIN_URI: Self = Self(1 << 11);
    /// What some reader takes for the end of a line.
    pub(crate) const LINE_END: Self = Self(1 << 12);

    pub(crate) fn has(self, byte: u8) -> bool {
        classes_of(byte) & self.0 != 0
    }

    /// Whether all octets are of this class. There is no early end: nearly always they are.
    pub(crate) fn has_all(self, bytes: &[u8]) -> bool {
        let common = |common, byte: &u8| common & classes_of(*byte);
        bytes.iter().fold(self.0, common) != 0
    }

    /// Whether an octet is of this class. There is no early end: nearly always none is.
    pub(crate) fn has_any(self, bytes: &[u8]) -> bool {
        let found = |found, byte: &u8| found | classes_of(*byte);
        bytes.iter().fold(0, found) & self.0 != 0
    }

    /// All classes of one octet.
    const fn of(byte: u8) -> u16 {
        let is_lws = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let is_token = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        let is_host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_bracket = matches!(byte, b'<' | b'>' | b'"');
        let is_uri = byte.is_ascii_graphic() && !is_bracket;
        let ends_value = is_bracket || matches!(byte, b';' | b',');
        let kinds = [
            (Self::LWS, is_lws),
            (Self::DIGIT, byte.is_ascii_digit()),
            (Self::TOKEN, is_token),
            (Self::HOST, is_host),
            (Self::URI, is_uri),
            (
                Self::PARAM_VALUE,
                byte > b' ' && byte != 0x7f && !ends_value,
            ),
            (Self::DISPLAY_NAME, is_token || is_lws || byte >= 0x80),
            (Self::ADDR_SPEC, !is_lws && !ends_value),
            (Self::PARAM_NAME, !is_lws && !matches!(byte, b'=' | b';')),
            (Self::URI_PARAM_VALUE, !is_lws && byte != b';'),
            (
                Self::REQUEST_URI,
                byte > b' ' && !matches!(byte, b'<' | b'>' | 0x7f),
            ),
            (Self::PLAIN_URI, is_uri && byte != b'%'),
            (Self::LINE_END, matches!(byte, b'\r' | b'\n' | b'\0')),
        ];
        let mut classes = 0;
        let mut rest: &[(Self, bool)] = &kinds;
        while let [(class, is_in), behind @ ..] = rest {
            if *is_in {
                classes |= class.0;
            }
            rest = behind;
        }
        classes
    }
}

fn classes_of(byte: u8) -> u16 {
    let classes = CLASSES.get(usize::from(byte));
    classes.copied().unwrap_or_default()
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Class::TOKEN.has_all(bytes)
}

pub(crate) fn trim_lws(bytes: &[u8]) -> &[u8] {
    let mut trimmed = bytes;
    while let [first, rest @ ..] = trimmed
        && Class::LWS.has(*first)
    {
        trimmed = rest;
    }
    trim_lws_end(trimmed)
}

pub(crate) fn trim_lws_end(bytes: &[u8]) -> &[u8] {
    let mut trimmed = bytes;
    while let [rest @ .., last] = trimmed
        && Class::LWS.has(*last)
    {
        trimmed = rest;
    }
    trimmed
}

/// What lies before and behind the first `octet`, which is expected so near that a search would take longer to begin.
pub(crate) fn split_once(bytes: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == octet)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// `1*DIGIT` as a number; `None` when it is anything else or does not fit.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || number > u64::MAX / 10 {
            return None;
        }
        number = (number * 10).checked_add(digit.into())?;
    }
    (!digits.is_empty()).then_some(number)
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
const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = u8::MAX;
    loop {
        table[byte as usize] = Class::of(byte);
        if byte == 0 {
            return table;
        }
        byte -= 1;
    }
}

/// A table, because nearly every octet of a head is asked what it may be part of.
static CLASSES: [u16; 256] = classes();
