use std::time::Instant;

use offhook::{
    Invitation,
    message::{Request, StatusCode, Uri},
};
use tracing::info;

use crate::over::Over;

/// What the log says of a call when it is over.
pub(crate) struct Record {
    caller: String,
    user: Option<String>,
    call_id: String,
    since: Instant,
}

impl Record {
    pub(crate) fn new(invitation: &Invitation) -> Self {
        let invite = invitation.message();
        let caller = invite
            .headers()
            .from()
            .map(|from| text(from.uri.as_bytes()));
        Self {
            caller: caller.unwrap_or_default(),
            user: user(invite),
            call_id: text(invitation.call_id().as_bytes()),
            since: Instant::now(),
        }
    }

    /// The user that is called.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) fn log(self, over: &Over) {
        info!(
            caller = self.caller,
            user = self.user.map(|user| text(user.as_bytes())),
            call_id = self.call_id,
            verdict = over.verdict.map(StatusCode::as_u16),
            duration = format_args!("{:.3}s", self.since.elapsed().as_secs_f64()),
            cause = text(over.cause.as_bytes()),
            "call over"
        );
    }
}

/// The user part of the request URI without its escapes; of a tel URI the number.
fn user(invite: &Request) -> Option<String> {
    match invite.uri().ok()? {
        Uri::Sip(uri) => uri.user_unescaped().map(|user| whole(&user)),
        Uri::Tel(uri) => Some(whole(uri.number)),
        Uri::Other { .. } => None,
    }
}

fn whole(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// What a caller wrote, for people: a log line stays a line of some length.
fn text(octets: &[u8]) -> String {
    let octets = octets.get(..LONGEST_TEXT).unwrap_or(octets);
    String::from_utf8_lossy(octets).into_owned()
}

const LONGEST_TEXT: usize = 200;
