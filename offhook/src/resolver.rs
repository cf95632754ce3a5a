//! Who looks up names.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use offhook_core::locate::{Question, Record, RecordKind};
use tokio::net::lookup_host;

/// Looks up records of the domain name system. [`Builder::resolver`](crate::Builder::resolver) takes
/// another than the default one.
///
/// ```
/// use offhook::locate::{Question, Record, RecordKind};
/// use offhook::{Answer, Resolver};
///
/// /// One server has all names.
/// #[derive(Debug)]
/// struct OneServer;
///
/// impl Resolver for OneServer {
///     fn look_up<'a>(&'a self, question: &'a Question) -> Answer<'a> {
///         Box::pin(async move {
///             Ok(match question.kind {
///                 RecordKind::Address => vec![Record::Address([192, 0, 2, 1].into())],
///                 _ => Vec::new(),
///             })
///         })
///     }
/// }
///
/// let builder = offhook::UserAgent::builder().resolver(OneServer);
/// # let _ = builder;
/// ```
pub trait Resolver: fmt::Debug + Send + Sync {
    /// The records of a name, an empty list where there are none. An error is a look-up that
    /// failed, and counts as one without records. What takes longer than two seconds is not
    /// waited for.
    fn look_up<'a>(&'a self, question: &'a Question) -> Answer<'a>;
}

/// What [`Resolver::look_up`] returns.
pub type Answer<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<Record>>> + Send + 'a>>;

/// The addresses that the system knows; no other records.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn look_up<'a>(&'a self, question: &'a Question) -> Answer<'a> {
        Box::pin(async move {
            if question.kind != RecordKind::Address {
                return Ok(Vec::new());
            }
            let addresses = lookup_host((question.name.as_str(), 0)).await?;
            let records = addresses.map(|address| Record::Address(address.ip()));
            Ok(records.collect())
        })
    }
}

/// The name servers of the system, as far as it has any and we speak to them.
#[cfg(feature = "dns")]
pub(crate) fn default_resolver() -> Arc<dyn Resolver> {
    match crate::dns::DnsResolver::system() {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            tracing::debug!("names have addresses alone: {error}");
            Arc::new(SystemResolver)
        }
    }
}

/// What the system offers.
#[cfg(not(feature = "dns"))]
pub(crate) fn default_resolver() -> Arc<dyn Resolver> {
    Arc::new(SystemResolver)
}
