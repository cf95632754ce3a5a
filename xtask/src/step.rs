use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// One check.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// What the heading says.
    pub(crate) name: &'static str,
    /// The command that repeats it alone.
    pub(crate) alone: &'static str,
    pub(crate) run: fn() -> Result<Outcome>,
}

/// How a check that did not fail ended.
pub(crate) enum Outcome {
    Passed,
    /// It could not run; the text says why and what to do.
    Skipped(String),
}

/// Runs `steps` in order, stops at the first that fails, and prints how long each took.
pub(crate) fn run_all(steps: &[Step]) -> Result<()> {
    let start = Instant::now();
    let mut rows = Vec::new();
    let failure = steps.iter().find_map(|step| run(step, &mut rows).err());
    println!("\n{:<12} {:>8}", "step", "time");
    for (name, time, verdict) in &rows {
        println!("{name:<12} {:>6.1} s  {verdict}", time.as_secs_f64());
    }
    println!(
        "{:<12} {:>6.1} s",
        "together",
        start.elapsed().as_secs_f64()
    );
    failure.map_or(Ok(()), Err)
}

fn run(step: &Step, rows: &mut Vec<(&'static str, Duration, String)>) -> Result<()> {
    println!("\n=== {} ({})", step.name, step.alone);
    let start = Instant::now();
    let outcome = (step.run)();
    let verdict = match &outcome {
        Ok(Outcome::Passed) => "passed".to_owned(),
        Ok(Outcome::Skipped(why)) => format!("SKIPPED: {why}"),
        Err(_) => "FAILED".to_owned(),
    };
    println!(
        "=== {}: {verdict}, {:.1} s",
        step.name,
        start.elapsed().as_secs_f64()
    );
    rows.push((step.name, start.elapsed(), verdict));
    outcome
        .map(drop)
        .with_context(|| format!("{} failed. To repeat it alone: {}", step.name, step.alone))
}
