//! TLS ([RFC 3261 §26.2](https://www.rfc-editor.org/rfc/rfc3261#section-26.2)): what we show and whom we
//! believe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::time::sleep;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::{info, warn};

use super::octets::{Octets, Socket};
use crate::tls_options::{CertificateFiles, ClientCertificates, TlsOptions};

/// The TLS of one user agent.
pub(crate) struct Tls {
    options: TlsOptions,
    read: Mutex<Read>,
}

/// What was found when the files were read last.
struct Read {
    /// What the next handshake uses.
    configs: Arc<Configs>,
    /// When they were changed.
    changed: Vec<Option<SystemTime>>,
    /// Why they were not fit. What heals that need not change them: the right to read one is no content.
    unfit: Option<String>,
}

struct Configs {
    /// `None` without a certificate.
    server: Option<Arc<ServerConfig>>,
    /// Made when it is needed: to read whom the system trusts takes time.
    client: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn new(options: TlsOptions) -> Result<Self, TlsError> {
        let changed = changed(&options);
        let read = Read {
            configs: Arc::new(Configs::new(&options)?),
            changed,
            unfit: None,
        };
        Ok(Self {
            options,
            read: Mutex::new(read),
        })
    }

    /// Whether there are files that may change.
    pub(crate) fn has_files(&self) -> bool {
        !self.lock().changed.is_empty()
    }

    /// Reads the files again, for the handshakes to come. After an error all stays as it is.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let changed = changed(&self.options);
        let configs = Configs::new(&self.options);
        let mut read = self.lock();
        read.changed = changed;
        read.unfit = configs.as_ref().err().map(TlsError::to_string);
        read.configs = Arc::new(configs?);
        Ok(())
    }

    pub(super) async fn accept(&self, socket: Socket) -> io::Result<Octets> {
        let config = self.lock().configs.server.clone();
        let config = config.ok_or_else(|| io::Error::other("there is no certificate"))?;
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        Ok(Box::new(stream))
    }

    /// `host` is the name or address that the certificate must be for.
    pub(super) async fn connect(&self, socket: Socket, host: &str) -> io::Result<Octets> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let configs = Arc::clone(&self.lock().configs);
        let config = if let Some(config) = configs.client.get() {
            config
        } else {
            let config = client_config(&self.options).map_err(io::Error::other)?;
            configs.client.get_or_init(|| config)
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, socket).await?;
        Ok(Box::new(stream))
    }

    /// Reads the files where they have changed, or were not fit. What came of it, where that is news.
    fn reload_if_changed(&self) -> Option<Result<(), TlsError>> {
        let has_changed = changed(&self.options) != self.lock().changed;
        let unfit = self.lock().unfit.clone();
        if !has_changed && unfit.is_none() {
            return None;
        }
        let result = self.reload();
        let is_known = result.as_ref().err().map(TlsError::to_string) == unfit;
        (has_changed || !is_known).then_some(result)
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the files again whenever they change, for ever.
pub(crate) async fn watch(tls: Weak<Tls>) {
    while let Some(tls) = tls.upgrade() {
        match tls.reload_if_changed() {
            Some(Ok(())) => info!("the certificate is read again"),
            Some(Err(error)) => warn!("the certificate stays as it was: {error}"),
            None => {}
        }
        drop(tls);
        sleep(WATCH_INTERVAL).await;
    }
}

impl Configs {
    fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let client = OnceLock::new();
        if options.authorities.is_some() || options.client_certificate.is_some() {
            // What is wrong with the files is to be said at the start.
            let _ = client.set(client_config(options)?);
        }
        let server = options.certificate.as_ref();
        let server = server.map(|files| server_config(files, &options.clients));
        Ok(Self {
            server: server.transpose()?,
            client,
        })
    }
}

