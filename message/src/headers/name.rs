//! The names of header fields ([RFC 3261 7.3](https://www.rfc-editor.org/rfc/rfc3261#section-7.3)).

use std::fmt;

/// Declares [`HeaderName`] and the list of all names.
macro_rules! header_names {
    ($($variant:ident $text:literal,)*) => {
        /// A header field that is registered with IANA, or [`HeaderName::Other`].
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum HeaderName {
            $(
                #[doc = concat!("`", $text, "`")]
                $variant,
            )*
            /// Any name that is not in this list; the message holds its text.
            Other,
        }

        impl HeaderName {
            /// The long form as its RFC writes it; `""` for [`HeaderName::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other => "",
                }
            }
        }

        const NAMES: [HeaderName; [$($text),*].len()] = [$(HeaderName::$variant),*];
    };
}

impl HeaderName {
    /// Recognises a name in any case, in its long or its compact form.
    pub fn parse(name: &[u8]) -> Self {
        if let [letter] = name {
            return Self::from_compact(*letter);
        }
        let mut slot = slot_of(name);
        while let Some((known, text)) = SLOTS.get(slot)
            && *known != Self::Other
        {
            if is_same(name, text.as_bytes()) {
                return *known;
            }
            slot = (slot + 1) % SLOT_COUNT;
        }
        Self::Other
    }

    /// Whether the value must not reach a log.
    pub(crate) const fn is_credentials(self) -> bool {
        matches!(self, Self::Authorization | Self::ProxyAuthorization)
    }

