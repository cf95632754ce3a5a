use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::command::{cargo, root, run, target_folder};

/// Lets libFuzzer look for octets that break what must hold. Without a target it lists them. See fuzz/README.md.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// What to feed.
    target: Option<String>,
    /// For how long.
    #[arg(default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

impl Fuzz {
    pub(crate) fn run(&self) -> Result<()> {
        let targets = targets()?;
        let Some(target) = &self.target else {
            println!("{}", targets.join("\n"));
            return Ok(());
        };
        ensure!(
            targets.contains(target),
            "{target} is no target; there are {}",
            targets.join(", ")
        );
        let folder = target_folder()?.join("fuzz");
        let binary = build(&folder)?;
        let found = folder.join("corpus").join(target);
        let crashes = folder.join("crashes");
        fs::create_dir_all(&found).context("no folder for the corpus")?;
        fs::create_dir_all(&crashes).context("no folder for crashes")?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(binary);
        command.env("OFFHOOK_FUZZ", target);
        command.arg(format!("-max_total_time={}", self.seconds));
        command.arg(format!("-dict={}", root().join("fuzz/sip.dict").display()));
        command.arg(format!("-artifact_prefix={}/{target}-", crashes.display()));
        command.args(["-max_len=4096", "-timeout=10", "-print_final_stats=1"]);
        // What is new goes to the first folder; the others are only read.
        command.arg(&found).args(seeds(target));
        run(&mut command).with_context(|| {
            format!(
                "{target}: what broke it lies in {}. Move it to fuzz/corpus/{target}, and the tests repeat it",
                crashes.display()
            )
        })?;
        println!("{target}: nothing found in {} s", self.seconds);
        Ok(())
    }
}

fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(root().join("fuzz/corpus")).context("no fuzz/corpus")?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn seeds(target: &str) -> Vec<PathBuf> {
    let mut seeds = vec![root().join("fuzz/corpus").join(target)];
    if ["message", "stream"].contains(&target) {
        let torture = root().join("message/tests/torture");
        seeds.extend(["rfc4475", "rfc5118"].map(|rfc| torture.join(rfc)));
    }
    seeds
}

/// Builds the program that runs any target, with the flags that libFuzzer needs of every crate.
fn build(folder: &Path) -> Result<PathBuf> {
    // Its lock file is one of its own, and would go stale unseen.
    let mut command = cargo(&["build", "--release", "--locked", "--manifest-path"]);
    command.arg(root().join("fuzz/libfuzzer/Cargo.toml"));
    // Named, so that the flags do not reach build scripts.
    command.args(["--target", HOST, "--target-dir"]).arg(folder);
    run(command.env("RUSTFLAGS", FLAGS))?;
    let binary = folder.join(HOST).join("release/offhook-libfuzzer");
    ensure!(binary.is_file(), "no {} after the build", binary.display());
    Ok(env::current_dir()?.join(binary))
}

const HOST: &str = "x86_64-unknown-linux-gnu";
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";
