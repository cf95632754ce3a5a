use crate::grammar::{Class, Cursor, number_as};
use crate::headers::Params;

/// Retry-After ([RFC 3261 20.33](https://www.rfc-editor.org/rfc/rfc3261#section-20.33)).
#[derive(Clone, Copy, Debug)]
pub struct RetryAfter<'a> {
    /// How long to wait, in seconds.
    pub seconds: u32,
    /// How long the called party can be reached from then on, in seconds.
    pub duration: Option<u32>,
    /// The comment without its parentheses.
    pub comment: Option<&'a [u8]>,
}

impl<'a> RetryAfter<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let seconds = number_as(cursor.take_all(Class::DIGIT))
            .ok_or("the delay is not a number of seconds below 2^32")?;
        cursor.skip_lws();
        let comment = take_comment(cursor)?;
        let params = Params::take(cursor)?;
        let duration = params
            .get("duration")
            .and_then(|value| number_as(value.as_bytes()));
        Ok(Self {
            seconds,
            duration,
            comment,
        })
    }
}

fn take_comment<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, &'static str> {
    if cursor.peek() != Some(b'(') {
        return Ok(None);
    }
    let mut depth = 0_usize;
    let mut bytes = cursor.rest().iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'(' => depth += 1,
            b')' if depth == 1 => {
                let comment = cursor.take(at + 1);
                return Ok(comment.get(1..at));
            }
            b')' => depth -= 1,
            _ => {}
        }
    }
    Err("the comment does not end")
}

#[cfg(test)]
mod tests {
    use crate::headers::tests::headers;

    #[test]
    fn all_parts() {
        let headers = headers("Retry-After: 18000 (in (a) \\) meeting);duration=3600");
        let retry_after = headers.retry_after().unwrap().unwrap();
        assert_eq!(
            (retry_after.seconds, retry_after.duration),
            (18000, Some(3600))
        );
        assert_eq!(retry_after.comment, Some(&b"in (a) \\) meeting"[..]));
    }

    #[test]
    fn only_seconds_are_needed() {
        let headers = headers("Retry-After: 5");
        let retry_after = headers.retry_after().unwrap().unwrap();
        assert_eq!(
            (
                retry_after.seconds,
                retry_after.duration,
                retry_after.comment
            ),
            (5, None, None)
        );
    }

    #[test]
    fn what_is_no_delay() {
        for text in ["", "soon", "4294967296", "5 (a", "5 minutes"] {
            assert!(
                headers(&format!("Retry-After: {text}"))
                    .retry_after()
                    .is_err(),
                "{text}"
            );
        }
    }
}
