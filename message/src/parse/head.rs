use crate::grammar::{Cursor, number, trim_lws_end};
use crate::headers::{Field, Fields, HeaderName, Headers};
use crate::message::Message;
use crate::parse::{Defect, Malformed, StartLine};
use crate::request::Request;
use crate::response::Response;
use bytes::Bytes;

/// What is found in front of the body, as offsets.
#[derive(Debug)]
pub(crate) struct Head {
    start_line: Option<StartLine>,
    fields: Fields,
    content_length: Result<Option<u64>, Defect>,
    /// The first thing that is wrong.
    defect: Option<Defect>,
    /// Some lines end with CRLF and others with LF.
    has_mixed_ends: bool,
    length: usize,
}

impl Head {
    /// Reads the head at the beginning of `bytes`, as far as it can be read.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut head = Self::unread(bytes);
        head.read(bytes);
        head
    }

    /// Reads the head of a part of a multipart body, which has no start line. Gives the headers and
    /// where the content begins.
    pub(crate) fn parse_part(bytes: Bytes) -> Option<(Headers, usize)> {
        let mut head = Self::unread(&bytes);
        head.read_fields(&bytes, 0, None);
        if head.defect.is_some() {
            return None;
        }
        Some((Headers::new(bytes, head.fields), head.length))
    }

    /// A head in which nothing was found yet.
    fn unread(bytes: &[u8]) -> Self {
        Self {
            start_line: None,
            fields: Fields::new(),
            content_length: Ok(None),
            defect: None,
            has_mixed_ends: false,
            length: bytes.len(),
        }
    }

    /// How many octets the head takes, the empty line included.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The length of the body, `None` without Content-Length.
    pub(crate) fn content_length(&self) -> Result<Option<u64>, Defect> {
        self.content_length
    }

    /// Whether there is a start line, or at least one of a response.
    pub(crate) fn is_sip(&self) -> bool {
        self.start_line.is_some()
            || matches!(self.defect, Some(Defect::BadStatus | Defect::BadVersion))
    }

    /// Whether a reader that knows only CRLF finds another end of the head.
    pub(crate) fn has_mixed_ends(&self) -> bool {
        self.has_mixed_ends
    }

    /// Makes the message that `bytes` hold; `defect` is what is wrong with its body.
    #[expect(clippy::result_large_err, reason = "the message in Ok is as large")]
    pub(crate) fn into_message(
        self,
        bytes: Bytes,
        defect: Option<Defect>,
    ) -> Result<Message, Malformed> {
        if let Some(defect) = self.defect.or(defect) {
            return Err(self.into_malformed(bytes, defect));
        }
        let headers = Headers::new(bytes, self.fields);
        match self.start_line {
            Some(StartLine::Request { method, uri }) => Ok(Message::Request(Request::new(
                method,
                uri,
                headers,
                self.length,
            ))),
            Some(StartLine::Response {
                status,
                reason_phrase,
            }) => Ok(Message::Response(Response::new(
                status,
                reason_phrase,
                headers,
                self.length,
            ))),
            None => Err(Malformed {
                defect: Defect::BadStartLine,
                request: None,
            }),
        }
    }

    /// Saves the request, if it is one, from what is no message.
    pub(crate) fn into_malformed(self, bytes: Bytes, defect: Defect) -> Malformed {
        let request = match self.start_line {
            Some(StartLine::Request { method, uri }) => Some(Request::new(
                method,
                uri,
                Headers::new(bytes, self.fields),
                self.length,
            )),
            _ => None,
        };
        Malformed { defect, request }
    }

    fn read(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.note(Defect::Empty);
        }
        let Some(line) = Line::find(bytes, 0) else {
            return self.note(Defect::BadStartLine);
        };
        let (start_line, defect) = match bytes.get(..line.end) {
            Some(text) if !line.is_stray => StartLine::parse(text),
            _ => (None, Some(Defect::BadStartLine)),
        };
        self.start_line = start_line;
        self.defect = defect;
        self.read_fields(bytes, line.next, Some(line.end_length()));
    }

    /// Reads up to the empty line. All lines end like the first one, whose end has `end_length` octets.
    fn read_fields(&mut self, bytes: &[u8], start: usize, end_length: Option<usize>) {
        let mut start = start;
        let is_other = |line: &Line| end_length.is_some_and(|length| length != line.end_length());
        while let Some(mut line) = Line::find(bytes, start) {
            if is_other(&line) {
                self.has_mixed_ends = true;
                line.is_stray = true;
                self.note(Defect::BadHeaderLine);
            }
            if line.end == start {
                self.length = line.next;
                return;
            }
            while let Some(b' ' | b'\t') = bytes.get(line.next)
                && let Some(fold) = Line::find(bytes, line.next)
            {
                line = Line {
                    is_stray: line.is_stray || fold.is_stray || is_other(&fold),
                    ..fold
                };
            }
            if line.next > LARGEST_HEAD {
                return self.note(Defect::HeadTooLarge);
            }
            self.read_field(bytes, start, &line);
            start = line.next;
        }
        self.note(Defect::HeadTruncated);
    }

    fn read_field(&mut self, bytes: &[u8], start: usize, line: &Line) {
        let text = bytes.get(start..line.end).unwrap_or_default();
        let Some(field) = split_field(text, start).filter(|_| !line.is_stray) else {
            return self.note(Defect::BadHeaderLine);
        };
        if field.name == HeaderName::ContentLength {
            let value = bytes.get(usize::from(field.value)..line.end);
            self.read_content_length(trim_lws_end(value.unwrap_or_default()));
        }
        if self.fields.len() == MOST_FIELDS {
            return self.note(Defect::TooManyHeaders);
        }
        self.fields.push(field);
    }

    fn read_content_length(&mut self, value: &[u8]) {
        self.content_length = match self.content_length {
            Ok(None) => number(value).map(Some).ok_or(Defect::BadContentLength),
            Ok(Some(_)) => Err(Defect::DuplicateContentLength),
            Err(defect) => Err(defect),
        };
    }

    fn note(&mut self, defect: Defect) {
        self.defect.get_or_insert(defect);
    }
}

