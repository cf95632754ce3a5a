use std::{borrow::Cow, thread::panicking, time::Instant};

use offhook::message::{Request, StatusCode, Uri};
use tracing::{Level, enabled, error, info};

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

    pub(crate) fn log(mut self, over: &Over) {
        let Some(entry) = self.0.take() else { return };
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

/// A call that panics ends alone, and nobody waits for its task: only here is it known which one it was.
impl Drop for Record {
    fn drop(&mut self) {
        if panicking() {
            let call_id = self.0.as_ref().map(|entry| &entry.call_id);
            error!(call_id, "a call broke off");
        }
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex},
    };

    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_that_panics_is_named() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let record = || {
            Record(Some(Box::new(Entry {
                caller: String::new(),
                user: None,
                call_id: "the-call".to_owned(),
                since: Instant::now(),
            })))
        };
        with_default(subscriber, || {
            drop(record());
            let call = AssertUnwindSafe(|| {
                let _record = record();
                panic!("as a test wants it");
            });
            assert!(catch_unwind(call).is_err());
        });
        let written = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches("a call broke off").count(), 1, "{written}");
        assert!(written.contains("the-call"), "{written}");
    }
}
