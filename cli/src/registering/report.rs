use std::{fmt, time::Duration};

use offhook::{
    Binding, Flow, RegistrationEvent,
    message::{Response, UriBuf},
};
use serde::Serialize;

use super::account::Account;
use crate::{
    calling::Status,
    stdout::{Way, text},
};

/// What there is to say of a registration.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    news: News,
    #[serde(serialize_with = "text")]
    aor: UriBuf,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum News {
    /// The first REGISTER is on its way.
    Registering {
        #[serde(serialize_with = "text")]
        registrar: UriBuf,
        #[serde(flatten)]
        way: Way,
    },
    /// The registrar has our binding now.
    Registered(Registered),
    /// The registrar has our binding still.
    Refreshed(Registered),
    /// The registrar refused.
    Refused {
        #[serde(flatten)]
        status: Status,
        retry_in: Option<u64>,
    },
    /// The registrar is not there.
    Failed {
        cause: String,
        retry_in: Option<u64>,
    },
    /// The binding is gone, or will be.
    Unregistered {
        status: Option<u16>,
        reason: Option<String>,
    },
}

/// What the registrar says that it has. All times are in seconds.
#[derive(Clone, Debug, Serialize)]
struct Registered {
    #[serde(flatten)]
    status: Status,
    expires: u64,
    bindings: Vec<Bound>,
    service_route: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Bound {
    uri: String,
    expires: Option<u64>,
}

impl Report {
    pub(crate) fn registering(account: &Account, flow: &Flow) -> Self {
        let registrar = account.registrar.clone();
        let way = flow.into();
        Self::of(account, News::Registering { registrar, way })
    }

    /// `is_refresh`: it was registered before.
    pub(crate) fn event(account: &Account, event: &RegistrationEvent, is_refresh: bool) -> Self {
        let news = match event {
            RegistrationEvent::Registered {
                expires,
                bindings,
                service_route,
                message,
            } => {
                let bindings = bindings.iter().take(MOST_BINDINGS).map(Bound::of);
                let route = service_route.iter().take(MOST_BINDINGS);
                let registered = Registered {
                    status: Status::of(message),
                    expires: expires.as_secs(),
                    bindings: bindings.collect(),
                    service_route: route.map(ToString::to_string).collect(),
                };
                if is_refresh {
                    News::Refreshed(registered)
                } else {
                    News::Registered(registered)
                }
            }
            RegistrationEvent::Refused { retry_in, message } => News::Refused {
                status: Status::of(message),
                retry_in: retry_in.map(|it| it.as_secs()),
            },
            RegistrationEvent::Failed { cause, retry_in } => {
                return Self::failed(account, cause.to_string(), Some(*retry_in));
            }
            RegistrationEvent::Unregistered { message } => {
                let status = message
                    .as_ref()
                    .map(|message: &Response| Status::of(message));
                News::Unregistered {
                    status: status.as_ref().map(|it| it.code),
                    reason: status.map(|it| it.reason),
                }
            }
        };
        Self::of(account, news)
    }

    pub(crate) fn failed(
        account: &Account,
        cause: impl Into<String>,
        retry_in: Option<Duration>,
    ) -> Self {
        let news = News::Failed {
            cause: cause.into(),
            retry_in: retry_in.map(|it| it.as_secs()),
        };
        Self::of(account, news)
    }

    /// The same where nothing is tried any more.
    pub(crate) fn last(mut self) -> Self {
        if let News::Refused { retry_in, .. } | News::Failed { retry_in, .. } = &mut self.news {
            *retry_in = None;
        }
        self
    }

    fn of(account: &Account, news: News) -> Self {
        let aor = account.aor.clone();
        Self { news, aor }
    }
}

impl Bound {
    fn of(Binding { uri, expires }: &Binding) -> Self {
        Self {
            uri: uri.to_string(),
            expires: expires.map(|it| it.as_secs()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aor = &self.aor;
        match &self.news {
            News::Registering { registrar, way } => {
                write!(f, "registering {aor} at {registrar} {way}")
            }
            News::Registered(it) => write!(f, "{}, registered {aor} {it}", it.status),
            News::Refreshed(it) => write!(f, "{}, refreshed {aor} {it}", it.status),
            News::Refused { status, retry_in } => {
                write!(f, "{status}, {aor} is not registered{}", again(*retry_in))
            }
            News::Failed { cause, retry_in } => {
                write!(f, "{cause}, {aor} is not registered{}", again(*retry_in))
            }
            News::Unregistered {
                status: Some(status),
                reason: Some(reason),
            } => write!(f, "{status} {reason}, unregistered {aor}"),
            News::Unregistered { .. } => write!(f, "gave {aor} up without an answer"),
        }
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {} s", self.expires)?;
        for (number, Bound { uri, expires }) in self.bindings.iter().enumerate() {
            f.write_str(if number == 0 { ": " } else { ", " })?;
            f.write_str(uri)?;
            if let Some(expires) = expires {
                write!(f, " ({expires} s)")?;
            }
        }
        Ok(())
    }
}

/// When the registrar is asked again, in seconds.
fn again(retry_in: Option<u64>) -> String {
    retry_in.map_or_else(String::new, |after| format!("; again in {after} s"))
}

/// A registrar may list any number.
const MOST_BINDINGS: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stdout::tests::both;

    fn report(news: News) -> Report {
        let aor = "sip:alice@example.com".parse().unwrap();
        Report { news, aor }
    }

    fn status(code: u16, reason: &str) -> Status {
        let reason = reason.to_owned();
        Status { code, reason }
    }

    #[test]
    fn news_are_a_line_of_words_and_an_object() {
        let bindings = [
            Binding {
                uri: "sip:alice@192.0.2.1".parse().unwrap(),
                expires: Some(Duration::from_mins(10)),
            },
            Binding {
                uri: "sip:other@192.0.2.9".parse().unwrap(),
                expires: None,
            },
        ];
        let registered = News::Refreshed(Registered {
            status: status(200, "OK"),
            expires: 600,
            bindings: bindings.iter().map(Bound::of).collect(),
            service_route: Vec::new(),
        });
        for (news, text, object) in [
            (
                registered,
                "200 OK, refreshed sip:alice@example.com for 600 s: \
                 sip:alice@192.0.2.1 (600 s), sip:other@192.0.2.9",
                json!({
                    "event": "refreshed", "aor": "sip:alice@example.com", "status": 200, "reason": "OK",
                    "expires": 600, "service_route": [], "bindings": [
                        { "uri": "sip:alice@192.0.2.1", "expires": 600 },
                        { "uri": "sip:other@192.0.2.9", "expires": null },
                    ],
                }),
            ),
            (
                News::Refused {
                    status: status(503, "Busy"),
                    retry_in: Some(30),
                },
                "503 Busy, sip:alice@example.com is not registered; again in 30 s",
                json!({
                    "event": "refused", "aor": "sip:alice@example.com", "status": 503, "reason": "Busy",
                    "retry_in": 30,
                }),
            ),
            (
                News::Unregistered {
                    status: None,
                    reason: None,
                },
                "gave sip:alice@example.com up without an answer",
                json!({
                    "event": "unregistered", "aor": "sip:alice@example.com", "status": null, "reason": null,
                }),
            ),
        ] {
            assert_eq!(both(&report(news)), (text.to_owned(), object));
        }
    }
}
