use std::io;

use crate::listener::{InvalidAdvertised, InvalidListener};

/// Why a user agent could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// [`Builder::listen`](crate::Builder::listen) was not called.
    #[error("there is no listener; add one, for example udp:0.0.0.0:5060")]
    NoListener,
    /// A text names no listener.
    #[error(transparent)]
    InvalidListener(#[from] InvalidListener),
    /// The address of a listener cannot be had.
    #[error("cannot listen on {listener}: {}", advice(source))]
    Bind {
        /// The listener as it was asked for.
        listener: String,
        /// What the system said.
        source: io::Error,
    },
    /// A text is no address to advertise.
    #[error(transparent)]
    InvalidAdvertised(#[from] InvalidAdvertised),
    /// The name to advertise cannot be looked up.
    #[error("{host} cannot be advertised, for it is not found: {source}")]
    NotFound {
        /// The host as it was given.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// A text is no origin to allow.
    #[cfg(feature = "ws")]
    #[error(transparent)]
    InvalidOrigin(#[from] crate::transport::InvalidOrigin),
    /// TLS cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::transport::TlsError),
    /// The system gives no random octets.
    #[error("the system gives no random octets: {0}")]
    Random(#[from] getrandom::Error),
}

fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the address is in use; stop the program that has it, or choose another port".into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        io::ErrorKind::PermissionDenied => {
            "the system does not allow it; ports below 1024 need a privilege".into()
        }
        _ => error.to_string(),
    }
}
