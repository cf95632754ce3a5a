//! Which of our addresses a datagram came to, for a socket that is bound to all of them: the answer
//! must leave from there, or a firewall or a NAT on its way drops it
//! ([RFC 3581 §4](https://www.rfc-editor.org/rfc/rfc3581#section-4)).

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod untold;

#[cfg(target_os = "linux")]
pub(super) use self::linux::{ask, receive, send};
#[cfg(not(target_os = "linux"))]
pub(super) use self::untold::{ask, receive, send};
