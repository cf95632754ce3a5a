use std::path::PathBuf;

/// The certificates of TLS, with a WebSocket in it or not. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Ours. Listeners for `tls` and `wss` need it, also those that are there to call by.
    pub certificate: Option<CertificateFiles>,
    /// What we show to servers that ask.
    pub client_certificate: Option<CertificateFiles>,
    /// Who certifies the servers that we connect to; `None` is whom the system trusts.
    pub authorities: Option<PathBuf>,
    /// What we make of the certificates of clients.
    pub clients: ClientCertificates,
}

/// Where a certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to a known authority.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked for any.
    #[default]
    Ignored,
    /// One that a client shows must be of these authorities; none is fine, too.
    Accepted(PathBuf),
    /// Each must show one of these authorities.
    Required(PathBuf),
}
