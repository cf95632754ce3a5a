use std::{borrow::Cow, time::Instant};

use offhook::message::{Request, StatusCode, Uri};
use tracing::{Level, enabled, info};

use crate::over::Over;

/// What the log says of a call when it is over; nothing where it is not wanted.
pub(crate) struct Record(Option<Box<Entry>>);

/// The INVITE itself would take several times the memory for as long as the call lasts.
struct Entry {
    caller: String,
    user: Option<String>,
    call_id: String,
    since: Instant,
}

impl Record {
    pub(crate) fn new(invite: &Request) -> Self {
        if !enabled!(Level::INFO) {
            return Self(None);
        }
        let headers = invite.headers();
        let caller = headers.from().map(|from| text(from.uri.as_bytes()));
        Self(Some(Box::new(Entry {
            caller: caller.unwrap_or_default(),
            user: called_user(invite).map(|user| text(user.as_bytes())),
            call_id: text(headers.call_id().unwrap_or_default()),
            since: Instant::now(),
        })))
    }

    pub(crate) fn log(self, over: &Over) {
        let Some(entry) = self.0 else { return };
        info!(
            caller = entry.caller,
            user = entry.user,
            call_id = entry.call_id,
            verdict = over.verdict.map(StatusCode::as_u16),
            duration = format_args!("{:.3}s", entry.since.elapsed().as_secs_f64()),
            cause = text(over.cause.as_bytes()),
            "call over"
        );
    }
}

/// The user part of the request URI without its escapes; of a tel URI the number.
pub(crate) fn called_user(invite: &Request) -> Option<Cow<'_, str>> {
    let octets = match invite.uri().ok()? {
        Uri::Sip(uri) => uri.user_unescaped()?,
        Uri::Tel(uri) => uri.number.into(),
        Uri::Other { .. } => return None,
    };
    Some(match octets {
        Cow::Borrowed(octets) => String::from_utf8_lossy(octets),
        Cow::Owned(octets) => String::from_utf8_lossy(&octets).into_owned().into(),
    })
}

/// What a caller wrote, for people: a log line stays a line of some length.
fn text(octets: &[u8]) -> String {
    let octets = octets.get(..LONGEST_TEXT).unwrap_or(octets);
    String::from_utf8_lossy(octets).into_owned()
}

const LONGEST_TEXT: usize = 200;
