//! Typed access to the headers by name.

use crate::grammar::{Class, Cursor, number, number_as, trim_lws};
use crate::headers::elements::Elements;
use crate::headers::name_addr::{tag_of, uri_of};
use crate::headers::refer::take_refer_sub;
use crate::headers::session_expires::take_min_se;
use crate::headers::{
    CSeq, Contact, Disposition, EventPackage, HeaderError, HeaderName, Headers, MediaRange,
    MediaType, NameAddr, RAck, Reason, ReferTo, Replaces, RetryAfter, SessionExpires, SipDate,
    SubscriptionState, Timestamp, Via,
};

/// Each method reads the value anew. A header that may stand only once and stands twice is an error, and an iterator over
/// a list ends a line at its first malformed value.
impl Headers {
    /// Call-ID, [RFC 3261 20.8](https://www.rfc-editor.org/rfc/rfc3261#section-20.8).
    pub fn call_id(&self) -> Result<&[u8], HeaderError> {
        self.mandatory(HeaderName::CallId, take_word)
    }

    /// `CSeq`, [RFC 3261 20.16](https://www.rfc-editor.org/rfc/rfc3261#section-20.16).
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.mandatory(HeaderName::CSeq, CSeq::take)
    }

    /// From, [RFC 3261 20.20](https://www.rfc-editor.org/rfc/rfc3261#section-20.20).
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.mandatory(HeaderName::From, NameAddr::take)
    }

    /// To, [RFC 3261 20.39](https://www.rfc-editor.org/rfc/rfc3261#section-20.39).
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.mandatory(HeaderName::To, NameAddr::take)
    }

    /// The tag of From, read alone: that is cheaper than [`Headers::from`], which checks the rest of the header.
    pub fn from_tag(&self) -> Option<&[u8]> {
        tag_of(self.raw(HeaderName::From)?)
    }

    /// The tag of To, read alone: that is cheaper than [`Headers::to`], which checks the rest of the header.
    pub fn to_tag(&self) -> Option<&[u8]> {
        tag_of(self.raw(HeaderName::To)?)
    }

    /// The topmost value of Via. The values below it are not looked at.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        let value = self
            .raw(HeaderName::Via)
            .ok_or(HeaderError::missing(HeaderName::Via))?;
        Elements::new(HeaderName::Via, value, Via::take)
            .next()
            .ok_or(HeaderError::missing(HeaderName::Via))?
    }

    /// The only value of Via: that of a response that has come to where it belongs
    /// ([RFC 3261 8.1.3.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.3)).
    pub fn only_via(&self) -> Result<Via<'_>, HeaderError> {
        self.mandatory(HeaderName::Via, Via::take)
    }

    /// The topmost value of Via without its parameters, whatever those are: where the answer to a malformed request goes.
    pub fn via_to_sent_by(&self) -> Option<Via<'_>> {
        let value = self.raw(HeaderName::Via)?;
        Via::take_to_sent_by(&mut Cursor::new(value)).ok()
    }

    /// All values of Via, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, HeaderError>> {
        self.elements(HeaderName::Via, Via::take)
    }

    /// Contact, [RFC 3261 20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10).
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, HeaderError>> {
        self.elements(HeaderName::Contact, Contact::take)
    }

    /// The URI of the first value of Contact, as it came: it need not be one.
    pub fn contact_uri_bytes(&self) -> Option<&[u8]> {
        uri_of(self.raw(HeaderName::Contact)?)
    }

    /// Route, [RFC 3261 20.34](https://www.rfc-editor.org/rfc/rfc3261#section-20.34).
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(HeaderName::Route, NameAddr::take)
    }

    /// Record-Route, [RFC 3261 20.30](https://www.rfc-editor.org/rfc/rfc3261#section-20.30).
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(HeaderName::RecordRoute, NameAddr::take)
    }

    /// Max-Forwards, at most 255, [RFC 3261 20.22](https://www.rfc-editor.org/rfc/rfc3261#section-20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.single(HeaderName::MaxForwards, |cursor| {
            number_as(take_digits(cursor)).ok_or("it is not a number up to 255")
        })
    }

    /// Content-Length in octets, [RFC 3261 20.14](https://www.rfc-editor.org/rfc/rfc3261#section-20.14).
    pub fn content_length(&self) -> Result<Option<u64>, HeaderError> {
        self.single(HeaderName::ContentLength, |cursor| {
            number(take_digits(cursor)).ok_or("it is not a number below 2^64")
        })
    }

    /// Content-Type, [RFC 3261 20.15](https://www.rfc-editor.org/rfc/rfc3261#section-20.15).
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        self.single(HeaderName::ContentType, MediaType::take)
    }

    /// Content-Disposition, [RFC 3261 20.11](https://www.rfc-editor.org/rfc/rfc3261#section-20.11).
    pub fn content_disposition(&self) -> Result<Option<Disposition<'_>>, HeaderError> {
        self.single(HeaderName::ContentDisposition, Disposition::take)
    }

    /// Content-Encoding, [RFC 3261 20.12](https://www.rfc-editor.org/rfc/rfc3261#section-20.12).
    pub fn content_encodings(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements(HeaderName::ContentEncoding, take_token)
    }

    /// Content-Language, [RFC 3261 20.13](https://www.rfc-editor.org/rfc/rfc3261#section-20.13).
    pub fn content_languages(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements(HeaderName::ContentLanguage, take_token)
    }

    /// Accept, [RFC 3261 20.1](https://www.rfc-editor.org/rfc/rfc3261#section-20.1). An Accept without values accepts
    /// nothing; without any Accept, `application/sdp` is accepted.
    pub fn accept(&self) -> impl Iterator<Item = Result<MediaRange<'_>, HeaderError>> {
        self.elements_or_none(HeaderName::Accept, MediaRange::take)
    }

    /// Allow: methods, [RFC 3261 20.5](https://www.rfc-editor.org/rfc/rfc3261#section-20.5).
    pub fn allow(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements_or_none(HeaderName::Allow, take_token)
    }

    /// Supported: option tags, [RFC 3261 20.37](https://www.rfc-editor.org/rfc/rfc3261#section-20.37).
    pub fn supported(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements_or_none(HeaderName::Supported, take_token)
    }

    /// Require: option tags, [RFC 3261 20.32](https://www.rfc-editor.org/rfc/rfc3261#section-20.32).
    pub fn require(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements(HeaderName::Require, take_token)
    }

    /// Proxy-Require: option tags, [RFC 3261 20.29](https://www.rfc-editor.org/rfc/rfc3261#section-20.29).
    pub fn proxy_require(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements(HeaderName::ProxyRequire, take_token)
    }

    /// Unsupported: option tags, [RFC 3261 20.40](https://www.rfc-editor.org/rfc/rfc3261#section-20.40).
    pub fn unsupported(&self) -> impl Iterator<Item = Result<&[u8], HeaderError>> {
        self.elements(HeaderName::Unsupported, take_token)
    }

    /// Expires in seconds, [RFC 3261 20.19](https://www.rfc-editor.org/rfc/rfc3261#section-20.19).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.single(HeaderName::Expires, take_seconds)
    }

    /// Min-Expires in seconds, [RFC 3261 20.23](https://www.rfc-editor.org/rfc/rfc3261#section-20.23).
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.single(HeaderName::MinExpires, take_seconds)
    }

    /// Retry-After, [RFC 3261 20.33](https://www.rfc-editor.org/rfc/rfc3261#section-20.33).
    pub fn retry_after(&self) -> Result<Option<RetryAfter<'_>>, HeaderError> {
        self.single(HeaderName::RetryAfter, RetryAfter::take)
    }

    /// Session-Expires, [RFC 4028 4](https://www.rfc-editor.org/rfc/rfc4028#section-4).
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.single(HeaderName::SessionExpires, SessionExpires::take)
    }

    /// Min-SE in seconds, [RFC 4028 5](https://www.rfc-editor.org/rfc/rfc4028#section-5).
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        self.single(HeaderName::MinSe, take_min_se)
    }

    /// Refer-To, [RFC 3515 2.1](https://www.rfc-editor.org/rfc/rfc3515#section-2.1).
    pub fn refer_to(&self) -> Result<ReferTo, HeaderError> {
        self.mandatory(HeaderName::ReferTo, NameAddr::take)
            .map(ReferTo::from)
    }

    /// Referred-By, [RFC 3892 3](https://www.rfc-editor.org/rfc/rfc3892#section-3).
    pub fn referred_by(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        self.single(HeaderName::ReferredBy, NameAddr::take)
    }

    /// Refer-Sub, [RFC 4488 4](https://www.rfc-editor.org/rfc/rfc4488#section-4).
    pub fn refer_sub(&self) -> Result<Option<bool>, HeaderError> {
        self.single(HeaderName::ReferSub, take_refer_sub)
    }

    /// Replaces, [RFC 3891 6.1](https://www.rfc-editor.org/rfc/rfc3891#section-6.1).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        self.single(HeaderName::Replaces, Replaces::take)
    }

    /// Event, [RFC 6665 8.2.1](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.1).
    pub fn event(&self) -> Result<Option<EventPackage<'_>>, HeaderError> {
        self.single(HeaderName::Event, EventPackage::take)
    }

    /// Subscription-State, [RFC 6665 8.2.3](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.3).
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState<'_>>, HeaderError> {
        self.single(HeaderName::SubscriptionState, SubscriptionState::take)
    }

    /// Reason, [RFC 3326 2](https://www.rfc-editor.org/rfc/rfc3326#section-2).
    pub fn reasons(&self) -> impl Iterator<Item = Result<Reason<'_>, HeaderError>> {
        self.elements(HeaderName::Reason, Reason::take)
    }

    /// P-Asserted-Identity: who the caller or callee is, as a proxy says that we trust,
    /// [RFC 3325 9.1](https://www.rfc-editor.org/rfc/rfc3325#section-9.1).
    pub fn p_asserted_identities(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(HeaderName::PAssertedIdentity, NameAddr::take)
    }

    /// Diversion: who sent the call on, the last first,
    /// [RFC 5806 5](https://www.rfc-editor.org/rfc/rfc5806#section-5).
    pub fn diversions(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.elements(HeaderName::Diversion, NameAddr::take)
    }

    /// Privacy: what the sender wants withheld, `id`, `header`, `session`, `user`, `none` and `critical`,
    /// [RFC 3323 4.2](https://www.rfc-editor.org/rfc/rfc3323#section-4.2). Nothing where it is absent.
    pub fn privacy(&self) -> impl Iterator<Item = &[u8]> {
        let values = self.values(HeaderName::Privacy);
        let values = values.flat_map(|value| value.split(|byte| matches!(byte, b';' | b',')));
        values.map(trim_lws).filter(|value| !value.is_empty())
    }

    /// Date, [RFC 3261 20.17](https://www.rfc-editor.org/rfc/rfc3261#section-20.17).
    pub fn date(&self) -> Result<Option<SipDate>, HeaderError> {
        self.single(HeaderName::Date, SipDate::take)
    }

    /// Timestamp, [RFC 3261 20.38](https://www.rfc-editor.org/rfc/rfc3261#section-20.38).
    pub fn timestamp(&self) -> Result<Option<Timestamp<'_>>, HeaderError> {
        self.single(HeaderName::Timestamp, Timestamp::take)
    }

    /// `RAck`, [RFC 3262 7.2](https://www.rfc-editor.org/rfc/rfc3262#section-7.2).
    pub fn rack(&self) -> Result<RAck, HeaderError> {
        self.mandatory(HeaderName::RAck, RAck::take)
    }

    /// `RSeq`, [RFC 3262 7.1](https://www.rfc-editor.org/rfc/rfc3262#section-7.1).
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.single(HeaderName::RSeq, |cursor| {
            number_as(take_digits(cursor))
                .filter(|number| *number > 0)
                .ok_or("it is not a number from 1 to 2^32-1")
        })
    }
}

