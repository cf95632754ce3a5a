//! How many files and sockets the system lets us open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use offhook::ConnectionLimits;
use tracing::warn;

/// Raises the limit as far as we may: many systems allow 1,024 unless asked, and a call with audio takes two. Where it
/// cannot be raised it stays as it is.
pub(crate) fn allow_all() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Warns where there are fewer than so many calls may take beside all connections. Past the limit no connection is
/// accepted, and no call gets audio.
pub(crate) fn warn_of_few(calls: usize) {
    let connections = u64::from(ConnectionLimits::default().connections);
    let calls_take = u64::try_from(calls).map_or(u64::MAX, |calls| calls.saturating_mul(PER_CALL));
    let wanted = connections.saturating_add(calls_take);
    if let Ok((allowed, _)) = getrlimit(Resource::RLIMIT_NOFILE)
        && allowed < wanted
    {
        warn!(
            "the system allows {allowed} open files, and {calls} calls with {connections} connections take {wanted}: \
             raise `ulimit -Hn`, or LimitNOFILE of systemd, or lower max_calls"
        );
    }
}

/// RTP, and RTCP.
const PER_CALL: u64 = 2;
