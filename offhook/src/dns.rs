//! Name servers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use offhook_core::locate::{Naptr, Question, Record, RecordKind, Srv};

use crate::resolver::{Answer, Resolver};

/// Asks name servers, and keeps their answers as long as those say.
#[derive(Clone, Debug)]
pub struct DnsResolver(TokioResolver);

impl DnsResolver {
    /// Asks the name servers of the system (`/etc/resolv.conf`), and knows the system's own list of
    /// hosts.
    ///
    /// # Errors
    ///
    /// The system names none.
    pub fn system() -> io::Result<Self> {
        Self::build(TokioResolver::builder_tokio().map_err(io::Error::other)?)
    }

    /// Asks this name server alone.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn of(name_server: SocketAddr) -> io::Result<Self> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = name_server.port();
            connection
        });
        let name_server = NameServerConfig::new(name_server.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![name_server]);
        let provider = TokioRuntimeProvider::default();
        Self::build(TokioResolver::builder_with_config(config, provider))
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> io::Result<Self> {
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (TRY_TIME, REPETITIONS);
        builder.build().map(Self).map_err(io::Error::other)
    }

    async fn records(&self, question: &Question) -> Result<Vec<Record>, NetError> {
        let Self(resolver) = self;
        let mut name = Name::from_ascii(&question.name)?;
        // A name of one label is completed by the search list of the system.
        name.set_fqdn(question.name.contains('.'));
        let record_type = match question.kind {
            RecordKind::Naptr => RecordType::NAPTR,
            RecordKind::Srv => RecordType::SRV,
            RecordKind::Address => {
                let addresses = resolver.lookup_ip(name).await?;
                return Ok(addresses.iter().map(Record::Address).collect());
            }
        };
        let found = resolver.lookup(name, record_type).await?;
        let records = found.answers().iter();
        Ok(records.filter_map(|it| record(&it.data)).collect())
    }
}

impl Resolver for DnsResolver {
    fn look_up<'a>(&'a self, question: &'a Question) -> Answer<'a> {
        Box::pin(async move {
            match self.records(question).await {
                Err(error) if error.is_no_records_found() => Ok(Vec::new()),
                found => found.map_err(io::Error::other),
            }
        })
    }
}

fn record(data: &RData) -> Option<Record> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match data {
        RData::NAPTR(naptr) => Some(Record::Naptr(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            services: text(&naptr.services),
            regexp: text(&naptr.regexp),
            replacement: naptr.replacement.to_ascii(),
        })),
        RData::SRV(srv) => Some(Record::Srv(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        })),
        _ => None,
    }
}

/// Until a question is asked again: a datagram may be lost.
const TRY_TIME: Duration = Duration::from_millis(800);
/// An address is asked for in two questions, and one without an answer must not outlast the patience with both.
const REPETITIONS: usize = 1;

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;
    use tokio::time::timeout;

    use super::*;
    use crate::look_up::QUESTION_TIME;

    /// It may be that of a name whose other question got its answer at once. The clock leaps.
    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_fails_before_it_is_given_up() {
        let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = DnsResolver::of(dead.local_addr().unwrap()).unwrap();
        for kind in [RecordKind::Naptr, RecordKind::Srv, RecordKind::Address] {
            let name = "example.test".to_owned();
            let question = Question { name, kind };
            let answer = timeout(QUESTION_TIME, resolver.look_up(&question)).await;
            assert!(answer.is_ok_and(|records| records.is_err()), "{kind:?}");
        }
    }
}
