use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::process::Process;

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
        let packages = packages()?;
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/driver.cjs");
        let mut command = Command::new("node");
        command.arg(driver).env("NODE_PATH", packages);
        let driver = Process::start_with_input("node", &mut command)?;
        driver.wait_for_line(START, |line| line == "ready")?;
        let next = AtomicU32::new(0);
        Ok(Self { driver, next })
    }

    /// Runs a scenario, named `LIBRARY/NAME`, against the server at `url`.
    ///
    /// # Errors
    /// Something was not as it should be; the message has what the page logged.
    pub fn run(&self, scenario: &str, url: &str) -> Result<()> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (passed, failed) = (format!("passed {id}"), format!("failed {id} "));
        let is_verdict = |line: &str| line == passed || line.starts_with(&failed);
        let command = format!("{id} {scenario} {url}");
        let ask = |driver: &Process| driver.write_line(&command);
        let verdict = self.driver.line_after(ask, VERDICT, is_verdict)?;
        match verdict.strip_prefix(&failed) {
            Some(account) => bail!("{}", account.replace("\\n", "\n")),
            None => Ok(()),
        }
    }
}

/// Where `cargo xtask interop` puts what npm installs: `TARGET/browser`. This program lies in `TARGET/PROFILE/deps`.
fn packages() -> Result<PathBuf> {
    let this = env::current_exe().context("where this program lies is unknown")?;
    let target = this.ancestors().nth(3);
    let packages = target
        .context("this program lies in no target folder")?
        .join("browser/node_modules");
    ensure!(
        packages.is_dir(),
        "no {}; `cargo xtask interop` installs it",
        packages.display()
    );
    Ok(packages)
}

const START: Duration = Duration::from_mins(1);
/// Longer than the driver lets a scenario run.
const VERDICT: Duration = Duration::from_secs(40);
