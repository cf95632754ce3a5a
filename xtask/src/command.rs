use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// A call of the cargo that started this program, at the root of the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command` with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command
        .status()
        .with_context(|| format!("{program} does not start"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// Builds the program `name` of `package` for release and returns its path.
pub(crate) fn release_binary(package: &str, name: &str) -> Result<PathBuf> {
    let build = ["build", "--release", "--package", package, "--bin", name];
    run(&mut cargo(&build))?;
    let binary = target_folder()?.join("release").join(name);
    ensure!(binary.is_file(), "no {} after the build", binary.display());
    Ok(binary)
}

/// Builds `offhook` for release and returns its path.
pub(crate) fn release_offhook() -> Result<PathBuf> {
    release_binary("offhook-cli", "offhook")
}

/// Where cargo builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    // This program lies in TARGET/PROFILE/.
    let this = env::current_exe().context("where this program lies is unknown")?;
    let target = this.ancestors().nth(2);
    target
        .map(Path::to_owned)
        .context("this program lies in no target folder")
}
