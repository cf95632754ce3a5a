use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, anyhow, bail};

use crate::{node::node, process::Process};

/// Chromium without a window, and the scenarios of `interop/browser` in it. One runs for all tests of a program.
pub struct Browser {
    driver: Process,
    next: AtomicU32,
}

impl Browser {
    /// The browser that all tests of this program share. It ends with the program, which is its input.
    ///
    /// # Errors
    /// It did not start, or the packages of npm are not there.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Browser>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start).as_ref();
        shared.map_err(|error| anyhow!("{error:#}"))
    }

    fn start() -> Result<Self> {
        let driver = Process::start_with_input("node", &mut node("driver.cjs")?)?;
        driver.wait_for_line(START, |line| line == "ready")?;
        let next = AtomicU32::new(0);
        Ok(Self { driver, next })
    }

    /// Runs a scenario, named `LIBRARY/NAME`, against the server at `url`.
    ///
    /// # Errors
    /// Something was not as it should be; the message has what the page logged.
    pub fn run(&self, scenario: &str, url: &str) -> Result<()> {
        self.run_from("127.0.0.1", scenario, url)
    }

    /// As [`Browser::run`], in a page from another host. Each name that ends in `.example` is one of this machine.
    ///
    /// # Errors
    /// As there.
    pub fn run_from(&self, host: &str, scenario: &str, url: &str) -> Result<()> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (passed, failed) = (format!("passed {id}"), format!("failed {id} "));
        let is_verdict = |line: &str| line == passed || line.starts_with(&failed);
        let command = format!("{id} {scenario} {url} {host}");
        let ask = |driver: &Process| driver.write_line(&command);
        let verdict = self.driver.line_after(ask, VERDICT, is_verdict)?;
        match verdict.strip_prefix(&failed) {
            Some(account) => bail!("{}", account.replace("\\n", "\n")),
            None => Ok(()),
        }
    }
}

const START: Duration = Duration::from_mins(1);
/// Longer than the driver lets a scenario run.
const VERDICT: Duration = Duration::from_mins(2);
