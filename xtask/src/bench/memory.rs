use std::time::Duration;

use anyhow::Result;

use super::{
    CALLER_CORE, Programs, SERVER_CORE,
    offhook_load::{OffhookLoad, Plan},
    progress,
    subject::{Running, Subject},
};
use crate::process_usage::resident;

/// Resident memory for a held call, by the route `bare`, and what stays when the calls are over.
pub(super) fn measure(programs: &Programs) -> Result<()> {
    let mut rows = Vec::new();
    for subject in [Subject::Offhook, Subject::Sipp] {
        let name = subject.name();
        let server = subject.start(programs, SERVER_CORE)?;
        progress(&format!(
            "{name}: a thousand calls first, then {HELD} that are held"
        ));
        place(programs, &server, FEW, Duration::ZERO)?.finish()?;
        server.wait_until_forgotten()?;
        let before = resident(server.id())?;
        let grown = || Ok::<_, anyhow::Error>(resident(server.id())?.saturating_sub(before));

        let load = place(programs, &server, HELD, HOLD)?;
        load.wait_until_up(HELD)?;
        let established = grown()?;
        server.wait_until_forgotten()?;
        let held = grown()?;
        progress(&format!("{name}: until the calls end"));
        load.finish()?.ensure_none_failed()?;
        let ended = grown()?;
        server.wait_until_forgotten()?;
        rows.push((name, before, [established, held, ended, grown()?]));
    }
    println!("\n{HEADING}");
    for (name, before, grown) in rows {
        let before = before / 1024;
        let [established, held, ended, forgotten] = grown.map(|octets| octets / u64::from(HELD));
        println!("{name:>8} {before:>13} {established:>12} {held:>10} {ended:>8} {forgotten:>10}");
    }
    Ok(())
}

fn place(programs: &Programs, server: &Running, count: u32, hold: Duration) -> Result<OffhookLoad> {
    let plan = Plan {
        rate: RATE,
        count,
        hold,
    };
    OffhookLoad::start(programs, CALLER_CORE, server.address(), plan)
}

const HEADING: &str =
    "  server  before (KiB)  octets a call: established       held    ended  forgotten";
const HELD: u32 = 10_000;
const FEW: u32 = 1_000;
const RATE: u32 = 1_000;
/// Until the last has begun, its transactions are forgotten, and the memory was read.
const HOLD: Duration = Duration::from_mins(1);