/// Wider than `word [ "@" word ]`: all that tells calls apart.
fn take_word<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], &'static str> {
    let value = cursor.rest();
    // Nearly always it is the whole value.
    let word = if Class::LWS.has_any(value) {
        cursor.take_while(|byte| !Class::LWS.has(byte))
    } else {
        cursor.take(value.len())
    };
    if word.is_empty() {
        return Err("it is empty");
    }
    Ok(word)
}

fn take_token<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], &'static str> {
    cursor.token().ok_or("a value of the list is not a token")
}

fn take_digits<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    cursor.take_all(Class::DIGIT)
}

pub(super) fn take_seconds(cursor: &mut Cursor<'_>) -> Result<u32, &'static str> {
    number_as(take_digits(cursor)).ok_or("it is not a number of seconds below 2^32")
}

#[cfg(test)]
mod tests {
    use crate::headers::tests::headers;
    use crate::headers::{HeaderError, HeaderName};
    use crate::method::Method;

    #[test]
    fn a_via_may_have_to_be_the_only_one() {
        assert!(headers("v: SIP/2.0/UDP a").only_via().is_ok());
        for more in [
            "v: SIP/2.0/UDP a, SIP/2.0/UDP b",
            "v: SIP/2.0/UDP a\r\nv: SIP/2.0/UDP b",
        ] {
            assert!(headers(more).only_via().is_err(), "{more}");
        }
    }

    #[test]
    fn mandatory_headers_stand_once() {
        let none = headers("s:");
        assert_eq!(
            none.call_id(),
            Err(HeaderError::missing(HeaderName::CallId))
        );
        assert_eq!(none.cseq(), Err(HeaderError::missing(HeaderName::CSeq)));
        assert_eq!(
            none.via().unwrap_err().to_string(),
            "the Via header is missing"
        );
        let twice = headers("i: a\r\nCall-ID: a");
        assert_eq!(
            twice.call_id().unwrap_err().to_string(),
            "there is more than one Call-ID header"
        );
    }

    #[test]
    fn call_ids() {
        assert_eq!(
            headers("i: a b@c").call_id().unwrap_err().kind,
            crate::HeaderErrorKind::Malformed
        );
        assert!(headers("i:").call_id().is_err());
        assert_eq!(
            headers("i: a-word%ZK-!.*_+'@word`~)(><:\\/\"][?}{")
                .call_id()
                .map(<[u8]>::len),
            Ok(36)
        );
    }

    #[test]
    fn cseq_has_limits() {
        let cseq = headers("CSeq: 0009\r\n  INVITE").cseq().unwrap();
        assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
        assert_eq!(
            headers("CSeq: 2147483647 ACK")
                .cseq()
                .map(|cseq| cseq.number),
            Ok(2_147_483_647)
        );
        assert_eq!(
            headers("CSeq: 2147483648 ACK")
                .cseq()
                .unwrap_err()
                .to_string(),
            "the CSeq header is malformed: the number is above 2^31-1"
        );
        for bad in [
            "",
            "1",
            "ACK",
            "-1 ACK",
            "36893488147419103232 ACK",
            "1 ACK x",
            "1 A/B",
        ] {
            assert!(headers(&format!("CSeq: {bad}")).cseq().is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        let numbers = headers(
            "Max-Forwards: 0068\r\nl: 0\r\nExpires: 4294967295\r\nRSeq: 4294967295\r\nRAck: 7 9 INVITE",
        );
        assert_eq!(numbers.max_forwards(), Ok(Some(68)));
        assert_eq!(numbers.content_length(), Ok(Some(0)));
        assert_eq!(numbers.expires(), Ok(Some(u32::MAX)));
        assert_eq!(numbers.rseq(), Ok(Some(u32::MAX)));
        let rack = numbers.rack().unwrap();
        assert_eq!((rack.rseq, rack.cseq, rack.method), (7, 9, Method::Invite));

        let none = headers("s:");
        assert_eq!(
            (none.max_forwards(), none.expires(), none.rseq()),
            (Ok(None), Ok(None), Ok(None))
        );

        let beyond =
            headers("Max-Forwards: 256\r\nExpires: 4294967296\r\nRSeq: 0\r\nRAck: 7 INVITE");
        assert!(beyond.max_forwards().is_err() && beyond.expires().is_err());
        assert!(beyond.rseq().is_err() && beyond.rack().is_err());
    }

    #[test]
    fn lists_span_lines_and_commas() {
        let lists = headers(
            "Require: a , b\r\nRequire: c\r\nSupported:\r\nk: d\r\nAllow: INVITE,ACK\r\nAccept:",
        );
        assert_eq!(
            lists.require().collect::<Result<Vec<_>, _>>().unwrap(),
            [b"a", b"b", b"c"]
        );
        assert_eq!(
            lists.supported().collect::<Result<Vec<_>, _>>().unwrap(),
            [b"d"]
        );
        assert_eq!(lists.allow().count(), 2);
        assert_eq!(lists.accept().count(), 0);
        assert_eq!(lists.unsupported().count(), 0);
    }

    #[test]
    fn identities_and_privacy() {
        let asserted = headers(
            "P-Asserted-Identity: \"A\" <sip:a@b>, tel:+123\r\nPrivacy: id;\r\n critical\r\nDiversion: <sip:c@b>;reason=no-answer",
        );
        let identities = asserted.p_asserted_identities();
        let uris: Vec<_> = identities.map(|it| it.unwrap().uri_bytes()).collect();
        assert_eq!(uris, [&b"sip:a@b"[..], b"tel:+123"]);
        assert_eq!(
            asserted.privacy().collect::<Vec<_>>(),
            [&b"id"[..], b"critical"]
        );
        let diversion = asserted.diversions().next().unwrap().unwrap();
        assert_eq!(
            diversion.params.get("reason").unwrap().as_bytes(),
            b"no-answer"
        );
        assert_eq!(headers("s:").privacy().count(), 0);
    }

    #[test]
    fn a_list_ends_at_its_first_malformed_value() {
        let broken = headers("Require: a,,b");
        let values: Vec<_> = broken.require().collect();
        assert_eq!(values.len(), 2);
        assert_eq!(values[0], Ok(&b"a"[..]));
        assert!(values[1].is_err());
        assert!(headers("Require:").require().next().unwrap().is_err());
        assert!(headers("Require: a b").require().next().unwrap().is_err());
    }
}
