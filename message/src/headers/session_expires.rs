use crate::grammar::Cursor;
use crate::headers::Params;
use crate::headers::access::take_seconds;

/// Session-Expires ([RFC 4028 4](https://www.rfc-editor.org/rfc/rfc4028#section-4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// How long the session lives without a refresh, in seconds.
    pub seconds: u32,
    /// Who refreshes it, where that is said.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a session: the one who sent the request that says so, or the one who answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The sender of the request.
    Uac,
    /// Its receiver.
    Uas,
}

impl SessionExpires {
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, &'static str> {
        let seconds = take_seconds(cursor)?;
        let params = Params::take(cursor)?;
        let refresher = params.get("refresher").map(|value| value.as_bytes());
        let is = |name: &[u8]| refresher.is_some_and(|value| value.eq_ignore_ascii_case(name));
        Ok(Self {
            seconds,
            refresher: match () {
                () if is(b"uac") => Some(Refresher::Uac),
                () if is(b"uas") => Some(Refresher::Uas),
                () => None,
            },
        })
    }
}

/// The seconds of Min-SE, whose parameters mean nothing yet.
pub(crate) fn take_min_se(cursor: &mut Cursor<'_>) -> Result<u32, &'static str> {
    let seconds = take_seconds(cursor)?;
    Params::take(cursor)?;
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    #[test]
    fn the_refresher_is_read_in_any_case() {
        let read = |value: &str| headers(value).session_expires().unwrap().unwrap();
        let expires = read("x: 1800;refresher=UAS");
        assert_eq!(expires.seconds, 1800);
        assert_eq!(expires.refresher, Some(Refresher::Uas));
        assert_eq!(
            read("Session-Expires: 90 ; refresher = uac").refresher,
            Some(Refresher::Uac)
        );
        assert_eq!(read("Session-Expires: 90;refresher=proxy").refresher, None);
        assert_eq!(read("Session-Expires: 90").refresher, None);
    }

    #[test]
    fn what_is_no_number_is_malformed() {
        assert!(headers("Session-Expires: soon").session_expires().is_err());
        assert!(headers("Min-SE: 4294967296").min_se().is_err());
        assert_eq!(headers("Min-SE: 120;a=b").min_se().unwrap(), Some(120));
    }
}
