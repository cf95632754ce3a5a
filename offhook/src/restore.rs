//! Calls that go on in another process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offhook_core::{Flow, InsideError, SessionSnapshot, SnapshotError};

use crate::flows::NoWay;
use crate::handle::Place;
use crate::session::Session;
use crate::user_agent::UserAgent;

impl Session {
    /// The call in octets, for [`UserAgent::restore`] in another process or later in this one. It has
    /// the dialog, the way to the peer and the session timer; not the media, nor any credentials
    /// ([`Session::set_credentials`] gives them again), nor transfers that are under way.
    ///
    /// Take it anew when a request was sent or taken: the next process counts on from there. Give up
    /// this handle with [`Session::forget`], for dropping it hangs up.
    ///
    /// # Errors
    ///
    /// The session is not confirmed, or a change of it is under way.
    pub fn snapshot(&self) -> Result<Vec<u8>, InsideError> {
        let octets = self.act(|session| session.snapshot())?;
        Ok([&unix_time().to_be_bytes(), &*octets].concat())
    }

    /// Gives the call up without a BYE: it goes on elsewhere. What the peer asked for and nobody has seen is refused.
    /// So is the call where its 2xx still waits for a PRACK.
    pub fn forget(self) {
        let id = self.place.id;
        self.place.act(|state| {
            state.remove_session(id);
            if let Some(session) = state.core.session(state.now, id) {
                session.forget();
            }
        });
    }
}

impl UserAgent {
    /// Goes on with a call from [`Session::snapshot`]. The time since then counts for its session
    /// timer.
    ///
    /// The peer sends to the address that it knows. Where that is another one than ours is now, tell
    /// it by [`Session::update`] or [`Session::invite`].
    ///
    /// # Errors
    ///
    /// The octets are no snapshot, the call is here already, there are too many, this user agent is leaving,
    /// or there is no listener of the transport to reach the peer by, or no route.
    pub fn restore(&self, snapshot: &[u8]) -> Result<Session, RestoreError> {
        let parts = snapshot.split_first_chunk();
        let (time, octets) = parts.ok_or(SnapshotError::NoSnapshot)?;
        let mut snapshot = SessionSnapshot::read(octets)?;
        let passed = unix_time().saturating_sub(u64::from_be_bytes(*time));
        snapshot.age = Duration::from_millis(passed);
        let Flow {
            transport, remote, ..
        } = snapshot.flow;
        // The connection is gone, and the address may be that of its end alone: the dialog has the name of its next hop
        // (RFC 3261 §12.2.1.1), which the certificate is for.
        let flow = self.shell.flow_to_address(transport, remote);
        snapshot.flow = flow.map_err(|no_way| match no_way {
            NoWay::NoListener => RestoreError::NoListener(snapshot.flow),
            NoWay::Unknown(source) | NoWay::NoRoute(source) => {
                RestoreError::NoRoute { remote, source }
            }
        })?;
        let call_id = String::from_utf8_lossy(snapshot.call_id()).into();
        let shell = Arc::clone(&self.shell);
        let shard = shell.shard_of(snapshot.call_id());
        let id = shell.act(shard, |state| {
            let session = state.core.restore(state.now, snapshot)?;
            state.calls.add_session(session);
            Ok::<_, SnapshotError>(session)
        })?;
        let place = Place { shell, shard, id };
        Ok(Session { place, call_id })
    }
}

/// Why no call came of a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The octets are no snapshot, or there is no place for it.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// There is no listener to reach the peer of this flow by.
    #[error("{} can not be reached: listen on {} with an address of its kind first", .0.remote, .0.transport)]
    NoListener(Flow),
    /// There is a listener, and the system has no way to the peer.
    #[error("{remote} can not be reached: {source}")]
    NoRoute {
        /// The address of the peer.
        remote: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// In milliseconds.
fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
