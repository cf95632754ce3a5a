use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::command::{root, run, target_folder};

/// Installs the packages of `interop/browser` into `TARGET/browser`, exactly as its lock file has them, unless they are
/// there. No script of theirs runs.
pub(crate) fn ensure_installed() -> Result<()> {
    let (source, folder) = (
        root().join("interop/browser"),
        target_folder()?.join("browser"),
    );
    let lock = fs::read(source.join(LOCK)).context("the lock file of interop/browser")?;
    let stamp = folder.join("installed.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    for file in [MANIFEST, LOCK] {
        fs::copy(source.join(file), folder.join(file)).context(file)?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").args(arguments).current_dir(&folder))?;
    fs::write(stamp, lock).context("cannot note what is installed")
}

const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";