fn server_config(
    files: &CertificateFiles,
    clients: &ClientCertificates,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let (authorities, is_required) = match clients {
        ClientCertificates::Ignored => (None, false),
        ClientCertificates::Accepted(file) => (Some(file), false),
        ClientCertificates::Required(file) => (Some(file), true),
    };
    let builder = match authorities {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(roots_of(file)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let verifier = if is_required {
                verifier
            } else {
                verifier.allow_unauthenticated()
            };
            let verifier = verifier.build().map_err(|source| TlsError::Authorities {
                file: file.clone(),
                reason: source.to_string(),
            })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, key) = read(files)?;
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|source| unfit(files, source))?;
    // Connections live long: what resuming them would save is not worth the memory.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn client_config(options: &TlsOptions) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match &options.authorities {
        Some(file) => roots_of(file)?,
        None => native_roots(),
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = read(files)?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|source| unfit(files, source))?
        }
    };
    Ok(Arc::new(config))
}

fn read(
    files: &CertificateFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&files.chain)?;
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|source| unreadable(&files.key, source))?;
    Ok((chain, key))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| unreadable(file, source);
    let found = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn roots_of(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authorities {
                file: file.to_owned(),
                reason: source.to_string(),
            })?;
    }
    Ok(roots)
}

/// Whom the system trusts; without any, no server is believed.
fn native_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        warn!("the system trusts no authority: no certificate of a server will be believed");
    }
    roots
}

fn unreadable(file: &Path, source: pem::Error) -> TlsError {
    TlsError::Unreadable {
        file: file.to_owned(),
        source,
    }
}

fn unfit(files: &CertificateFiles, source: rustls::Error) -> TlsError {
    TlsError::Unfit {
        chain: files.chain.clone(),
        source,
    }
}

/// When the files were changed last.
fn changed(options: &TlsOptions) -> Vec<Option<SystemTime>> {
    let clients = match &options.clients {
        ClientCertificates::Ignored => None,
        ClientCertificates::Accepted(file) | ClientCertificates::Required(file) => Some(file),
    };
    let ours = options
        .certificate
        .iter()
        .chain(&options.client_certificate);
    let ours = ours.flat_map(|files| [&files.chain, &files.key]);
    let files = ours.chain(&options.authorities).chain(clients);
    let changed = |file: &PathBuf| fs::metadata(file).and_then(|it| it.modified()).ok();
    files.map(changed).collect()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A listener needs a certificate.
    #[error("{listener} needs a certificate and its key")]
    NoCertificate {
        /// The listener.
        listener: String,
    },
    /// A file cannot be read, or there is nothing in it.
    #[error("{}: {source}; a PEM file is needed", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The certificate and the key do not fit together.
    #[error("the certificate of {} cannot be used: {source}", chain.display())]
    Unfit {
        /// The file of the certificate.
        chain: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// A certificate is none of an authority.
    #[error("{} has no authorities: {reason}", file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no version of TLS to speak.
    #[error(transparent)]
    Versions(#[from] rustls::Error),
}

const WATCH_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::env::temp_dir;
    use std::fs::File;
    use std::process;

    use super::*;

    /// As when the right to read it comes later: the time of its last change says nothing.
    #[test]
    fn what_could_not_be_read_is_tried_again_and_told_once() {
        let file = |end| temp_dir().join(format!("offhook-{}.{end}", process::id()));
        let files = CertificateFiles {
            chain: file("pem"),
            key: file("key"),
        };
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = certified.signing_key.serialize_pem();
        fs::write(&files.chain, certified.cert.pem()).unwrap();
        let write_key = |text: &str, second| {
            fs::write(&files.key, text).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            let file = File::options().write(true).open(&files.key).unwrap();
            file.set_modified(at).unwrap();
        };
        write_key(&key, 1);
        let tls = Tls::new(TlsOptions {
            certificate: Some(files.clone()),
            ..TlsOptions::default()
        });
        let tls = tls.unwrap();
        assert!(tls.reload_if_changed().is_none());

        write_key("", 2);
        assert!(matches!(tls.reload_if_changed(), Some(Err(_))));
        assert!(tls.reload_if_changed().is_none(), "it was said");
        write_key("", 3);
        assert!(matches!(tls.reload_if_changed(), Some(Err(_))));
        write_key(&key, 3);
        assert!(matches!(tls.reload_if_changed(), Some(Ok(()))));
        assert!(tls.reload_if_changed().is_none());

        fs::remove_file(&files.chain).unwrap();
        fs::remove_file(&files.key).unwrap();
    }
}
