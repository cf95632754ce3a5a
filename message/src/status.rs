//! Status codes and their classes ([RFC 3261 21](https://www.rfc-editor.org/rfc/rfc3261#section-21)).

use std::fmt;

/// A status code from 100 to 699.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StatusCode(u16);

impl StatusCode {
    /// `None` when `code` is outside 100..=699.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            100..=699 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// 1xx.
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }

    /// 3xx.
    pub const fn is_redirection(self) -> bool {
        matches!(self.0, 300..=399)
    }

    /// Everything but 1xx.
    pub const fn is_final(self) -> bool {
        self.0 >= 200
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Declares the registered codes on [`StatusCode`] and, for each class, a type that holds only codes of that class.
macro_rules! status_codes {
    ($(
        $(#[$doc:meta])*
        $class:ident($range:pat, default $default:ident) {
            $($code:literal $name:ident $phrase:literal,)*
        }
    )*) => {
        impl StatusCode {
            /// `100 Trying`. No class type has it: the transaction sends it by itself.
            pub const TRYING: Self = Self(100);
            $($(
                #[doc = concat!("`", stringify!($code), " ", $phrase, "`")]
                pub const $name: Self = Self($code);
            )*)*

            /// The registered reason phrase, `""` for a code that is not registered.
            pub const fn reason_phrase(self) -> &'static str {
                match self.0 {
                    100 => "Trying",
                    $($($code => $phrase,)*)*
                    _ => "",
                }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
            pub struct $class(StatusCode);

            impl $class {
                $(
                    #[doc = concat!("`", stringify!($code), " ", $phrase, "`")]
                    pub const $name: Self = Self(StatusCode::$name);
                )*

                /// `None` when `code` is not of this class.
                pub const fn new(code: u16) -> Option<Self> {
                    match code {
                        $range => Some(Self(StatusCode(code))),
                        _ => None,
                    }
                }

                /// The code without its class.
                pub const fn code(self) -> StatusCode {
                    self.0
                }
            }

            impl Default for $class {
                fn default() -> Self {
                    Self::$default
                }
            }

            impl From<$class> for StatusCode {
                fn from(status: $class) -> Self {
                    status.0
                }
            }

            impl fmt::Display for $class {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(formatter)
                }
            }
        )*
    };
}

status_codes! {
    /// 101 to 199: the call makes progress. The default is 180.
    Provisional(101..=199, default RINGING) {
        180 RINGING "Ringing",
        181 CALL_IS_BEING_FORWARDED "Call Is Being Forwarded",
        182 QUEUED "Queued",
        183 SESSION_PROGRESS "Session Progress",
        199 EARLY_DIALOG_TERMINATED "Early Dialog Terminated",
    }

    /// 200 to 299: the request is accepted. The default is 200.
    Success(200..=299, default OK) {
        200 OK "OK",
        202 ACCEPTED "Accepted",
        204 NO_NOTIFICATION "No Notification",
    }

    /// 300 to 399: the caller may try the Contacts of the response. The default is 302.
    Redirection(300..=399, default MOVED_TEMPORARILY) {
        300 MULTIPLE_CHOICES "Multiple Choices",
        301 MOVED_PERMANENTLY "Moved Permanently",
        302 MOVED_TEMPORARILY "Moved Temporarily",
        305 USE_PROXY "Use Proxy",
        380 ALTERNATIVE_SERVICE "Alternative Service",
    }

    /// 400 to 699: the request is refused. The default is 486.
    Rejection(400..=699, default BUSY_HERE) {
        400 BAD_REQUEST "Bad Request",
        401 UNAUTHORIZED "Unauthorized",
        402 PAYMENT_REQUIRED "Payment Required",
        403 FORBIDDEN "Forbidden",
        404 NOT_FOUND "Not Found",
        405 METHOD_NOT_ALLOWED "Method Not Allowed",
        406 NOT_ACCEPTABLE "Not Acceptable",
        407 PROXY_AUTHENTICATION_REQUIRED "Proxy Authentication Required",
        408 REQUEST_TIMEOUT "Request Timeout",
        410 GONE "Gone",
        412 CONDITIONAL_REQUEST_FAILED "Conditional Request Failed",
        413 REQUEST_ENTITY_TOO_LARGE "Request Entity Too Large",
        414 REQUEST_URI_TOO_LONG "Request-URI Too Long",
        415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type",
        416 UNSUPPORTED_URI_SCHEME "Unsupported URI Scheme",
        417 UNKNOWN_RESOURCE_PRIORITY "Unknown Resource-Priority",
        420 BAD_EXTENSION "Bad Extension",
        421 EXTENSION_REQUIRED "Extension Required",
        422 SESSION_INTERVAL_TOO_SMALL "Session Interval Too Small",
        423 INTERVAL_TOO_BRIEF "Interval Too Brief",
        424 BAD_LOCATION_INFORMATION "Bad Location Information",
        425 BAD_ALERT_MESSAGE "Bad Alert Message",
        428 USE_IDENTITY_HEADER "Use Identity Header",
        429 PROVIDE_REFERRER_IDENTITY "Provide Referrer Identity",
        430 FLOW_FAILED "Flow Failed",
        433 ANONYMITY_DISALLOWED "Anonymity Disallowed",
        436 BAD_IDENTITY_INFO "Bad Identity Info",
        437 UNSUPPORTED_CREDENTIAL "Unsupported Credential",
        438 INVALID_IDENTITY_HEADER "Invalid Identity Header",
        439 FIRST_HOP_LACKS_OUTBOUND_SUPPORT "First Hop Lacks Outbound Support",
        440 MAX_BREADTH_EXCEEDED "Max-Breadth Exceeded",
        469 BAD_INFO_PACKAGE "Bad Info Package",
        470 CONSENT_NEEDED "Consent Needed",
        480 TEMPORARILY_UNAVAILABLE "Temporarily Unavailable",
        481 CALL_OR_TRANSACTION_DOES_NOT_EXIST "Call/Transaction Does Not Exist",
        482 LOOP_DETECTED "Loop Detected",
        483 TOO_MANY_HOPS "Too Many Hops",
        484 ADDRESS_INCOMPLETE "Address Incomplete",
        485 AMBIGUOUS "Ambiguous",
        486 BUSY_HERE "Busy Here",
        487 REQUEST_TERMINATED "Request Terminated",
        488 NOT_ACCEPTABLE_HERE "Not Acceptable Here",
        489 BAD_EVENT "Bad Event",
        491 REQUEST_PENDING "Request Pending",
        493 UNDECIPHERABLE "Undecipherable",
        494 SECURITY_AGREEMENT_REQUIRED "Security Agreement Required",
        500 SERVER_INTERNAL_ERROR "Server Internal Error",
        501 NOT_IMPLEMENTED "Not Implemented",
        502 BAD_GATEWAY "Bad Gateway",
        503 SERVICE_UNAVAILABLE "Service Unavailable",
        504 SERVER_TIMEOUT "Server Time-out",
        505 VERSION_NOT_SUPPORTED "Version Not Supported",
        513 MESSAGE_TOO_LARGE "Message Too Large",
        555 PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED "Push Notification Service Not Supported",
        580 PRECONDITION_FAILURE "Precondition Failure",
        600 BUSY_EVERYWHERE "Busy Everywhere",
        603 DECLINE "Decline",
        604 DOES_NOT_EXIST_ANYWHERE "Does Not Exist Anywhere",
        606 NOT_ACCEPTABLE_ANYWHERE "Not Acceptable",
        607 UNWANTED "Unwanted",
        608 REJECTED "Rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_end_at_699() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
        assert_eq!(StatusCode::new(100), Some(StatusCode::TRYING));
        assert_eq!(
            StatusCode::new(699).map(StatusCode::reason_phrase),
            Some("")
        );
    }

    #[test]
    fn a_class_takes_only_its_own_codes() {
        assert_eq!(Provisional::new(100), None);
        assert_eq!(Provisional::new(180), Some(Provisional::RINGING));
        assert_eq!(Success::new(300), None);
        assert_eq!(
            Redirection::new(399).map(Redirection::code),
            StatusCode::new(399)
        );
        assert_eq!(Rejection::new(399), None);
        assert_eq!(Rejection::default().code(), StatusCode::BUSY_HERE);
        assert_eq!(Rejection::DECLINE.to_string(), "603");
    }

    #[test]
    fn the_classes_of_a_code() {
        assert!(StatusCode::RINGING.is_provisional() && !StatusCode::RINGING.is_final());
        assert!(StatusCode::OK.is_success() && StatusCode::OK.is_final());
        assert!(StatusCode::MOVED_TEMPORARILY.is_redirection());
        assert!(!StatusCode::DECLINE.is_redirection() && StatusCode::DECLINE.is_final());
    }
}
