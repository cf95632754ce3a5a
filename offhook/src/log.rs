//! What goes to the log: one line a message at debug level, never whole messages, for those carry
//! credentials and keys.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::{Flow, LogLevel, LogLine, LoggerFactory, Transmit};
use offhook_message::{Headers, Malformed, Message};
use tracing::{Level, debug, enabled, error, trace};

/// Logs a message that came in.
pub(crate) fn received(flow: &Flow, message: &Message) {
    if enabled!(Level::DEBUG) {
        line("received", flow, message);
    }
}

/// Logs octets that are no message.
pub(crate) fn received_malformed(flow: &Flow, malformed: &Malformed) {
    let call_id = malformed.request.as_ref().map(|it| call_id(it.headers()));
    debug!(
        call_id,
        transport = %flow.transport,
        remote = %flow.remote,
        "received no SIP message: {}", malformed.defect
    );
}

/// Logs a message that goes out.
pub(crate) fn sending(transmit: &Transmit) {
    if !enabled!(Level::DEBUG) {
        return;
    }
    if let Ok(message) = offhook_message::parse(Bytes::clone(&transmit.bytes)) {
        line("sending", &transmit.flow, &message);
    }
}

/// The Call-ID as text; empty where there is none.
pub(crate) fn call_id(headers: &Headers) -> String {
    let call_id = headers.call_id().unwrap_or_default();
    call_id.escape_ascii().to_string()
}

/// The loggers of a core whose owner has chosen none.
pub(crate) fn loggers() -> LoggerFactory {
    LoggerFactory {
        level: LogLevel::Debug,
        connector: Some(core_line),
    }
}

/// Writes a line of the core's. What a peer can cause at will is no more than debug.
fn core_line(line: &LogLine<'_>) {
    let (category, call_id) = (line.category, line.label.escape_ascii());
    match line.level {
        LogLevel::Error => error!(category, %call_id, "{}", line.content),
        LogLevel::Warn | LogLevel::Log => debug!(category, %call_id, "{}", line.content),
        LogLevel::Debug => trace!(category, %call_id, "{}", line.content),
    }
}

/// Lets one line a second through, for what a flood can cause.
pub(crate) struct Throttle(Mutex<Held>);

impl Throttle {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Held {
            last: None,
            count: 0,
        }))
    }

    /// How many times this was asked since it last said yes, this time included; `None` where
    /// nothing is to be logged.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.count += 1;
        if held.last.is_some_and(|last| now < last + INTERVAL) {
            return None;
        }
        held.last = Some(now);
        Some(std::mem::take(&mut held.count))
    }
}

struct Held {
    last: Option<Instant>,
    count: u64,
}

fn line(what: &str, flow: &Flow, message: &Message) {
    let start_line = message.as_bytes().split(|&octet| octet == b'\r').next();
    debug!(
        call_id = call_id(message.headers()),
        transport = %flow.transport,
        remote = %flow.remote,
        "{what} {}", start_line.unwrap_or_default().escape_ascii()
    );
}

const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_passes_and_the_rest_is_counted() {
        let throttle = Throttle::new();
        let start = Instant::now();
        assert_eq!(throttle.pass(start), Some(1));
        assert_eq!(throttle.pass(start), None);
        assert_eq!(throttle.pass(start + INTERVAL / 2), None);
        assert_eq!(throttle.pass(start + INTERVAL), Some(3));
    }
}
