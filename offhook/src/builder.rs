use std::sync::Arc;
use std::thread::available_parallelism;

use offhook_core::Config;

use crate::listener::ListenerUri;
use crate::resolver::{Resolver, default_resolver};
use crate::shell::{Bounds, Shell};
use crate::start_error::StartError;
#[cfg(feature = "tls")]
use crate::tls_options::TlsOptions;
use crate::transport::{Advertised, Bound, ConnectionLimits, ConnectionSettings};
#[cfg(feature = "ws")]
use crate::transport::{InvalidOrigin, Origins};
#[cfg(feature = "tls")]
use crate::transport::{Tls, TlsError};
use crate::user_agent::UserAgent;

/// Configures a [`UserAgent`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    listeners: Vec<String>,
    config: Config,
    backlog: usize,
    connections: ConnectionLimits,
    advertised: Option<String>,
    #[cfg(feature = "ws")]
    origins: Vec<String>,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
    shards: Option<usize>,
    resolver: Option<Arc<dyn Resolver>>,
}

impl Builder {
    /// Adds a listener: `udp:HOST:PORT`, `tcp:…`, `tls:…`, `ws:…` or `wss:…`, an IPv6 address in brackets. Port 0
    /// takes any free one: see [`UserAgent::listeners`]. Bound to `0.0.0.0` or `[::]`, each caller is
    /// told the address that it called, and answered from there; over UDP this is so on Linux, and
    /// elsewhere it is the address that faces the caller.
    ///
    /// Calls and other requests of ours go out by a listener of the same transport and kind of address, so add one,
    /// with port 0, for each transport that you call by.
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

    /// What peers are told of our address in Via and Contact, as `HOST` or `HOST:PORT`, where a NAT
    /// stands before us. The port is that of UDP and TCP; without one it is the listener's. A name is
    /// looked up at the start. From which address of ours datagrams leave is left to the system then,
    /// where a listener is bound to all.
    pub fn advertise(mut self, address: impl AsRef<str>) -> Self {
        self.advertised = Some(address.as_ref().to_owned());
        self
    }

    /// Lets the pages of an origin, such as `https://phone.example.com`, call over a WebSocket; `*` lets
    /// all. Others get 403 ([RFC 6455 §10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2)).
    ///
    /// No leave is needed by what is no page and sends no Origin; by a page of this machine (such as
    /// `http://localhost:8000`) that calls it by a loopback address or as `localhost`; and by one from
    /// the very host that it calls, where that is an address, or a name that a certificate proves: ours,
    /// or that of a page over HTTPS. Any other name may be made to point here.
    #[cfg(feature = "ws")]
    pub fn allow_origin(mut self, origin: impl AsRef<str>) -> Self {
        self.origins.push(origin.as_ref().to_owned());
        self
    }

    /// The certificates of TLS, with a WebSocket in it or not.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self
    }

    /// Among how many locks the calls are spread, one for each processor by default.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards.max(1));
        self
    }

    /// Who looks up the names of peers: the name servers of the system by default, or the system itself
    /// where it names none or the feature `dns` is off.
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Some(Arc::new(resolver));
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
        let settings = ConnectionSettings {
            limits: self.connections,
            advertised: advertised(self.advertised.as_deref()).await?,
            #[cfg(feature = "ws")]
            origins: origins(&self.origins)?,
            #[cfg(feature = "tls")]
            tls: Arc::new(tls(self.tls, &uris)?),
        };
        let mut bound = Bound::default();
        for uri in &uris {
            let added = bound.add(uri, &settings.advertised).await;
            added.map_err(|source| StartError::Bind {
                listener: uri.to_string(),
                source,
            })?;
        }
        let shards = self
            .shards
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let bounds = Bounds {
            shards,
            backlog: self.backlog,
            connections: Arc::new(settings),
            resolver: self.resolver.unwrap_or_else(default_resolver),
        };
        let shell = Shell::start(bound, &self.config, &bounds)?;
        Ok(UserAgent { shell })
    }
}

impl UserAgent {
    /// Begins to configure one.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

async fn advertised(text: Option<&str>) -> Result<Advertised, StartError> {
    let Some(text) = text else {
        return Ok(Advertised::default());
    };
    let found = Advertised::look_up(&text.parse()?).await;
    found.map_err(|source| StartError::NotFound {
        host: text.to_owned(),
        source,
    })
}

#[cfg(feature = "ws")]
fn origins(texts: &[String]) -> Result<Origins, InvalidOrigin> {
    let mut origins = Origins::default();
    texts.iter().try_for_each(|text| origins.allow(text))?;
    Ok(origins)
}

#[cfg(feature = "tls")]
fn tls(options: TlsOptions, listeners: &[ListenerUri]) -> Result<Tls, TlsError> {
    let mut listeners = listeners.iter();
    let secured = listeners.find(|it| it.transport == it.transport.secured());
    match secured.filter(|_| options.certificate.is_none()) {
        Some(listener) => Err(TlsError::NoCertificate {
            listener: listener.to_string(),
        }),
        None => Tls::new(options),
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            config: Config::default(),
            backlog: 1024,
            connections: ConnectionLimits::default(),
            advertised: None,
            #[cfg(feature = "ws")]
            origins: Vec::new(),
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
            shards: None,
            resolver: None,
        }
    }
}
