use std::{
    collections::BTreeMap,
    fs,
    hint::spin_loop,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, value_parser};
use serde_json::Value;

use crate::command::{cargo, target_folder};

/// Runs test programs again and again on a machine that is busy, and says which tests failed how often. See
/// CONTRIBUTING.md.
#[derive(Args)]
pub(crate) struct Repeat {
    /// Which programs: parts of their names, such as cli/peers. All but those of interop where none is named
    tests: Vec<String>,
    /// How often each of them runs
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    times: u32,
    /// How many threads keep the processors busy meanwhile
    #[arg(long, default_value_t = 4)]
    load: u32,
}

/// A program that cargo has made of tests.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// The folder of its package and its own name: `cli/peers`.
    name: String,
    folder: PathBuf,
    file: PathBuf,
}

impl Repeat {
    pub(crate) fn run(&self) -> Result<()> {
        let is_wanted = |program: &Program| {
            let mut names = self.tests.iter();
            self.tests.is_empty() || names.any(|name| program.name.contains(name))
        };
        let programs: Vec<_> = build()?.into_iter().filter(is_wanted).collect();
        ensure!(!programs.is_empty(), "no test program has such a name");
        let is_over = AtomicBool::new(false);
        let failures = thread::scope(|scope| {
            for _ in 0..self.load {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                });
            }
            let failures = self.repeat(&programs);
            is_over.store(true, Ordering::Relaxed);
            failures
        })?;
        for (test, times) in &failures {
            println!("{test} failed {times} times of {}", self.times);
        }
        ensure!(failures.is_empty(), "{} tests failed", failures.len());
        println!("{} programs passed {} times", programs.len(), self.times);
        Ok(())
    }

    /// How often each test failed that did.
    fn repeat(&self, programs: &[Program]) -> Result<BTreeMap<String, u32>> {
        let folder = target_folder()?.join("repeat");
        fs::create_dir_all(&folder).context("no folder for what failed tests say")?;
        let mut failures = BTreeMap::new();
        for (round, threads) in (1..=self.times).zip(THREADS.iter().cycle()) {
            for program in programs {
                let output = program.run(*threads)?;
                if output.status.success() {
                    continue;
                }
                let told = [output.stdout, output.stderr].concat();
                let told = String::from_utf8_lossy(&told);
                let file = format!("{}-{round}.txt", program.name.replace('/', "-"));
                let file = folder.join(file);
                fs::write(&file, told.as_bytes())?;
                let mut tests = failed(&told);
                if tests.is_empty() {
                    tests.push("as a whole");
                }
                println!("{}: see {}", program.name, file.display());
                for test in tests {
                    let test = format!("{} {test}", program.name);
                    *failures.entry(test).or_default() += 1;
                }
            }
            println!("round {round} of {}, {threads} tests at once", self.times);
        }
        Ok(failures)
    }
}

impl Program {
    /// What cargo says of the program in a line of JSON.
    fn read(line: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(line).ok()?;
        if told["profile"]["test"] != true {
            return None;
        }
        let folder = Path::new(told["manifest_path"].as_str()?).parent()?;
        let package = folder.file_name()?.to_str()?;
        Some(Self {
            name: format!("{package}/{}", told["target"]["name"].as_str()?),
            folder: folder.to_owned(),
            file: told["executable"].as_str()?.into(),
        })
    }

    fn run(&self, threads: u32) -> Result<Output> {
        let mut command = Command::new(&self.file);
        command.args(["--test-threads", &threads.to_string()]);
        // As cargo does.
        command.current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder);
        let output = command.stdin(Stdio::null()).output();
        output.with_context(|| format!("{} does not start", self.file.display()))
    }
}

/// The tests that failed, by the words of the test harness.
fn failed(told: &str) -> Vec<&str> {
    let tests = told.lines().filter_map(|line| line.strip_prefix("test "));
    let failed = tests.filter_map(|line| line.strip_suffix(" ... FAILED"));
    failed.collect()
}

fn build() -> Result<Vec<Program>> {
    let mut command = cargo(&["test", "--workspace", "--exclude", "offhook-interop"]);
    command.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the tests cannot be built");
    let told = String::from_utf8_lossy(&output.stdout);
    Ok(told.lines().filter_map(Program::read).collect())
}

/// How many tests run at once, in turns: what only goes wrong side by side, and what only goes wrong alone.
const THREADS: [u32; 4] = [8, 2, 16, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_a_test_program_is_read() {
        let told = r#"{"reason":"compiler-artifact","manifest_path":"/offhook/cli/Cargo.toml",
            "target":{"name":"peers"},"profile":{"test":true},"executable":"/target/peers-1"}"#;
        let program = Program {
            name: "cli/peers".to_owned(),
            folder: "/offhook/cli".into(),
            file: "/target/peers-1".into(),
        };
        assert_eq!(Program::read(told), Some(program));
        assert_eq!(Program::read(&told.replace("true", "false")), None);
        assert_eq!(Program::read("warning: none"), None);
    }

    #[test]
    fn failed_tests_are_found() {
        let told = "test calling::one ... ok\ntest calling::two ... FAILED\ntest result: FAILED. 1 passed\n";
        assert_eq!(failed(told), ["calling::two"]);
    }
}
