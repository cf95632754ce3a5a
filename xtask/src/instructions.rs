use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use offhook_interop::is_installed;

use crate::{command::release_binary, step::Outcome};

/// Counts the instructions of messages, descriptions and calls in virtual time, and compares them with [`BOUNDS`]. The
/// counts are the same in each run to a part in a thousand, so a change that costs more fails here.
pub(crate) fn check() -> Result<Outcome> {
    let Some(counter) = Counter::build()? else {
        println!("{NO_VALGRIND}");
        return Ok(Outcome::Skipped(NO_VALGRIND.to_owned()));
    };
    let mut excess = Vec::new();
    println!("{:<16} {:>9} {:>9}", "instructions", "counted", "bound");
    for (thing, bound) in BOUNDS {
        let taken = counter.count(thing, TIMES)?;
        println!("{thing:<16} {taken:>9} {bound:>9}");
        if taken > bound + bound * TOLERANCE / 100 {
            excess.push(format!(
                "{thing} takes {taken} instructions, more than {bound} and {TOLERANCE} %"
            ));
        }
    }
    ensure!(
        excess.is_empty(),
        "{}\nWhere it is worth that, raise the bound in xtask/src/instructions.rs. They were counted with Rust 1.95.",
        excess.join("\n")
    );
    Ok(Outcome::Passed)
}

/// Counts with callgrind what `bench/src/bin/instructions.rs` does.
pub(crate) struct Counter(PathBuf);

impl Counter {
    /// `None` where valgrind is not installed.
    pub(crate) fn build() -> Result<Option<Self>> {
        if !is_installed("valgrind") {
            return Ok(None);
        }
        release_binary("offhook-bench", "instructions").map(|binary| Some(Self(binary)))
    }

    /// Instructions in user space for one time, without those of the start.
    pub(crate) fn count(&self, thing: &str, times: u64) -> Result<u64> {
        let [once, twice] = [times, 2 * times].map(|times| self.collect(thing, times));
        Ok((twice? - once?) / times)
    }

    fn collect(&self, thing: &str, times: u64) -> Result<u64> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(&self.0).args([thing, &times.to_string()]);
        let output = command.output().context("valgrind does not start")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}\n{told}", output.status);
        collected(&told).with_context(|| format!("valgrind tells no count:\n{told}"))
    }
}

/// What stands behind `Collected :`.
fn collected(told: &str) -> Option<u64> {
    let (_, count) = told.split_once("Collected : ")?;
    count.lines().next()?.trim().parse().ok()
}

pub(crate) const NO_VALGRIND: &str =
    "no instructions are counted without valgrind; on Debian: apt-get install valgrind";
/// Instructions for each, as [`Counter::count`] counts them.
const BOUNDS: [(&str, u64); 5] = [
    ("parse", 15_900),
    ("respond", 1_600),
    ("describe", 13_900),
    ("take", 80_100),
    ("place-and-take", 135_100),
];
/// In percent.
const TOLERANCE: u64 = 3;
const TIMES: u64 = 500;

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_read() {
        let told = "==7== Events    : Ir\n==7== Collected : 141445898\n==7== \n";
        assert_eq!(collected(told), Some(141_445_898));
        assert_eq!(collected("==7== Collected : many"), None);
    }
}
