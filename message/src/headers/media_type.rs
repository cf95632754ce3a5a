use crate::grammar::Cursor;
use crate::headers::Params;
use crate::headers::name_addr::thousandths;

/// Content-Type ([RFC 3261 20.15](https://www.rfc-editor.org/rfc/rfc3261#section-20.15)).
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `application` in `application/sdp`.
    pub kind: &'a [u8],
    /// `sdp` in `application/sdp`.
    pub subtype: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let kind = cursor.token().ok_or("the media type is missing")?;
        if !cursor.separator(b'/') {
            return Err("the media type has no subtype");
        }
        let subtype = cursor.token().ok_or("the media type has no subtype")?;
        let params = Params::take(cursor)?;
        Ok(Self {
            kind,
            subtype,
            params,
        })
    }

    /// Whether it is this type, in any case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }
}

/// One value of Accept: a media type, `type/*` or `*/*` ([RFC 3261 20.1](https://www.rfc-editor.org/rfc/rfc3261#section-20.1)).
#[derive(Clone, Copy, Debug)]
pub struct MediaRange<'a> {
    /// The type, or `*`.
    pub kind: &'a [u8],
    /// The subtype, or `*`.
    pub subtype: &'a [u8],
    /// The parameters, q among them.
    pub params: Params<'a>,
}

impl<'a> MediaRange<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let MediaType {
            kind,
            subtype,
            params,
        } = MediaType::take(cursor)?;
        Ok(Self {
            kind,
            subtype,
            params,
        })
    }

    /// Whether the range covers this type, in any case.
    pub fn includes(&self, kind: &str, subtype: &str) -> bool {
        covers(self.kind, kind) && covers(self.subtype, subtype)
    }

    /// The preference in thousandths, 0 to 1000; what has 0 is not accepted.
    pub fn q(&self) -> u16 {
        let q = self.params.get("q");
        q.and_then(|q| thousandths(q.as_bytes())).unwrap_or(1000)
    }
}

fn covers(pattern: &[u8], text: &str) -> bool {
    pattern == b"*" || pattern.eq_ignore_ascii_case(text.as_bytes())
}

/// Content-Disposition ([RFC 3261 20.11](https://www.rfc-editor.org/rfc/rfc3261#section-20.11)).
#[derive(Clone, Copy, Debug)]
pub struct Disposition<'a> {
    /// `session`, `render`, `early-session` … as it came.
    pub kind: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Disposition<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let kind = cursor.token().ok_or("the disposition is missing")?;
        Ok(Self {
            kind,
            params: Params::take(cursor)?,
        })
    }

    /// Whether it is this disposition, in any case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// Whether the body may be ignored: `handling=optional`. Required is the default.
    pub fn is_optional(&self) -> bool {
        self.params
            .get("handling")
            .is_some_and(|handling| handling.as_bytes().eq_ignore_ascii_case(b"optional"))
    }
}

#[cfg(test)]
mod tests {
    use crate::headers::tests::headers;

    #[test]
    fn content_headers() {
        let headers = headers(
            "c: Application / SDP ;charset=utf-8\r\nContent-Disposition: Session;handling=Optional\r\ne: gzip, tar",
        );
        let content_type = headers.content_type().unwrap().unwrap();
        assert!(content_type.is("application", "sdp") && !content_type.is("application", "isup"));
        assert!(content_type.params.contains("charset"));
        let disposition = headers.content_disposition().unwrap().unwrap();
        assert!(disposition.is("session") && disposition.is_optional());
        assert_eq!(headers.content_encodings().count(), 2);
        assert_eq!(headers.content_languages().count(), 0);
    }

    #[test]
    fn what_is_no_media_type() {
        for text in ["", "text", "text/", "/plain", "text/plain x"] {
            assert!(
                headers(&format!("c: {text}")).content_type().is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn ranges() {
        let headers = headers("Accept: text/plain;q=0.5, application/*\r\nAccept: */*");
        let ranges: Vec<_> = headers.accept().collect::<Result<_, _>>().unwrap();
        let includes_sdp: Vec<_> = ranges
            .iter()
            .map(|range| range.includes("application", "sdp"))
            .collect();
        assert_eq!(includes_sdp, [false, true, true]);
        assert!(ranges[0].includes("Text", "Plain"));
    }
}
