use std::{error::Error, fmt, process::Command};

use anyhow::{Context, Result};
use offhook_interop::is_installed;

use crate::command::run;

/// A program that the interop runs or a measurement need, and where it comes from.
struct Peer {
    program: &'static str,
    /// The Debian package.
    package: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        program: "sipp",
        package: "sip-tester",
    },
    Peer {
        program: "baresip",
        package: "baresip-core",
    },
    Peer {
        program: "kamailio",
        package: "kamailio",
    },
    Peer {
        program: "linphonec",
        package: "linphone-cli",
    },
    Peer {
        program: "node",
        package: "nodejs",
    },
    Peer {
        program: "npm",
        package: "npm",
    },
    Peer {
        program: "openssl",
        package: "openssl",
    },
    Peer {
        program: "valgrind",
        package: "valgrind",
    },
    Peer {
        program: "svwar",
        package: "sipvicious",
    },
    Peer {
        program: "chromium",
        package: "chromium",
    },
];

/// Some peers are missing and cannot be installed from here.
#[derive(Debug)]
pub(crate) struct PeersMissing {
    packages: Vec<&'static str>,
}

/// Installs the peers that are missing, from Debian, where this user may.
///
/// # Errors
/// [`PeersMissing`] where this user may not, or this is no Debian.
pub(crate) fn ensure_installed() -> Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let Some(privilege) = privilege().filter(|_| is_installed("apt-get")) else {
        return Err(PeersMissing { packages }.into());
    };
    println!("installing {}", packages.join(" "));
    run(&mut apt_get(privilege, &["update", "--quiet"]))?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    run(apt_get(privilege, &install).args(&packages)).context(PeersMissing { packages })?;
    let packages = missing();
    if packages.is_empty() {
        Ok(())
    } else {
        Err(PeersMissing { packages }.into())
    }
}

fn missing() -> Vec<&'static str> {
    PEERS
        .iter()
        .filter(|peer| !is_installed(peer.program))
        .map(|peer| peer.package)
        .collect()
}

/// What goes before a command that only root may run; `None` when this user cannot become root without a password.
fn privilege() -> Option<&'static [&'static str]> {
    let succeeds = |command: &str| {
        Command::new("sh")
            .args(["-c", command])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if succeeds("test $(id -u) = 0") {
        return Some(&[]);
    }
    succeeds("sudo --non-interactive true").then_some(&["sudo", "--non-interactive"])
}

fn apt_get(privilege: &[&str], arguments: &[&str]) -> Command {
    let mut words =
        privilege
            .iter()
            .copied()
            .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let mut command = Command::new(words.next().unwrap_or("env"));
    command.args(words).args(arguments);
    command
}

impl fmt::Display for PeersMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "peers are missing. On Debian: apt-get install {}",
            self.packages.join(" ")
        )
    }
}

impl Error for PeersMissing {}
