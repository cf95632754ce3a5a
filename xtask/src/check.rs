use std::process::Command;

use anyhow::Result;

use crate::{
    command::{cargo, release_offhook, root, run},
    documents, house, instructions, npm, peer,
    step::{Outcome, Step},
};

pub(crate) const PEERS: &[Step] = &[Step {
    name: "peers",
    alone: "cargo xtask interop",
    run: peers,
}];

pub(crate) const LINT: &[Step] = &[
    Step {
        name: "fmt",
        alone: "cargo fmt --all --check",
        run: fmt,
    },
    Step {
        name: "house",
        alone: "cargo xtask lint",
        run: house::check,
    },
    Step {
        name: "documents",
        alone: "cargo xtask lint",
        run: documents::check,
    },
    Step {
        name: "clippy",
        alone: "cargo clippy --workspace --all-targets -- -D warnings",
        run: clippy,
    },
    Step {
        name: "features",
        alone: "cargo clippy -p offhook -p offhook-media --no-default-features -- -D warnings",
        run: without_features,
    },
    Step {
        name: "rustdoc",
        alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        run: rustdoc,
    },
    Step {
        name: "deny",
        alone: "cargo deny --offline check licenses bans sources",
        run: deny,
    },
];

pub(crate) const TEST: &[Step] = &[
    Step {
        name: "test",
        alone: "cargo test --workspace --exclude offhook-interop",
        run: test,
    },
    INSTRUCTIONS,
];

pub(crate) const INSTRUCTIONS: Step = Step {
    name: "instructions",
    alone: "cargo xtask instructions",
    run: instructions::check,
};

pub(crate) const INTEROP: &[Step] = &[
    Step {
        name: "release",
        alone: "cargo build --release",
        run: release,
    },
    Step {
        name: "interop",
        alone: "cargo xtask interop",
        run: interop_all,
    },
];

/// The runs that `filter` picks: a file of `interop/tests`, or a part of a test's name.
pub(crate) fn interop(filter: &str) -> Result<()> {
    peer::ensure_installed()?;
    npm::ensure_installed()?;
    let is_file = root()
        .join("interop/tests")
        .join(filter)
        .with_extension("rs")
        .is_file();
    let kind = if is_file { "--test" } else { "--tests" };
    run_interop(&[kind, filter])
}

fn interop_all() -> Result<Outcome> {
    run_interop(&[])?;
    Ok(Outcome::Passed)
}

fn run_interop(selection: &[&str]) -> Result<()> {
    let binary = release_offhook()?;
    let mut command = cargo(&["test", "--package", "offhook-interop"]);
    // The account of a failed run is long enough without the way through this code.
    command
        .env("OFFHOOK_BIN", binary)
        // Most of the time is waiting, so more runs at once than processors.
        .env("RUST_TEST_THREADS", "4")
        .env("RUST_LIB_BACKTRACE", "0");
    run(command.args(selection))
}

fn peers() -> Result<Outcome> {
    peer::ensure_installed()?;
    npm::ensure_installed()?;
    Ok(Outcome::Passed)
}

fn fmt() -> Result<Outcome> {
    pass(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<Outcome> {
    pass(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn without_features() -> Result<Outcome> {
    pass(&mut cargo(&[
        "clippy",
        "-p",
        "offhook",
        "-p",
        "offhook-media",
        "--no-default-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn rustdoc() -> Result<Outcome> {
    pass(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny() -> Result<Outcome> {
    let version = cargo(&["deny", "--version"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        let why = "licences and banned crates are unchecked; `cargo install --locked cargo-deny` gets the tool";
        println!("{why}");
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    // It looks at the dependencies of every platform, and a build fetches those of this one only.
    run(&mut cargo(&["fetch", "--locked"]))?;
    pass(&mut cargo(&[
        "deny",
        "--offline",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}

fn test() -> Result<Outcome> {
    pass(&mut cargo(&[
        "test",
        "--workspace",
        "--exclude",
        "offhook-interop",
    ]))
}

fn release() -> Result<Outcome> {
    release_offhook()?;
    Ok(Outcome::Passed)
}

fn pass(command: &mut Command) -> Result<Outcome> {
    run(command)?;
    Ok(Outcome::Passed)
}
