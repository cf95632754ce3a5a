use crate::grammar::{Cursor, number_as};
use crate::headers::{ParamValue, Params};

/// One value of Reason ([RFC 3326 2](https://www.rfc-editor.org/rfc/rfc3326#section-2)).
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` … as it came.
    pub protocol: &'a [u8],
    /// The status code or Q.850 cause.
    pub cause: Option<u16>,
    /// The text for people.
    pub text: Option<ParamValue<'a>>,
    /// All parameters, cause and text among them.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let protocol = cursor.token().ok_or("the protocol is missing")?;
        let params = Params::take(cursor)?;
        Ok(Self {
            protocol,
            cause: params
                .get("cause")
                .and_then(|cause| number_as(cause.as_bytes())),
            text: params.get("text"),
            params,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::headers::tests::headers;

    #[test]
    fn several_reasons() {
        let headers = headers(
            "Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\", Q.850;cause=16\r\nReason: X",
        );
        let reasons: Vec<_> = headers.reasons().collect::<Result<_, _>>().unwrap();
        assert_eq!(
            (reasons[0].protocol, reasons[0].cause),
            (&b"SIP"[..], Some(200))
        );
        assert_eq!(
            reasons[0].text.unwrap().unquoted().as_ref(),
            b"Call completed elsewhere"
        );
        assert_eq!(
            (reasons[1].protocol, reasons[1].cause),
            (&b"Q.850"[..], Some(16))
        );
        assert_eq!((reasons[2].cause, reasons[2].text), (None, None));
        assert_eq!(reasons.len(), 3);
    }
}
