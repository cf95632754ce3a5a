use std::io;
use std::thread::available_parallelism;

use offhook_core::Config;

use crate::listener::{InvalidListener, ListenerUri};
use crate::shell::{Bounds, Shell};
use crate::transport::{BindError, Bound};
use crate::user_agent::UserAgent;

/// Configures a [`UserAgent`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    listeners: Vec<String>,
    config: Config,
    backlog: usize,
    connections: u32,
    shards: Option<usize>,
}

impl Builder {
    /// Adds a listener: `udp:HOST:PORT` or `tcp:HOST:PORT`, an IPv6 address in brackets. Port 0
    /// takes any free one: see [`UserAgent::listeners`]. Bound to `0.0.0.0` or `[::]`, each peer is
    /// told the address that faces it.
    pub fn listen(mut self, listener: impl AsRef<str>) -> Self {
        self.listeners.push(listener.as_ref().to_owned());
        self
    }

    /// The timers and bounds of the protocol. The bounds hold for the user agent as a whole.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How many calls may wait for [`UserAgent::incoming`], 1,024 by default. Past it calls get
    /// 503 with Retry-After.
    pub fn backlog(mut self, calls: usize) -> Self {
        self.backlog = calls.max(1);
        self
    }

    /// How many stream connections may be open, 16,384 by default. Past it new ones are refused.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Among how many locks the calls are spread, one for each processor by default.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards.max(1));
        self
    }

    /// Binds all listeners and begins to receive.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<UserAgent, StartError> {
        let uris = self
            .listeners
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<ListenerUri>, _>>()?;
        if uris.is_empty() {
            return Err(StartError::NoListener);
        }
        let bound = Bound::bind(&uris).await?;
        let shards = self
            .shards
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let bounds = Bounds {
            shards,
            backlog: self.backlog,
            connections: self.connections,
        };
        let shell = Shell::start(bound, &self.config, &bounds)?;
        Ok(UserAgent::new(shell))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            config: Config::default(),
            backlog: 1024,
            connections: 16_384,
            shards: None,
        }
    }
}

/// Why a user agent could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// [`Builder::listen`] was not called.
    #[error("there is no listener; add one, for example udp:0.0.0.0:5060")]
    NoListener,
    /// A text names no listener.
    #[error(transparent)]
    InvalidListener(#[from] InvalidListener),
    /// The address of a listener can not be had.
    #[error("cannot listen on {listener}: {}", advice(source))]
    Bind {
        /// The listener as it was asked for.
        listener: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no random octets.
    #[error("the system gives no random octets: {0}")]
    Random(#[from] getrandom::Error),
}

impl From<BindError> for StartError {
    fn from(BindError { listener, source }: BindError) -> Self {
        Self::Bind {
            listener: listener.to_string(),
            source,
        }
    }
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
