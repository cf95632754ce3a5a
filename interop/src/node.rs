use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// Node with a program of `interop/browser`, and the packages that `cargo xtask interop` puts into `TARGET/browser`.
///
/// # Errors
/// The packages are not there.
pub fn node(program: &str) -> Result<Command> {
    // This program lies in TARGET/PROFILE/deps.
    let this = env::current_exe().context("where this program lies is unknown")?;
    let target = this.ancestors().nth(3);
    let target = target.context("this program lies in no target folder")?;
    let packages = target.join("browser/node_modules");
    ensure!(
        packages.is_dir(),
        "no {}; `cargo xtask interop` installs it",
        packages.display()
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let mut command = Command::new("node");
    command.arg(folder.join(program)).env("NODE_PATH", packages);
    Ok(command)
}
