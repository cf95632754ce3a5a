//! Parameters of headers and URIs.

use crate::grammar::{Class, Cursor, trim_lws_end, unquote};
use crate::uri::UriError;
use std::borrow::Cow;
use std::fmt;

/// The parameters behind a header value or a URI, `;name=value;flag`, in the order and the form in which they came.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Params<'a> {
    text: &'a [u8],
}

impl<'a> Params<'a> {
    /// Takes `*(SEMI generic-param)` off the front of `cursor`. A value may be wider than the grammar allows.
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        Self::take_each(cursor, |_, _| {})
    }

    /// [`Params::take`], with a look at each on the way.
    pub(crate) fn take_each(
        cursor: &mut Cursor<'a>,
        mut look: impl FnMut(&'a [u8], Option<ParamValue<'a>>),
    ) -> Result<Self, &'static str> {
        let start = *cursor;
        while cursor.separator(b';') {
            let name = cursor.token().ok_or("a parameter has no name")?;
            let mut value = None;
            if cursor.separator(b'=') {
                value = Some(take_value(cursor, Class::PARAM_VALUE)?);
            }
            look(name, value);
        }
        Ok(Self {
            text: cursor.since(start),
        })
    }

    /// What stands behind a header value, from the semicolon on. It was looked at before, or is read as far as it can be.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text }
    }

    /// Parameters of a URI, whose characters the caller has checked.
    pub(crate) const fn of_uri(text: &'a [u8]) -> Self {
        Self { text }
    }

    /// Whether every parameter of a URI has a name, and a value where there is a `=`.
    pub(crate) fn check_uri(&self) -> Result<(), UriError> {
        let mut parameters = self.text.split(|byte| *byte == b';');
        parameters.next();
        if parameters.all(|parameter| {
            !parameter.is_empty() && !parameter.starts_with(b"=") && !parameter.ends_with(b"=")
        }) {
            return Ok(());
        }
        Err(UriError::BadParameter)
    }

    /// The text, from the first semicolon on.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// All parameters in their order: the name, and the value if there is one.
    pub fn iter(&self) -> ParamIter<'a> {
        ParamIter {
            cursor: Cursor::new(self.text),
        }
    }

    /// All parameters in their order: the name, and the whole as it came, from its semicolon on.
    pub fn texts(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.iter();
        std::iter::from_fn(move || {
            rest.cursor.skip_lws();
            let start = rest.cursor;
            let (name, _) = rest.next()?;
            Some((name, trim_lws_end(rest.cursor.since(start))))
        })
    }

    /// Whether there is a parameter of that name, in any case, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.iter()
            .any(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The value of the first parameter of that name that has one, in any case.
    pub fn get(&self, name: &str) -> Option<ParamValue<'a>> {
        self.iter()
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .find_map(|(_, value)| value)
    }
}

impl<'a> IntoIterator for &Params<'a> {
    type Item = (&'a [u8], Option<ParamValue<'a>>);
    type IntoIter = ParamIter<'a>;

    fn into_iter(self) -> ParamIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text.escape_ascii())
    }
}

/// Iterates over [`Params`].
#[derive(Clone, Debug)]
pub struct ParamIter<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a [u8], Option<ParamValue<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        if !self.cursor.separator(b';') {
            return None;
        }
        let name = self.cursor.take_all(Class::PARAM_NAME);
        if !self.cursor.separator(b'=') {
            return Some((name, None));
        }
        let value = take_value(&mut self.cursor, Class::URI_PARAM_VALUE);
        Some((name, value.ok()))
    }
}

/// The value of a parameter as it came, a quoted string with its quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParamValue<'a> {
    text: &'a [u8],
}

impl<'a> ParamValue<'a> {
    /// The text as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// The content: without the quotes and backslashes of a quoted string.
    pub fn unquoted(&self) -> Cow<'a, [u8]> {
        unquote(self.text)
    }
}

impl fmt::Debug for ParamValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text.escape_ascii())
    }
}

fn take_value<'a>(cursor: &mut Cursor<'a>, class: Class) -> Result<ParamValue<'a>, &'static str> {
    if cursor.peek() == Some(b'"') {
        let text = cursor
            .quoted_string()
            .ok_or("a quoted parameter value does not end")?;
        return Ok(ParamValue { text });
    }
    let text = cursor.take_all(class);
    if text.is_empty() {
        return Err("a parameter value is empty");
    }
    Ok(ParamValue { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params<'_> {
        let mut cursor = Cursor::new(text.as_bytes());
        let params = Params::take(&mut cursor).unwrap();
        assert!(cursor.is_empty(), "{text}");
        params
    }

    #[test]
    fn names_have_no_case_and_values_may_be_quoted() {
        let params = params(" ;A = 1;flag ;b=\"x;\\\"y\" ; a=2\r\n ");
        assert_eq!(
            params.get("a").map(|value| value.as_bytes()),
            Some(&b"1"[..])
        );
        assert_eq!(params.get("B").unwrap().as_bytes(), b"\"x;\\\"y\"");
        assert_eq!(params.get("B").unwrap().unquoted().as_ref(), b"x;\"y");
        assert!(params.contains("FLAG") && params.get("flag").is_none());
        assert!(!params.contains("x"));
        assert_eq!(params.iter().count(), 4);
    }

    /// What a tag is set behind has one.
    #[test]
    fn a_parameter_without_a_value_hides_no_other() {
        let params = params(";tag;tag=1");
        assert_eq!(params.get("tag").unwrap().as_bytes(), b"1");
    }

    #[test]
    fn a_parameter_is_given_as_it_came() {
        let params = params(" ;A = 1;flag ;b=\"x;y\"");
        let texts: Vec<_> = params.texts().collect();
        assert_eq!(
            texts,
            [
                (&b"A"[..], &b";A = 1"[..]),
                (b"flag", b";flag"),
                (b"b", b";b=\"x;y\"")
            ]
        );
    }

    #[test]
    fn none() {
        assert!(params("").is_empty());
        assert_eq!(params("").iter().count(), 0);
    }
}