    const fn from_compact(letter: u8) -> Self {
        match letter.to_ascii_lowercase() {
            b'a' => Self::AcceptContact,
            b'b' => Self::ReferredBy,
            b'c' => Self::ContentType,
            b'd' => Self::RequestDisposition,
            b'e' => Self::ContentEncoding,
            b'f' => Self::From,
            b'i' => Self::CallId,
            b'j' => Self::RejectContact,
            b'k' => Self::Supported,
            b'l' => Self::ContentLength,
            b'm' => Self::Contact,
            b'n' => Self::IdentityInfo,
            b'o' => Self::Event,
            b'r' => Self::ReferTo,
            b's' => Self::Subject,
            b't' => Self::To,
            b'u' => Self::AllowEvents,
            b'v' => Self::Via,
            b'x' => Self::SessionExpires,
            b'y' => Self::Identity,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

header_names! {
    Accept "Accept",
    AcceptContact "Accept-Contact",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AcceptResourcePriority "Accept-Resource-Priority",
    AlertInfo "Alert-Info",
    Allow "Allow",
    AllowEvents "Allow-Events",
    AnswerMode "Answer-Mode",
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallId "Call-ID",
    CallInfo "Call-Info",
    CellularNetworkInfo "Cellular-Network-Info",
    Contact "Contact",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding",
    ContentId "Content-ID",
    ContentLanguage "Content-Language",
    ContentLength "Content-Length",
    ContentType "Content-Type",
    CSeq "CSeq",
    Date "Date",
    Diversion "Diversion",
    ErrorInfo "Error-Info",
    Event "Event",
    Expires "Expires",
    FeatureCaps "Feature-Caps",
    FlowTimer "Flow-Timer",
    From "From",
    Geolocation "Geolocation",
    GeolocationError "Geolocation-Error",
    GeolocationRouting "Geolocation-Routing",
    HistoryInfo "History-Info",
    Identity "Identity",
    IdentityInfo "Identity-Info",
    InfoPackage "Info-Package",
    InReplyTo "In-Reply-To",
    Join "Join",
    MaxBreadth "Max-Breadth",
    MaxForwards "Max-Forwards",
    MimeVersion "MIME-Version",
    MinExpires "Min-Expires",
    MinSe "Min-SE",
    Organization "Organization",
    PAccessNetworkInfo "P-Access-Network-Info",
    PAnswerState "P-Answer-State",
    PAssertedIdentity "P-Asserted-Identity",
    PAssertedService "P-Asserted-Service",
    PAssociatedUri "P-Associated-URI",
    PCalledPartyId "P-Called-Party-ID",
    PChargeInfo "P-Charge-Info",
    PChargingFunctionAddresses "P-Charging-Function-Addresses",
    PChargingVector "P-Charging-Vector",
    PEarlyMedia "P-Early-Media",
    PMediaAuthorization "P-Media-Authorization",
    PPreferredIdentity "P-Preferred-Identity",
    PPreferredService "P-Preferred-Service",
    PPrivateNetworkIndication "P-Private-Network-Indication",
    PProfileKey "P-Profile-Key",
    PRefusedUriList "P-Refused-URI-List",
    PServedUser "P-Served-User",
    PUserDatabase "P-User-Database",
    PVisitedNetworkId "P-Visited-Network-ID",
    Path "Path",
    PermissionMissing "Permission-Missing",
    PolicyContact "Policy-Contact",
    PolicyId "Policy-ID",
    Priority "Priority",
    PrivAnswerMode "Priv-Answer-Mode",
    Privacy "Privacy",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    RAck "RAck",
    Reason "Reason",
    RecordRoute "Record-Route",
    RecvInfo "Recv-Info",
    ReferEventsAt "Refer-Events-At",
    ReferSub "Refer-Sub",
    ReferTo "Refer-To",
    ReferredBy "Referred-By",
    RejectContact "Reject-Contact",
    RelayedCharge "Relayed-Charge",
    Replaces "Replaces",
    ReplyTo "Reply-To",
    RequestDisposition "Request-Disposition",
    Require "Require",
    ResourcePriority "Resource-Priority",
    ResourceShare "Resource-Share",
    ResponseSource "Response-Source",
    RestorationInfo "Restoration-Info",
    RetryAfter "Retry-After",
    Route "Route",
    RSeq "RSeq",
    SecurityClient "Security-Client",
    SecurityServer "Security-Server",
    SecurityVerify "Security-Verify",
    Server "Server",
    ServiceInteractInfo "Service-Interact-Info",
    ServiceRoute "Service-Route",
    SessionExpires "Session-Expires",
    SessionId "Session-ID",
    SipETag "SIP-ETag",
    SipIfMatch "SIP-If-Match",
    Subject "Subject",
    SubscriptionState "Subscription-State",
    Supported "Supported",
    SuppressIfMatch "Suppress-If-Match",
    TargetDialog "Target-Dialog",
    Timestamp "Timestamp",
    To "To",
    TriggerConsent "Trigger-Consent",
    Unsupported "Unsupported",
    UserAgent "User-Agent",
    UserToUser "User-to-User",
    Via "Via",
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

/// Nearly everybody writes names as their RFC does, and that is faster to see.
fn is_same(name: &[u8], known: &[u8]) -> bool {
    name == known || name.eq_ignore_ascii_case(known)
}

/// Where the search for a name starts: four cheap properties spread the names well enough. The bit that tells the case of a
/// letter is set in each octet.
const fn slot_of(name: &[u8]) -> usize {
    let (Some(first), Some(last), Some((_, [middle, ..]))) = (
        name.first(),
        name.last(),
        name.split_at_checked(name.len() / 2),
    ) else {
        return 0;
    };
    let [first, middle, last] = [
        *first as usize | 0x20,
        *middle as usize | 0x20,
        *last as usize | 0x20,
    ];
    (name.len() + first * 72 + middle * 186 + last * 89) % SLOT_COUNT
}

/// Places every name at its slot, or at the next free one.
#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which reports it"
)]
const fn fill_slots() -> [(HeaderName, &'static str); SLOT_COUNT] {
    let mut slots = [(HeaderName::Other, ""); SLOT_COUNT];
    let mut rest: &[HeaderName] = &NAMES;
    while let [name, others @ ..] = rest {
        let mut slot = slot_of(name.as_str().as_bytes());
        while !matches!(slots[slot].0, HeaderName::Other) {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = (*name, name.as_str());
        rest = others;
    }
    slots
}

/// Name and text together, so that one look at memory finds both.
static SLOTS: [(HeaderName, &str); SLOT_COUNT] = fill_slots();

/// Four times the number of names: most searches end at the first slot.
const SLOT_COUNT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for name in NAMES {
            let text = name.as_str();
            assert_eq!(HeaderName::parse(text.as_bytes()), name, "{text}");
            assert_eq!(
                HeaderName::parse(text.to_ascii_lowercase().as_bytes()),
                name,
                "{text}"
            );
            assert_eq!(
                HeaderName::parse(text.to_ascii_uppercase().as_bytes()),
                name,
                "{text}"
            );
        }
    }

    #[test]
    fn compact_forms() {
        for (letter, name) in [
            (b'a', HeaderName::AcceptContact),
            (b'b', HeaderName::ReferredBy),
            (b'c', HeaderName::ContentType),
            (b'd', HeaderName::RequestDisposition),
            (b'e', HeaderName::ContentEncoding),
            (b'f', HeaderName::From),
            (b'i', HeaderName::CallId),
            (b'j', HeaderName::RejectContact),
            (b'k', HeaderName::Supported),
            (b'l', HeaderName::ContentLength),
            (b'm', HeaderName::Contact),
            (b'n', HeaderName::IdentityInfo),
            (b'o', HeaderName::Event),
            (b'r', HeaderName::ReferTo),
            (b's', HeaderName::Subject),
            (b't', HeaderName::To),
            (b'u', HeaderName::AllowEvents),
            (b'v', HeaderName::Via),
            (b'x', HeaderName::SessionExpires),
            (b'y', HeaderName::Identity),
        ] {
            assert_eq!(HeaderName::parse(&[letter]), name);
            assert_eq!(HeaderName::parse(&[letter.to_ascii_uppercase()]), name);
        }
        assert_eq!(HeaderName::parse(b"z"), HeaderName::Other);
    }

    #[test]
    fn unknown_names() {
        for name in [
            "",
            "Contac",
            "Contactt",
            "C%6Fntact",
            "X-Contact",
            "Gr\u{fc}\u{df}",
        ] {
            assert_eq!(
                HeaderName::parse(name.as_bytes()),
                HeaderName::Other,
                "{name}"
            );
        }
    }

    #[test]
    fn searches_are_short() {
        let displaced = NAMES
            .iter()
            .filter(|name| SLOTS[slot_of(name.as_str().as_bytes())].0 != **name)
            .count();
        assert!(
            displaced * 5 < NAMES.len(),
            "{displaced} of {} names lie beside their slot",
            NAMES.len()
        );
    }
}
