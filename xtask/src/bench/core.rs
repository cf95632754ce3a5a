use anyhow::Result;

use super::progress;
use crate::{
    check::INSTRUCTIONS,
    command::{cargo, run},
    step,
};

/// Messages and calls without a network.
pub(super) fn measure() -> Result<()> {
    progress("memory of messages and calls");
    let package = ["--package", "offhook-bench"];
    let test = ["test", "--release", "--tests"];
    run(cargo(&test).args(package).args(["--", "--nocapture"]))?;
    progress("instructions of messages and calls");
    step::run_all(&[INSTRUCTIONS])?;
    progress("time of messages and calls");
    let bench = ["bench", "--bench", "message", "--bench", "call"];
    run(cargo(&bench).args(package).args(["--", "--quick"]))
}
