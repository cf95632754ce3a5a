use std::{
    collections::VecDeque,
    io::{BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What a child process wrote on its standard output and standard error, line by line.
#[derive(Clone, Default)]
pub(crate) struct Log {
    shared: Arc<Shared>,
}

/// A place in a [`Log`]: what was written before it is no longer looked at.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark(usize);

#[derive(Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: VecDeque<String>,
    /// Lines that were dropped because there were too many.
    dropped: usize,
    open_streams: usize,
}

impl Log {
    /// Reads `stream` in a thread of its own until it ends.
    pub(crate) fn follow(&self, stream: impl Read + Send + 'static) {
        self.written().open_streams += 1;
        let log = self.clone();
        thread::spawn(move || {
            log.read(stream);
            log.written().open_streams -= 1;
            log.shared.changed.notify_all();
        });
    }

    /// The end of what has been written so far.
    pub(crate) fn mark(&self) -> Mark {
        let written = self.written();
        Mark(written.dropped + written.lines.len())
    }

    /// The first line after `mark` that `is_wanted` accepts; `None` when the process ended or `within` passed first.
    pub(crate) fn wait_for_line(
        &self,
        mark: Mark,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let deadline = Instant::now() + within;
        let mut written = self.written();
        loop {
            let start = mark.0.saturating_sub(written.dropped);
            if let Some(line) = written
                .lines
                .iter()
                .skip(start)
                .find(|line| is_wanted(line))
            {
                return Some(line.clone());
            }
            if written.open_streams == 0 {
                return None;
            }
            written = self.wait(written, deadline)?;
        }
    }

    /// Whether both streams ended, which is when the process has ended, before `within` passed.
    pub(crate) fn wait_for_end(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let mut written = self.written();
        while written.open_streams > 0 {
            match self.wait(written, deadline) {
                Some(changed) => written = changed,
                None => return false,
            }
        }
        true
    }

    /// The last lines, for a failure message.
    pub(crate) fn tail(&self) -> String {
        let written = self.written();
        let start = written.lines.len().saturating_sub(TAIL_LINES);
        let lines: Vec<&str> = written
            .lines
            .iter()
            .skip(start)
            .map(String::as_str)
            .collect();
        lines.join("\n")
    }

    fn wait<'a>(
        &self,
        written: MutexGuard<'a, Written>,
        deadline: Instant,
    ) -> Option<MutexGuard<'a, Written>> {
        let left = deadline.checked_duration_since(Instant::now())?;
        let (written, _) = self
            .shared
            .changed
            .wait_timeout(written, left)
            .unwrap_or_else(PoisonError::into_inner);
        Some(written)
    }

    fn read(&self, stream: impl Read) {
        let mut line = Vec::new();
        for byte in BufReader::new(stream).bytes() {
            let Ok(byte) = byte else { break };
            // Status lines that overwrite themselves end in a bare CR.
            if byte != b'\n' && byte != b'\r' {
                line.push(byte);
            } else if !line.is_empty() {
                self.push(&line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.push(&line);
        }
    }

    fn push(&self, line: &[u8]) {
        let mut written = self.written();
        if written.lines.len() == KEPT_LINES {
            written.lines.pop_front();
            written.dropped += 1;
        }
        written
            .lines
            .push_back(String::from_utf8_lossy(line).into_owned());
        drop(written);
        self.shared.changed.notify_all();
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.shared
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

const KEPT_LINES: usize = 20_000;
const TAIL_LINES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_only_lines_after_the_mark() {
        let log = Log::default();
        log.push(b"counts sessions=1");
        let mark = log.mark();
        log.follow(&b"counts sessions=0\n"[..]);
        let line = log.wait_for_line(mark, Duration::from_secs(5), |line| {
            line.starts_with("counts")
        });
        assert_eq!(line.as_deref(), Some("counts sessions=0"));
    }

    #[test]
    fn a_process_that_ended_is_not_waited_for() {
        let log = Log::default();
        log.follow(&b"sorry\rgood bye"[..]);
        assert!(
            log.wait_for_line(Mark::default(), Duration::from_mins(10), |line| line
                == "hello")
                .is_none()
        );
        assert_eq!(log.tail(), "sorry\ngood bye");
    }
}
