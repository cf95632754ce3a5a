//! Log lines, for whoever owns the core to write.

use std::fmt;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed and nothing made up for it.
    Error,
    /// Something a peer did is against the rules, or an application error was caught.
    Warn,
    /// What happens to a call.
    Log,
    /// Each step.
    Debug,
}

/// One log line.
#[derive(Debug)]
pub struct LogLine<'a> {
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the stack: `sip.invite-user-agent-server`.
    pub category: &'static str,
    /// Which one of its kind: the Call-ID, as received.
    pub label: &'a [u8],
    /// What happened.
    pub content: fmt::Arguments<'a>,
}

/// Where log lines go.
pub type LogConnector = fn(&LogLine<'_>);

/// Makes the [`Logger`]s of a core. By default no line is made.
#[derive(Clone, Copy, Debug)]
pub struct LoggerFactory {
    /// The least important level that is written.
    pub level: LogLevel,
    /// Where the lines go; `None`: nowhere, and at no cost.
    pub connector: Option<LogConnector>,
}

impl Default for LoggerFactory {
    fn default() -> Self {
        Self {
            level: LogLevel::Log,
            connector: None,
        }
    }
}

impl LoggerFactory {
    /// A logger for a part of the stack; `label` says which one of its kind.
    pub fn logger<'a>(&self, category: &'static str, label: &'a [u8]) -> Logger<'a> {
        Logger {
            factory: *self,
            category,
            label,
        }
    }
}

/// Writes the lines of one part of the stack.
#[derive(Clone, Copy, Debug)]
pub struct Logger<'a> {
    factory: LoggerFactory,
    category: &'static str,
    label: &'a [u8],
}

impl Logger<'_> {
    /// Writes a line, if its level is wanted.
    pub fn write(&self, level: LogLevel, content: fmt::Arguments<'_>) {
        let Some(connector) = self.factory.connector else {
            return;
        };
        if level <= self.factory.level {
            connector(&LogLine {
                level,
                category: self.category,
                label: self.label,
                content,
            });
        }
    }
}
