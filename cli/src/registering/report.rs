//! What there is to say of a registration. All times are in whole seconds.

use std::{fmt, time::Duration};

use offhook::{Binding, Flow, RegistrationEvent};
use serde_json::{Value, json};

use super::account::Account;
use crate::stdout::Line;

/// Where a registration stands when something comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The registrar does not have us yet.
    First,
    /// The registrar has had us.
    Kept,
    /// Nothing is tried any more.
    Last,
}

/// The first REGISTER is on its way.
pub(crate) fn registering(account: &Account, flow: &Flow) -> Line {
    let Account { aor, registrar, .. } = account;
    let line = Line::new(
        "registering",
        format_args!("registering {aor} at {registrar}"),
    );
    let line = line.by(flow).with("registrar", registrar.to_string());
    line.with("aor", aor.to_string())
}

/// The registrar is not there.
pub(crate) fn failed(
    account: &Account,
    cause: impl fmt::Display,
    retry_in: Option<Duration>,
) -> Line {
    let aor = &account.aor;
    let words = format_args!("{cause}, {aor} is not registered{}", again(retry_in));
    let line = Line::new("failed", words).with("cause", cause.to_string());
    let line = line.with("retry_in", retry_in.map(|it| it.as_secs()));
    line.with("aor", aor.to_string())
}

/// We leave, and do not know whether the registrar lets us.
pub(crate) fn left(account: &Account, cause: &str) -> Line {
    let aor = &account.aor;
    let words = format_args!("{cause}, {aor} may still be registered");
    let line = Line::new("failed", words).with("cause", cause);
    let line = line.with("retry_in", Value::Null);
    line.with("aor", aor.to_string())
}

/// What the registrar said, or did not.
pub(crate) fn report(account: &Account, event: &RegistrationEvent, stage: Stage) -> Line {
    let aor = &account.aor;
    let is_last = stage == Stage::Last;
    let line = match event {
        RegistrationEvent::Registered {
            expires,
            bindings,
            service_route,
            message,
        } => {
            let event = match stage {
                Stage::First => "registered",
                Stage::Kept | Stage::Last => "refreshed",
            };
            let expires = expires.as_secs();
            let bindings = bindings.get(..MOST_BINDINGS).unwrap_or(bindings);
            let words = format_args!(", {event} {aor} for {expires} s{}", listed(bindings));
            let service_route = service_route.iter().take(MOST_BINDINGS);
            let service_route: Vec<_> = service_route.map(ToString::to_string).collect();
            let bindings: Vec<_> = bindings.iter().map(object).collect();
            let line = Line::of_response(event, message, words).with("expires", expires);
            line.with("bindings", bindings)
                .with("service_route", service_route)
        }
        RegistrationEvent::Refused { retry_in, message } => {
            let retry_in = retry_in.filter(|_| !is_last);
            let words = format_args!(", {aor} is not registered{}", again(retry_in));
            let line = Line::of_response("refused", message, words);
            line.with("retry_in", retry_in.map(|it| it.as_secs()))
        }
        RegistrationEvent::Failed { cause, retry_in } => {
            return failed(account, cause, Some(*retry_in).filter(|_| !is_last));
        }
        RegistrationEvent::Unregistered { message: None } => {
            let words = format_args!("gave {aor} up without an answer");
            let line = Line::new("unregistered", words);
            line.with("status", Value::Null).with("reason", Value::Null)
        }
        RegistrationEvent::Unregistered {
            message: Some(message),
        } if message.status().is_success() => Line::of_response(
            "unregistered",
            message,
            format_args!(", unregistered {aor}"),
        ),
        RegistrationEvent::Unregistered {
            message: Some(message),
        } => {
            let words = format_args!(", {aor} may still be registered");
            let line = Line::of_response("refused", message, words);
            line.with("retry_in", Value::Null)
        }
    };
    line.with("aor", aor.to_string())
}

/// The bindings that the registrar has.
fn listed(bindings: &[Binding]) -> String {
    let one = |Binding { uri, expires }: &Binding| match expires {
        Some(expires) => format!("{uri} ({} s)", expires.as_secs()),
        None => uri.to_string(),
    };
    let bindings: Vec<_> = bindings.iter().map(one).collect();
    let colon = if bindings.is_empty() { "" } else { ": " };
    format!("{colon}{}", bindings.join(", "))
}

fn object(Binding { uri, expires }: &Binding) -> Value {
    json!({ "uri": uri.to_string(), "expires": expires.map(|it| it.as_secs()) })
}

/// When the registrar is asked again.
fn again(retry_in: Option<Duration>) -> String {
    retry_in.map_or_else(String::new, |it| format!("; again in {} s", it.as_secs()))
}

/// A registrar may list any number.
const MOST_BINDINGS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Path;
    use crate::stdout::tests::{both, response};

    #[test]
    fn news_are_a_line_of_words_and_an_object() {
        let account = Account {
            aor: "sip:alice@example.com".parse().unwrap(),
            registrar: "sip:example.com".parse().unwrap(),
            path: Path::default(),
            expires: 600,
        };
        let binding = |uri: &str, expires| Binding {
            uri: uri.parse().unwrap(),
            expires,
        };
        let registered = RegistrationEvent::Registered {
            expires: Duration::from_mins(10),
            bindings: vec![
                binding("sip:alice@192.0.2.1", Some(Duration::from_mins(10))),
                binding("sip:other@192.0.2.9", None),
            ],
            service_route: Vec::new(),
            message: response("SIP/2.0 200 OK"),
        };
        let refused = || RegistrationEvent::Refused {
            retry_in: Some(Duration::from_secs(30)),
            message: response("SIP/2.0 503 Busy"),
        };
        let given_up = RegistrationEvent::Unregistered { message: None };
        let kept = RegistrationEvent::Unregistered {
            message: Some(response("SIP/2.0 403 Forbidden")),
        };
        for (event, stage, text, object) in [
            (
                registered,
                Stage::Kept,
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
                refused(),
                Stage::Kept,
                "503 Busy, sip:alice@example.com is not registered; again in 30 s",
                json!({
                    "event": "refused", "aor": "sip:alice@example.com", "status": 503, "reason": "Busy",
                    "retry_in": 30,
                }),
            ),
            (
                refused(),
                Stage::Last,
                "503 Busy, sip:alice@example.com is not registered",
                json!({
                    "event": "refused", "aor": "sip:alice@example.com", "status": 503, "reason": "Busy",
                    "retry_in": null,
                }),
            ),
            (
                kept,
                Stage::Last,
                "403 Forbidden, sip:alice@example.com may still be registered",
                json!({
                    "event": "refused", "aor": "sip:alice@example.com", "status": 403, "reason": "Forbidden",
                    "retry_in": null,
                }),
            ),
            (
                given_up,
                Stage::Last,
                "gave sip:alice@example.com up without an answer",
                json!({
                    "event": "unregistered", "aor": "sip:alice@example.com", "status": null, "reason": null,
                }),
            ),
        ] {
            let line = report(&account, &event, stage);
            assert_eq!(both(&line), (text.to_owned(), object));
        }
    }
}
