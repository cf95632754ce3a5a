//! The certificates of TLS: those that are given, or one of our own for development.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use offhook::{CertificateFiles, ClientCertificates, TlsOptions, Transport};
use rcgen::{CertificateParams, KeyPair};
use serde::Deserialize;

/// As arguments, and as the table `tls` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificates {
    /// Our certificate for TLS and WSS, and those that lead to its authority: a PEM file
    ///
    /// Without one, TLS and WSS listeners make one for development, which nobody believes.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The private key of the certificate: a PEM file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// Whose certificates of servers we believe, in place of the system's list: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) authorities: Option<PathBuf>,

    /// Whose certificates of clients we believe: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) client_authorities: Option<PathBuf>,

    /// What becomes of clients that show no certificate
    #[arg(long, value_name = "RULE")]
    pub(crate) clients: Option<Rule>,
}

/// The arguments of those who call: nobody shows them a certificate unasked.
#[derive(Debug, Args)]
pub(crate) struct CallerCertificates {
    /// The certificate that we show, and those that lead to its authority: a PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,

    /// The private key of the certificate: a PEM file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,

    /// Whose certificates of servers we believe, in place of the system's list: a PEM file
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
}

impl From<&CallerCertificates> for Certificates {
    fn from(caller: &CallerCertificates) -> Self {
        Self {
            certificate: caller.certificate.clone(),
            key: caller.key.clone(),
            authorities: caller.authorities.clone(),
            ..Self::default()
        }
    }
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    /// They are refused
    Required,
    /// They are served like others
    Accepted,
}

impl Certificates {
    /// The ones here in place of those there.
    pub(crate) fn or(self, other: Self) -> Self {
        let is_pair = self.certificate.is_some();
        let (certificate, key) = if is_pair {
            (self.certificate, self.key)
        } else {
            (other.certificate, other.key)
        };
        Self {
            certificate,
            key,
            authorities: self.authorities.or(other.authorities),
            client_authorities: self.client_authorities.or(other.client_authorities),
            clients: self.clients.or(other.clients),
        }
    }

    /// For listeners of these transports.
    pub(crate) fn options(
        &self,
        transports: impl IntoIterator<Item = Transport>,
    ) -> anyhow::Result<TlsOptions> {
        let given = match (&self.certificate, &self.key) {
            (Some(chain), Some(key)) => Some(CertificateFiles {
                chain: chain.clone(),
                key: key.clone(),
            }),
            (None, None) => None,
            _ => bail!("a certificate and its key are needed, not one of them"),
        };
        let clients = match (&self.client_authorities, self.clients) {
            (None, None) => ClientCertificates::Ignored,
            // Else whoever calls would be served, and the rule would look as if it held.
            (None, Some(_)) => {
                bail!(
                    "`clients` needs `client_authorities`: whose certificates of clients we believe"
                )
            }
            (Some(file), Some(Rule::Accepted)) => ClientCertificates::Accepted(file.clone()),
            (Some(file), _) => ClientCertificates::Required(file.clone()),
        };
        let mut transports = transports.into_iter();
        let needs_one = transports.any(|transport| transport == transport.secured());
        let certificate = match &given {
            None if needs_one => Some(of_our_own(&state_directory(|name| env::var_os(name))?)?),
            given => given.clone(),
        };
        Ok(TlsOptions {
            certificate,
            client_certificate: given,
            authorities: self.authorities.clone(),
            clients,
        })
    }
}

/// The certificate for development, made the first time.
fn of_our_own(folder: &Path) -> anyhow::Result<CertificateFiles> {
    let files = CertificateFiles {
        chain: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    if !(files.chain.exists() && files.key.exists()) {
        make(&files).with_context(|| {
            let folder = folder.display();
            format!("no certificate for development can be made in {folder}; give --certificate and --key")
        })?;
    }
    Ok(files)
}

fn make(files: &CertificateFiles) -> anyhow::Result<()> {
    let mut names = vec!["localhost".into(), "127.0.0.1".into(), "::1".into()];
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if !host.is_empty() && host != "localhost" {
        names.push(host.to_owned());
    }
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    for file in [&files.key, &files.chain] {
        fs::create_dir_all(file.parent().context("no folder")?)?;
    }
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.chain, &certificate.pem(), 0o644)?;
    Ok(())
}

/// Replaces the file as a whole.
fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let new = file.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(&new);
    opened?.write_all(text.as_bytes())?;
    fs::rename(&new, file)?;
    Ok(())
}

/// Where what a program makes for itself is kept
/// ([XDG Base Directory](https://specifications.freedesktop.org/basedir-spec/latest/)), or where systemd says.
fn state_directory(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = variable("STATE_DIRECTORY") {
        return Ok(folder.into());
    }
    let folder = variable("XDG_STATE_HOME").map(PathBuf::from);
    // One that is empty or relative counts as none.
    if let Some(folder) = folder.filter(|folder| folder.is_absolute()) {
        return Ok(folder.join("offhook"));
    }
    let home = variable("HOME");
    let home = home.context("HOME is not set, so a certificate for development has no place; give --certificate and --key")?;
    Ok(Path::new(&home).join(".local/state/offhook"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_certificate_for_development_is_made_once_and_its_key_is_ours_alone() {
        let folder = env::temp_dir().join(format!("offhook-certificates-{}", std::process::id()));
        let files = of_our_own(&folder).unwrap();
        let first = fs::read(&files.chain).unwrap();
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = of_our_own(&folder).unwrap();
        assert_eq!(fs::read(&again.chain).unwrap(), first);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_state_directory_that_is_not_absolute_counts_as_none() {
        for (set, expected) in [
            ("/var/state", "/var/state/offhook"),
            ("", "/home/alice/.local/state/offhook"),
            ("state", "/home/alice/.local/state/offhook"),
        ] {
            let variable = |name: &str| match name {
                "XDG_STATE_HOME" => Some(set.into()),
                "HOME" => Some("/home/alice".into()),
                _ => None,
            };
            assert_eq!(state_directory(variable).unwrap(), Path::new(expected));
        }
    }

    #[test]
    fn what_is_given_here_comes_before_what_is_given_there() {
        let here = Certificates {
            certificate: Some("here.pem".into()),
            key: Some("here.key".into()),
            ..Certificates::default()
        };
        let there = Certificates {
            certificate: Some("there.pem".into()),
            key: Some("there.key".into()),
            authorities: Some("authorities.pem".into()),
            ..Certificates::default()
        };
        let both = here.clone().or(there.clone());
        assert_eq!((both.certificate, both.key), (here.certificate, here.key));
        assert_eq!(both.authorities, there.authorities);
    }

    #[test]
    fn a_rule_for_clients_needs_their_authorities_wherever_each_is_given() {
        for rule in [Rule::Required, Rule::Accepted] {
            let here = Certificates {
                clients: Some(rule),
                ..Certificates::default()
            };
            let error = here.options([]).unwrap_err().to_string();
            assert!(error.contains("needs `client_authorities`"), "{error}");
            let there = Certificates {
                client_authorities: Some("clients.pem".into()),
                ..Certificates::default()
            };
            let clients = here.or(there).options([]).unwrap().clients;
            let is_required = matches!(clients, ClientCertificates::Required(_));
            assert_eq!(is_required, rule == Rule::Required);
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let certificates = Certificates {
            certificate: Some("here.pem".into()),
            ..Certificates::default()
        };
        let error = certificates.options([]).unwrap_err();
        assert!(error.to_string().contains("its key"), "{error}");
    }
}
