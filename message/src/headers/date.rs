use crate::grammar::{Class, Cursor, number_as};

/// Date, always GMT ([RFC 3261 20.17](https://www.rfc-editor.org/rfc/rfc3261#section-20.17)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SipDate {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60; 60 is a leap second.
    pub second: u8,
}

impl SipDate {
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, &'static str> {
        let weekday = cursor.take_while(|byte| byte.is_ascii_alphabetic());
        if !WEEKDAYS
            .iter()
            .any(|name| weekday.eq_ignore_ascii_case(name))
            || !cursor.separator(b',')
        {
            return Err("the date does not begin with a day of the week and a comma");
        }
        let day = take_number(cursor, 2)
            .filter(|day| (1..=31).contains(day))
            .ok_or("the day is not 01 to 31")?;
        cursor.skip_lws();
        let month = take_month(cursor).ok_or("the month is not Jan to Dec")?;
        cursor.skip_lws();
        let year = number_as(cursor.take(4)).ok_or("the year is not four digits")?;
        cursor.skip_lws();
        let (hour, minute, second) = take_time(cursor).ok_or("the time is not hh:mm:ss")?;
        cursor.skip_lws();
        if !cursor.take(3).eq_ignore_ascii_case(b"GMT") {
            return Err("the time zone is not GMT");
        }
        Ok(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }
}

/// Timestamp ([RFC 3261 20.38](https://www.rfc-editor.org/rfc/rfc3261#section-20.38)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// When the request was sent, in seconds of the client's own clock, as it came.
    pub time: &'a [u8],
    /// How long the server took, in seconds, as it came.
    pub delay: Option<&'a [u8]>,
}

impl<'a> Timestamp<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let time = take_decimal(cursor).ok_or("the time is not a decimal number")?;
        if !cursor.peek().is_some_and(|byte| Class::LWS.has(byte)) {
            return Ok(Self { time, delay: None });
        }
        cursor.skip_lws();
        let delay = take_decimal(cursor).ok_or("the delay is not a decimal number")?;
        Ok(Self {
            time,
            delay: Some(delay),
        })
    }
}

/// `1*DIGIT [ "." *DIGIT ]`, and the delay may begin with the point.
fn take_decimal<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let start = *cursor;
    let whole = cursor.take_all(Class::DIGIT);
    let has_fraction = cursor.eat(b'.') && !cursor.take_all(Class::DIGIT).is_empty();
    (!whole.is_empty() || has_fraction).then(|| cursor.since(start))
}

fn take_number(cursor: &mut Cursor<'_>, digits: usize) -> Option<u8> {
    number_as(cursor.take(digits))
}

fn take_month(cursor: &mut Cursor<'_>) -> Option<u8> {
    let name = cursor.take(3);
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| name.eq_ignore_ascii_case(month))
        .map(|(number, _)| number)
}

fn take_time(cursor: &mut Cursor<'_>) -> Option<(u8, u8, u8)> {
    let hour = take_number(cursor, 2).filter(|hour| *hour < 24)?;
    let minute = take_number_after_colon(cursor).filter(|minute| *minute < 60)?;
    let second = take_number_after_colon(cursor).filter(|second| *second <= 60)?;
    Some((hour, minute, second))
}

fn take_number_after_colon(cursor: &mut Cursor<'_>) -> Option<u8> {
    if !cursor.eat(b':') {
        return None;
    }
    take_number(cursor, 2)
}

const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    #[test]
    fn dates_are_gmt() {
        let date = headers("Date: Sat, 13 Nov 2010 23:29:00 GMT")
            .date()
            .unwrap()
            .unwrap();
        assert_eq!(
            date,
            SipDate {
                year: 2010,
                month: 11,
                day: 13,
                hour: 23,
                minute: 29,
                second: 0
            }
        );
        for text in [
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Fri, 01 Jan 2010 16:00:00",
            "Fri, 00 Jan 2010 16:00:00 GMT",
            "Fri, 01 Foo 2010 16:00:00 GMT",
            "Fri, 01 Jan 10 16:00:00 GMT",
            "Fri, 01 Jan 2010 24:00:00 GMT",
            "Fri, 01 Jan 2010 16:60:00 GMT",
            "Fri 01 Jan 2010 16:00:00 GMT",
            "Foo, 01 Jan 2010 16:00:00 GMT",
            "",
        ] {
            assert!(headers(&format!("Date: {text}")).date().is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps() {
        let both = headers("Timestamp: 54.21 .5");
        assert_eq!(
            both.timestamp(),
            Ok(Some(Timestamp {
                time: b"54.21",
                delay: Some(b".5")
            }))
        );
        let alone = headers("Timestamp: 54");
        assert_eq!(
            alone.timestamp(),
            Ok(Some(Timestamp {
                time: b"54",
                delay: None
            }))
        );
        for text in ["", ".", "a", "1 2 3", "1.2.3"] {
            assert!(
                headers(&format!("Timestamp: {text}")).timestamp().is_err(),
                "{text}"
            );
        }
    }
}