/// `start` is where the line begins.
fn split_field(line: &[u8], start: usize) -> Option<Field> {
    let mut cursor = Cursor::new(line);
    let name = HeaderName::parse(cursor.token()?);
    // A fold may not stand here: a reader that takes lines one by one sees no colon.
    while cursor.eat(b' ') || cursor.eat(b'\t') {}
    if !cursor.eat(b':') {
        return None;
    }
    cursor.skip_lws();
    let end = start + line.len();
    Some(Field {
        start: u16::try_from(start).ok()?,
        value: u16::try_from(end - cursor.rest().len()).ok()?,
        end: u16::try_from(end).ok()?,
        name,
    })
}

/// A line, without folds.
struct Line {
    /// Where the line end begins.
    end: usize,
    /// Where the next line begins.
    next: usize,
    /// It holds a CR that ends no line, or a NUL that is not quoted: others may end it there.
    is_stray: bool,
}

impl Line {
    /// Finds the end of the line that begins at `start`; `None` when there is none.
    fn find(bytes: &[u8], start: usize) -> Option<Self> {
        let mut is_stray = false;
        let mut from = start;
        loop {
            let at = from + memchr::memchr3(b'\r', b'\n', b'\0', bytes.get(from..)?)?;
            let next = match bytes.get(at..)? {
                [b'\n', ..] => at + 1,
                [b'\r', b'\n', ..] => at + 2,
                other => {
                    is_stray |= !is_quoted_nul(bytes, at, other);
                    from = at + 1;
                    continue;
                }
            };
            return Some(Self {
                end: at,
                next,
                is_stray,
            });
        }
    }

    fn end_length(&self) -> usize {
        self.next - self.end
    }
}

/// RFC 4475 3.1.1.2 quotes one.
fn is_quoted_nul(bytes: &[u8], at: usize, found: &[u8]) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    found.starts_with(b"\0") && before == Some(&b'\\')
}

/// Offsets into a head have 16 bits.
pub(crate) const LARGEST_HEAD: usize = u16::MAX as usize;
const MOST_FIELDS: usize = 256;
