use std::{borrow::Cow, time::Instant};

use offhook::{
    Invitation,
    message::{Request, StatusCode, Uri},
};
use tracing::{Level, enabled, info};

use crate::over::Over;

/// What the log says of a call when it is over.
pub(crate) struct Record {
    invite: Request,
    since: Instant,
}

impl Record {
    pub(crate) fn new(invitation: &Invitation) -> Self {
        Self {
            invite: invitation.message().clone(),
            since: Instant::now(),
        }
    }

    /// The user part of the request URI without its escapes; of a tel URI the number.
    pub(crate) fn user(&self) -> Option<Cow<'_, str>> {
        let octets = match self.invite.uri().ok()? {
            Uri::Sip(uri) => uri.user_unescaped()?,
            Uri::Tel(uri) => uri.number.into(),
            Uri::Other { .. } => return None,
        };
        Some(match octets {
            Cow::Borrowed(octets) => String::from_utf8_lossy(octets),
            Cow::Owned(octets) => String::from_utf8_lossy(&octets).into_owned().into(),
        })
    }

    pub(crate) fn log(self, over: &Over) {
        if !enabled!(Level::INFO) {
            return;
        }
        let headers = self.invite.headers();
        let caller = headers.from().map(|from| text(from.uri.as_bytes()));
        info!(
            caller = caller.unwrap_or_default(),
            user = self.user().map(|user| text(user.as_bytes())),
            call_id = text(headers.call_id().unwrap_or_default()),
            verdict = over.verdict.map(StatusCode::as_u16),
            duration = format_args!("{:.3}s", self.since.elapsed().as_secs_f64()),
            cause = text(over.cause.as_bytes()),
            "call over"
        );
    }
}

/// What a caller wrote, for people: a log line stays a line of some length.
fn text(octets: &[u8]) -> String {
    let octets = octets.get(..LONGEST_TEXT).unwrap_or(octets);
    String::from_utf8_lossy(octets).into_owned()
}

const LONGEST_TEXT: usize = 200;
