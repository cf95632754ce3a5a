use crate::request::Request;

/// A key that somebody pressed, as an INFO without a package tells it
/// ([RFC 6086 2](https://www.rfc-editor.org/rfc/rfc6086#section-2)): `application/dtmf-relay` or `application/dtmf`.
/// No RFC writes them down; phones agree on `Signal=5` and `Duration=160`, and some write the code of an event
/// ([RFC 4733 3.2](https://www.rfc-editor.org/rfc/rfc4733#section-3.2)), 10 for `*` to 15 for `D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtmf {
    /// `0` to `9`, `*`, `#`, or `A` to `D`.
    pub signal: char,
    /// For how long it was pressed, in milliseconds, where that is said.
    pub duration: Option<u32>,
}

impl Request {
    /// The key that an INFO tells of. `None` where the body tells of none.
    pub fn dtmf(&self) -> Option<Dtmf> {
        let content_type = self.headers().content_type().ok()??;
        let text = str::from_utf8(self.body()).ok()?;
        if content_type.is("application", "dtmf-relay") {
            let value = |name: &str| {
                let mut fields = text.lines().filter_map(|line| line.split_once('='));
                let field = fields.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                field.map(|(_, value)| value.trim())
            };
            let duration = value("Duration").and_then(|duration| duration.parse().ok());
            return Dtmf::new(value("Signal")?, duration);
        }
        if content_type.is("application", "dtmf") {
            return Dtmf::new(text.trim(), None);
        }
        None
    }
}

impl Dtmf {
    fn new(signal: &str, duration: Option<u32>) -> Option<Self> {
        let signal = match signal.as_bytes() {
            [key @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd')] => {
                char::from(key.to_ascii_uppercase())
            }
            b"10" => '*',
            b"11" => '#',
            [b'1', code @ b'2'..=b'5'] => char::from(b'A' + (code - b'2')),
            _ => return None,
        };
        Some(Self { signal, duration })
    }
}

#[cfg(test)]
mod tests {
    use crate::message::Message;
    use crate::parse::parse;

    use super::*;

    fn dtmf(content_type: &str, body: &str) -> Option<Dtmf> {
        let text = format!(
            "INFO sip:a@b SIP/2.0\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Message::Request(request) = parse(text.into()).unwrap() else {
            panic!("it begins with a request line");
        };
        request.dtmf()
    }

    #[test]
    fn keys_as_phones_write_them() {
        let key = |signal, duration| Some(Dtmf { signal, duration });
        let relay = "application/dtmf-relay";
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", key('5', Some(160))),
            ("Signal= *\nDuration= 250", key('*', Some(250))),
            ("signal=d\r\n", key('D', None)),
            ("Signal=#\r\nDuration=long\r\n", key('#', None)),
            ("Signal=10\r\n", key('*', None)),
            ("Signal=11\r\n", key('#', None)),
            ("Signal=12\r\n", key('A', None)),
            ("Signal=15\r\n", key('D', None)),
            ("Signal=16\r\n", None),
            ("Signal=55\r\n", None),
            ("Signal=\r\n", None),
            ("Duration=160\r\n", None),
            ("", None),
        ] {
            assert_eq!(dtmf(relay, body), expected, "{body}");
        }
        assert_eq!(dtmf("application/dtmf", "7\r\n"), key('7', None));
        assert_eq!(dtmf("application/dtmf", "x"), None);
        assert_eq!(dtmf("text/plain", "7"), None);
    }
}
