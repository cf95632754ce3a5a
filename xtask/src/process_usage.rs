//! What a process takes of the machine, as `/proc` tells it.

use std::{fs, ops::Sub, time::Duration};

use anyhow::{Context, Result};

/// Time of processors, in steps of 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Usage {
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// What the process `id` has used so far, all its threads together.
pub(crate) fn used_by(id: u32) -> Result<Usage> {
    usage(&id.to_string(), OWN)
}

/// What the children of this process that have ended have used.
pub(crate) fn used_by_ended_children() -> Result<Usage> {
    usage("self", CHILDREN)
}

/// Octets of memory that the process `id` has in use.
pub(crate) fn resident(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    resident_in(&status).with_context(|| format!("{path} is not as proc(5) says: {status}"))
}

/// The two fields of `/proc/PROCESS/stat` from `first` on, counted as proc(5) does.
fn usage(process: &str, first: usize) -> Result<Usage> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    usage_in(&stat, first).with_context(|| format!("{path} is not as proc(5) says: {stat}"))
}

fn usage_in(stat: &str, first: usize) -> Option<Usage> {
    // The second field, the name in parentheses, may hold spaces.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut times = rest.split(' ').skip(first - 3).map(|field| {
        let ticks: u64 = field.parse().ok()?;
        Some(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
    });
    Some(Usage {
        user: times.next()??,
        system: times.next()??,
    })
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
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

    fn milliseconds(user: u64, system: u64) -> Usage {
        let [user, system] = [user, system].map(Duration::from_millis);
        Usage { user, system }
    }

    #[test]
    fn reads_past_a_name_with_spaces_and_parentheses() {
        assert_eq!(usage_in(STAT, OWN), Some(milliseconds(70, 50)));
        assert_eq!(usage_in(STAT, CHILDREN), Some(milliseconds(3_000, 200)));
    }

    #[test]
    fn resident_memory_is_told_in_kibibytes() {
        let status = "Name:\tfloor\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(resident_in(status), Some(1 << 20));
    }

    #[test]
    fn this_process_has_an_entry() {
        let id = std::process::id();
        assert!(used_by(id).is_ok() && used_by_ended_children().is_ok() && resident(id).is_ok());
    }
}
