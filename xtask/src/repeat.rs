use std::{
    collections::BTreeMap,
    fs::{self, File},
    hint::spin_loop,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, value_parser};
use serde_json::Value;

use crate::command::{cargo, target_folder};

/// Runs test programs again and again on a machine that is busy, and says which tests failed how often. See
/// CONTRIBUTING.md.
#[derive(Args)]
pub(crate) struct Repeat {
    /// Which programs: parts of their names, such as cli/peers. All where none is named. Those of interop are never run
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
        ensure!(
            !programs.is_empty(),
            "no test program has such a name, but for those of interop"
        );
        let failures = under_load(self.load, || self.repeat(&programs))?;
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
        // What an earlier call has found is not of this one.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} stays", folder.display()));
            }
            _ => {}
        }
        fs::create_dir_all(&folder).context("no folder for what failed tests say")?;
        let mut failures = BTreeMap::new();
        for (round, threads) in (1..=self.times).zip(THREADS.iter().cycle()) {
            for program in programs {
                let (status, told) = program.run(*threads, &folder)?;
                if status.is_some_and(|it| it.success()) {
                    continue;
                }
                let file = format!("{}-{round}.txt", program.name.replace('/', "-"));
                let file = folder.join(file);
                fs::write(&file, told.as_bytes())?;
                let mut tests = failed(&told);
                if status.is_none() {
                    tests.extend(unfinished(&told));
                }
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

    /// How the program ended, if it did in time, and what it printed. That goes through files of `folder`: what the program
    /// has started may outlive it and hold a pipe open.
    fn run(&self, threads: u32, folder: &Path) -> Result<(Option<ExitStatus>, String)> {
        let files = ["stdout", "stderr"].map(|name| folder.join(name));
        let mut command = Command::new(&self.file);
        command.args(["--test-threads", &threads.to_string()]);
        // As cargo does.
        command.current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder);
        command.stdin(Stdio::null());
        command.stdout(File::create(&files[0])?);
        command.stderr(File::create(&files[1])?);
        let child = command.spawn();
        let mut child = child.with_context(|| format!("{} does not start", self.file.display()))?;
        let status = wait(&mut child, PATIENCE)?;
        let mut told = Vec::new();
        for file in files {
            told.extend(fs::read(&file)?);
            fs::remove_file(&file)?;
        }
        Ok((status, String::from_utf8_lossy(&told).into_owned()))
    }
}

/// Waits for the end, and makes one where there is none in time: then there is no status.
fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= patience {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(STEP);
    }
}

/// Does the work while so many threads keep the processors busy.
fn under_load<T>(threads: u32, work: impl FnOnce() -> T) -> T {
    let load = AtomicBool::new(true);
    thread::scope(|scope| {
        let _end = LoadEnd(&load);
        for _ in 0..threads {
            scope.spawn(|| {
                while load.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        work()
    })
}

/// Ends the load, also where the work panics: who reads what is printed may be gone, and the scope waits for its threads.
struct LoadEnd<'a>(&'a AtomicBool);

impl Drop for LoadEnd<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The tests that failed, by the words of the test harness.
fn failed(told: &str) -> Vec<&str> {
    let tests = told.lines().filter_map(|line| line.strip_prefix("test "));
    let failed = tests.filter_map(|line| line.strip_suffix(" ... FAILED"));
    failed.collect()
}

/// The tests that had begun and not ended. Where only one runs at a time its name is printed first, else the test harness
/// tells of it after a minute.
fn unfinished(told: &str) -> Vec<&str> {
    let tests = || told.lines().filter_map(|line| line.strip_prefix("test "));
    let has_ended = |test: &str| {
        tests().any(|line| {
            let outcome = line.strip_prefix(test);
            outcome.is_some_and(|it| it.starts_with(" ... ") && it != " ... ")
        })
    };
    let begun = tests().filter_map(|line| {
        let late = line.strip_suffix(" has been running for over 60 seconds");
        late.or_else(|| line.strip_suffix(" ... "))
    });
    begun.filter(|test| !has_ended(test)).collect()
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
/// Bounds nothing but a hang.
const PATIENCE: Duration = Duration::from_mins(15);
/// Between two looks at a program that runs.
const STEP: Duration = Duration::from_millis(20);

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

    #[test]
    fn tests_that_hang_are_found() {
        let told = "test a has been running for over 60 seconds\ntest b has been running for over 60 seconds\n\
                    test a ... ok\ntest c ... ";
        assert_eq!(unfinished(told), ["b", "c"]);
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut child = Command::new("sleep").arg("3600").spawn().unwrap();
        assert_eq!(wait(&mut child, Duration::ZERO).unwrap(), None);
        assert!(child.try_wait().unwrap().is_some());
        let mut child = Command::new("true").spawn().unwrap();
        assert!(wait(&mut child, PATIENCE).unwrap().unwrap().success());
    }

    #[test]
    fn the_load_ends_where_the_work_panics() {
        let outcome = std::panic::catch_unwind(|| under_load(2, || panic!("nobody reads it")));
        assert!(outcome.is_err());
    }
}
