use crate::grammar::Cursor;
use crate::headers::{HeaderError, HeaderName, Headers};

/// Takes one value off the front of a header; the error is its reason.
pub(super) type Take<'a, T> = fn(&mut Cursor<'a>) -> Result<T, &'static str>;

/// The values of one line of a header, separated by commas. It ends behind the first malformed value.
pub(super) struct Elements<'a, T> {
    header: HeaderName,
    take: Take<'a, T>,
    /// `None` behind the last value.
    cursor: Option<Cursor<'a>>,
}

impl<'a, T> Elements<'a, T> {
    pub(super) fn new(header: HeaderName, value: &'a [u8], take: Take<'a, T>) -> Self {
        Self {
            header,
            take,
            cursor: Some(Cursor::new(value)),
        }
    }
}

impl<T> Iterator for Elements<'_, T> {
    type Item = Result<T, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut cursor = self.cursor.take()?;
        let element = (self.take)(&mut cursor);
        match element {
            Ok(element) if cursor.separator(b',') => {
                self.cursor = Some(cursor);
                Some(Ok(element))
            }
            Ok(element) if cursor.is_empty() => Some(Ok(element)),
            Ok(_) => Some(Err(HeaderError::malformed(self.header, GARBAGE))),
            Err(reason) => Some(Err(HeaderError::malformed(self.header, reason))),
        }
    }
}

impl Headers {
    /// All values of a header, across lines and commas.
    pub(super) fn elements<'a, T>(
        &'a self,
        header: HeaderName,
        take: Take<'a, T>,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        self.values(header)
            .flat_map(move |value| Elements::new(header, value, take))
    }

    /// [`Headers::elements`] where a line may be empty.
    pub(super) fn elements_or_none<'a, T>(
        &'a self,
        header: HeaderName,
        take: Take<'a, T>,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        self.values(header)
            .filter(|value| !value.is_empty())
            .flat_map(move |value| Elements::new(header, value, take))
    }

    /// The only value of a header that may stand only once.
    pub(super) fn single<'a, T>(
        &'a self,
        header: HeaderName,
        take: Take<'a, T>,
    ) -> Result<Option<T>, HeaderError> {
        let mut values = self.values(header);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeaderError::duplicate(header));
        }
        let mut cursor = Cursor::new(value);
        let value = take(&mut cursor).map_err(|reason| HeaderError::malformed(header, reason))?;
        cursor.skip_lws();
        if !cursor.is_empty() {
            return Err(HeaderError::malformed(header, GARBAGE));
        }
        Ok(Some(value))
    }

    /// [`Headers::single`] for a header that must be there.
    pub(super) fn mandatory<'a, T>(
        &'a self,
        header: HeaderName,
        take: Take<'a, T>,
    ) -> Result<T, HeaderError> {
        self.single(header, take)?
            .ok_or(HeaderError::missing(header))
    }
}

const GARBAGE: &str = "there is something behind the value";
