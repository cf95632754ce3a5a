use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// User and system time that the process `id` has used so far, all its threads together.
pub(crate) fn used_by(id: u32) -> Result<Duration> {
    ticks(&id.to_string(), OWN)
}

/// User and system time of the children of this process that have ended.
pub(crate) fn used_by_ended_children() -> Result<Duration> {
    ticks("self", CHILDREN)
}

/// Adds the two fields of `/proc/PROCESS/stat` from `first` on, counted as proc(5) does.
fn ticks(process: &str, first: usize) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    sum(&stat, first).with_context(|| format!("{path} is not as proc(5) says: {stat}"))
}

fn sum(stat: &str, first: usize) -> Option<Duration> {
    // The second field, the name in parentheses, may hold spaces.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest
        .split(' ')
        .skip(first - 3)
        .map(|field| field.parse::<u64>().ok());
    let ticks = fields.next()?? + fields.next()??;
    Some(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
}

/// `utime` and `stime`.
const OWN: usize = 14;
/// `cutime` and `cstime`.
const CHILDREN: usize = 16;
/// Linux shows user space 100 ticks a second on every architecture that this project knows.
const MILLISECONDS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 7 5 300 20 20 0 4 0 12345 1000";

    #[test]
    fn reads_past_a_name_with_spaces_and_parentheses() {
        assert_eq!(sum(STAT, OWN), Some(Duration::from_millis(120)));
        assert_eq!(sum(STAT, CHILDREN), Some(Duration::from_millis(3_200)));
    }

    #[test]
    fn this_process_has_an_entry() {
        assert!(used_by(std::process::id()).is_ok() && used_by_ended_children().is_ok());
    }
}
