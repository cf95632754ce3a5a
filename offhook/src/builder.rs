use std::thread::available_parallelism;

use offhook_core::Config;

use crate::listener::ListenerUri;
use crate::shell::{Bounds, Shell};
use crate::start_error::StartError;
use crate::transport::{Bound, ConnectionLimits};
use crate::user_agent::UserAgent;

/// Configures a [`UserAgent`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    listeners: Vec<String>,
    config: Config,
    backlog: usize,
    connections: ConnectionLimits,
    shards: Option<usize>,
}

impl Builder {
    /// Adds a listener: `udp:HOST:PORT`, `tcp:…`, `tls:…`, `ws:…` or `wss:…`, an IPv6 address in brackets. Port 0
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

    /// The bounds of stream connections.
    pub fn connections(mut self, limits: ConnectionLimits) -> Self {
        self.connections = limits;
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

impl UserAgent {
    /// Begins to configure one.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            config: Config::default(),
            backlog: 1024,
            connections: ConnectionLimits::default(),
            shards: None,
        }
    }
}
