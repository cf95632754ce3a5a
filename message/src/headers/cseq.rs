use crate::grammar::{Class, Cursor, number_as};
use crate::method::Method;

/// `CSeq` ([RFC 3261 20.16](https://www.rfc-editor.org/rfc/rfc3261#section-20.16)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// The sequence number, at most 2^31-1.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, &'static str> {
        let number: u32 = take_number(cursor)?;
        if number > LARGEST_NUMBER {
            return Err("the number is above 2^31-1");
        }
        Ok(Self {
            number,
            method: take_method(cursor)?,
        })
    }
}

/// `RAck` ([RFC 3262 7.2](https://www.rfc-editor.org/rfc/rfc3262#section-7.2)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The `RSeq` of the response that is acknowledged.
    pub rseq: u32,
    /// The number of its `CSeq`.
    pub cseq: u32,
    /// The method of its `CSeq`.
    pub method: Method,
}

impl RAck {
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, &'static str> {
        let rseq = take_number(cursor)?;
        cursor.skip_lws();
        let CSeq { number, method } = CSeq::take(cursor)?;
        Ok(Self {
            rseq,
            cseq: number,
            method,
        })
    }
}

fn take_number(cursor: &mut Cursor<'_>) -> Result<u32, &'static str> {
    let digits = cursor.take_all(Class::DIGIT);
    if digits.is_empty() {
        return Err("the number is missing");
    }
    number_as(digits).ok_or("the number is above 2^32-1")
}

fn take_method(cursor: &mut Cursor<'_>) -> Result<Method, &'static str> {
    cursor.skip_lws();
    cursor
        .token()
        .and_then(Method::parse)
        .ok_or("the method is missing")
}

const LARGEST_NUMBER: u32 = (1 << 31) - 1;
