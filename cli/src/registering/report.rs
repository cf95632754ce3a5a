use std::{fmt, net::SocketAddr, time::Duration};

use offhook::{
    Binding, Flow, RegistrationEvent, Transport,
    message::{Response, UriBuf},
};
use serde_json::{Value, json};

use super::account::Account;
use crate::calling::{Status, failed};

/// What there is to say of a registration.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    aor: UriBuf,
    news: News,
}

#[derive(Clone, Debug)]
enum News {
    /// The first REGISTER is on its way.
    Registering {
        registrar: UriBuf,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    },
    /// The registrar has our binding, now or still.
    Registered {
        is_refresh: bool,
        status: Status,
        expires: Duration,
        bindings: Vec<Binding>,
        service_route: Vec<UriBuf>,
    },
    /// The registrar refused.
    Refused {
        status: Status,
        retry_in: Option<Duration>,
    },
    /// The registrar is not there.
    Failed {
        cause: String,
        retry_in: Option<Duration>,
    },
    /// The binding is gone, or will be.
    Unregistered(Option<Status>),
}

impl Report {
    pub(crate) fn registering(account: &Account, flow: &Flow) -> Self {
        let news = News::Registering {
            registrar: account.registrar.clone(),
            transport: flow.transport,
            local: flow.local,
            remote: flow.remote,
        };
        Self::of(account, news)
    }

    /// `is_refresh`: it was registered before.
    pub(crate) fn event(account: &Account, event: &RegistrationEvent, is_refresh: bool) -> Self {
        let news = match event {
            RegistrationEvent::Registered {
                expires,
                bindings,
                service_route,
                message,
            } => News::Registered {
                is_refresh,
                status: Status::of(message),
                expires: *expires,
                bindings: bindings.iter().take(MOST_BINDINGS).cloned().collect(),
                service_route: service_route.iter().take(MOST_BINDINGS).cloned().collect(),
            },
            RegistrationEvent::Refused { retry_in, message } => News::Refused {
                status: Status::of(message),
                retry_in: *retry_in,
            },
            RegistrationEvent::Failed { cause, retry_in } => News::Failed {
                cause: failed(*cause).to_owned(),
                retry_in: Some(*retry_in),
            },
            RegistrationEvent::Unregistered { message } => {
                let status = |message: &Response| Status::of(message);
                News::Unregistered(message.as_ref().map(status))
            }
        };
        Self::of(account, news)
    }

    pub(crate) fn failed(account: &Account, cause: String, retry_in: Option<Duration>) -> Self {
        Self::of(account, News::Failed { cause, retry_in })
    }

    fn of(account: &Account, news: News) -> Self {
        let aor = account.aor.clone();
        Self { aor, news }
    }

    pub(crate) fn json(&self) -> Value {
        let mut object = match &self.news {
            News::Registering {
                registrar,
                transport,
                local,
                remote,
            } => json!({
                "event": "registering", "registrar": registrar.to_string(),
                "transport": transport.parameter(), "local": local, "remote": remote,
            }),
            News::Registered {
                is_refresh,
                status,
                expires,
                bindings,
                service_route,
            } => json!({
                "event": if *is_refresh { "refreshed" } else { "registered" },
                "status": status.code, "reason": status.reason, "expires": expires.as_secs(),
                "bindings": bindings.iter().map(binding).collect::<Vec<_>>(),
                "service_route": service_route.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            News::Refused { status, retry_in } => json!({
                "event": "refused", "status": status.code, "reason": status.reason,
                "retry_in": retry_in.map(|it| it.as_secs()),
            }),
            News::Failed { cause, retry_in } => json!({
                "event": "failed", "cause": cause, "retry_in": retry_in.map(|it| it.as_secs()),
            }),
            News::Unregistered(status) => json!({
                "event": "unregistered", "status": status.as_ref().map(|it| it.code),
                "reason": status.as_ref().map(|it| &it.reason),
            }),
        };
        object["aor"] = self.aor.to_string().into();
        object
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aor = &self.aor;
        match &self.news {
            News::Registering {
                registrar,
                transport,
                local,
                remote,
            } => write!(
                f,
                "registering {aor} at {registrar} over {transport} from {local} to {remote}"
            ),
            News::Registered {
                is_refresh,
                status,
                expires,
                bindings,
                ..
            } => {
                let verb = if *is_refresh {
                    "refreshed"
                } else {
                    "registered"
                };
                write!(f, "{status}, {verb} {aor} for {} s", expires.as_secs())?;
                for (number, Binding { uri, expires }) in bindings.iter().enumerate() {
                    f.write_str(if number == 0 { ": " } else { ", " })?;
                    write!(f, "{uri}")?;
                    if let Some(expires) = expires {
                        write!(f, " ({} s)", expires.as_secs())?;
                    }
                }
                Ok(())
            }
            News::Refused { status, retry_in } => {
                write!(f, "{status}, {aor} is not registered{}", Again(*retry_in))
            }
            News::Failed { cause, retry_in } => {
                write!(f, "{cause}, {aor} is not registered{}", Again(*retry_in))
            }
            News::Unregistered(Some(status)) => write!(f, "{status}, unregistered {aor}"),
            News::Unregistered(None) => write!(f, "gave {aor} up without an answer"),
        }
    }
}

/// When the registrar is asked again.
struct Again(Option<Duration>);

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(after) => write!(f, "; again in {} s", after.as_secs()),
            None => Ok(()),
        }
    }
}

fn binding(binding: &Binding) -> Value {
    let Binding { uri, expires } = binding;
    json!({ "uri": uri.to_string(), "expires": expires.map(|it| it.as_secs()) })
}

/// A registrar may list any number.
const MOST_BINDINGS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(news: News) -> Report {
        let aor = "sip:alice@example.com".parse().unwrap();
        Report { aor, news }
    }

    fn status(code: u16, reason: &str) -> Status {
        let reason = reason.to_owned();
        Status { code, reason }
    }

    #[test]
    fn news_are_a_line_of_words_and_an_object() {
        let bindings = vec![
            Binding {
                uri: "sip:alice@192.0.2.1".parse().unwrap(),
                expires: Some(Duration::from_mins(10)),
            },
            Binding {
                uri: "sip:other@192.0.2.9".parse().unwrap(),
                expires: None,
            },
        ];
        let registered = News::Registered {
            is_refresh: true,
            status: status(200, "OK"),
            expires: Duration::from_mins(10),
            bindings,
            service_route: Vec::new(),
        };
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
                    retry_in: Some(Duration::from_secs(30)),
                },
                "503 Busy, sip:alice@example.com is not registered; again in 30 s",
                json!({
                    "event": "refused", "aor": "sip:alice@example.com", "status": 503, "reason": "Busy",
                    "retry_in": 30,
                }),
            ),
            (
                News::Unregistered(None),
                "gave sip:alice@example.com up without an answer",
                json!({
                    "event": "unregistered", "aor": "sip:alice@example.com", "status": null, "reason": null,
                }),
            ),
        ] {
            let report = report(news);
            assert_eq!(report.to_string(), text);
            assert_eq!(report.json(), object);
        }
    }
}
