//! Where to send ([RFC 3263](https://www.rfc-editor.org/rfc/rfc3263)): what is to be looked up, and what
//! follows from the answers.

mod order;
mod records;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use offhook_message::SipUri;

pub use self::records::{Naptr, Question, Record, RecordKind, Srv};
use crate::flow::Transport;
use crate::random::Random;

/// What a URI says about where to send
/// (TARGET of [RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The transport, where one is written; with TLS where the URI is `sips`.
    pub transport: Option<Transport>,
    /// Whether only TLS will do: the URI is `sips`.
    pub secure: bool,
}

impl Target {
    /// The target of a URI. `None` where it asks for a transport that nobody knows here.
    pub fn of_uri(uri: &SipUri<'_>) -> Option<Self> {
        let transport = match uri.transport() {
            Some(_) => Some(Transport::of_uri(uri)?),
            None => None,
        };
        let host = uri.maddr().unwrap_or(uri.host);
        Some(Self {
            host: host
                .ip()
                .map_or_else(|| host.to_string(), |ip| ip.to_string()),
            port: uri.port,
            transport,
            secure: uri.secure,
        })
    }

    /// The transport where nothing else decides
    /// ([RFC 3263 §4.1](https://www.rfc-editor.org/rfc/rfc3263#section-4.1)).
    pub fn default_transport(&self) -> Transport {
        self.transport.unwrap_or(if self.secure {
            Transport::Tls
        } else {
            Transport::Udp
        })
    }
}

/// The search for the servers of a [`Target`]. While there are [`questions`](Self::questions),
/// look them up and give the [`answers`](Self::answer); then there are
/// [`destinations`](Self::destinations).
#[derive(Debug)]
pub struct Locating {
    target: Target,
    /// Those that we have.
    transports: Vec<Transport>,
    random: Random,
    stage: Stage,
}

/// One place to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
}

#[derive(Debug)]
enum Stage {
    /// Which transports does the domain have?
    Naptr,
    /// Which servers do they have?
    Srv(Vec<Service>),
    /// Which addresses do these have?
    Addresses(Vec<Server>),
    Found(Vec<Destination>),
}

/// A transport of a domain.
#[derive(Debug)]
struct Service {
    transport: Transport,
    /// Where its SRV records are.
    name: String,
}

#[derive(Debug)]
struct Server {
    transport: Transport,
    host: String,
    port: u16,
}

/// What was asked and what was answered. A look-up that failed has no records.
pub type Answers = [(Question, Vec<Record>)];

impl Locating {
    /// Begins to look for a target by the transports that we have. The seed draws lots among servers
    /// of one priority.
    pub fn new(target: Target, transports: &[Transport], seed: [u8; 32]) -> Self {
        let stage = first_stage(&target);
        Self {
            target,
            transports: transports.to_vec(),
            random: Random::new(seed),
            stage,
        }
    }

    /// What is to be looked up next, all of it at once; nothing when the search is over, after three
    /// times at most.
    pub fn questions(&self) -> Vec<Question> {
        let question = |name: &String, kind| Question {
            name: name.clone(),
            kind,
        };
        let mut questions: Vec<Question> = match &self.stage {
            Stage::Naptr => vec![question(&self.target.host, RecordKind::Naptr)],
            Stage::Srv(services) => {
                let names = services.iter().map(|service| &service.name);
                names.map(|name| question(name, RecordKind::Srv)).collect()
            }
            Stage::Addresses(servers) => {
                let names = servers.iter().map(|server| &server.host);
                let questions = names.map(|name| question(name, RecordKind::Address));
                questions.collect()
            }
            Stage::Found(_) => Vec::new(),
        };
        let mut seen = Vec::with_capacity(questions.len());
        questions.retain(|question| {
            let is_new = !seen.contains(question);
            seen.push(question.clone());
            is_new
        });
        questions
    }

    /// Takes the answers to all of [`questions`](Self::questions).
    pub fn answer(&mut self, answers: &Answers) {
        self.stage = match &self.stage {
            Stage::Naptr => self.services(answers),
            Stage::Srv(services) => {
                let found = servers(services, answers, &mut self.random);
                // RFC 3263 §4.2: without SRV records the domain is the server.
                found.unwrap_or_else(|| {
                    let first = services.first().map(|service| service.transport);
                    let transport = first.unwrap_or(self.target.default_transport());
                    domain(&self.target, transport)
                })
            }
            Stage::Addresses(servers) => Stage::Found(destinations(servers, answers)),
            Stage::Found(_) => return,
        };
    }

    /// Where to send, the best first: the next is for when one fails
    /// ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)). Empty where nothing was
    /// found, and while there are questions.
    ///
    /// Over TLS each must show the certificate of the target, whatever names led there
    /// ([RFC 5922 §4](https://www.rfc-editor.org/rfc/rfc5922#section-4)).
    pub fn destinations(&self) -> &[Destination] {
        match &self.stage {
            Stage::Found(destinations) => destinations,
            _ => &[],
        }
    }

    /// The transports of the domain that are ours, too: those of its NAPTR records, or else all that
    /// may have SRV records ([RFC 3263 §4.1](https://www.rfc-editor.org/rfc/rfc3263#section-4.1)).
    fn services(&self, answers: &Answers) -> Stage {
        let records = records(answers, &self.target.host).filter_map(|record| match record {
            Record::Naptr(naptr) => Some(naptr),
            _ => None,
        });
        let mut found: Vec<(&Naptr, Transport)> = records
            .filter_map(|naptr| Some((naptr, naptr.transport()?)))
            .filter(|(_, transport)| self.fits(*transport))
            .collect();
        found.sort_by_key(|(naptr, _)| (naptr.order, naptr.preference));
        // RFC 3403 §4.1: no other order counts.
        let order = found.first().map(|(naptr, _)| naptr.order);
        let of_order = found
            .iter()
            .take_while(|(naptr, _)| Some(naptr.order) == order);
        let mut services: Vec<_> = of_order
            .map(|(naptr, transport)| Service {
                transport: *transport,
                name: without_dot(&naptr.replacement),
            })
            .collect();
        if services.is_empty() {
            let ours = [Transport::Udp, Transport::Tcp, Transport::Tls].into_iter();
            let ours = ours.filter(|transport| self.fits(*transport));
            services.extend(ours.filter_map(|transport| service(&self.target.host, transport)));
        }
        services.truncate(MOST_SERVICES);
        if services.is_empty() {
            return domain(&self.target, self.target.default_transport());
        }
        Stage::Srv(services)
    }

    fn fits(&self, transport: Transport) -> bool {
        let is_secure = transport == transport.secured();
        self.transports.contains(&transport) && (is_secure || !self.target.secure)
    }
}

/// What has to be known: the less, the more the URI says.
fn first_stage(target: &Target) -> Stage {
    let transport = target.default_transport();
    if let Ok(ip) = target.host.parse::<IpAddr>() {
        let port = target.port.unwrap_or(transport.default_port());
        let address = SocketAddr::new(ip, port);
        return Stage::Found(vec![Destination { transport, address }]);
    }
    if target.port.is_some() {
        return domain(target, transport);
    }
    match target.transport {
        None => Stage::Naptr,
        Some(_) => match service(&target.host, transport) {
            Some(service) => Stage::Srv(vec![service]),
            None => domain(target, transport),
        },
    }
}

/// Where the SRV records of a transport are. A WebSocket has none but those that NAPTR records
/// name.
fn service(host: &str, transport: Transport) -> Option<Service> {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws | Transport::Wss => return None,
    };
    Some(Service {
        transport,
        name: format!("{prefix}.{host}"),
    })
}

/// The domain itself as the server.
fn domain(target: &Target, transport: Transport) -> Stage {
    Stage::Addresses(vec![Server {
        transport,
        host: target.host.clone(),
        port: target.port.unwrap_or(transport.default_port()),
    }])
}

/// The servers of all services; `None` where there are no records at all.
fn servers(services: &[Service], answers: &Answers, random: &mut Random) -> Option<Stage> {
    let mut has_records = false;
    let mut servers = Vec::new();
    for service in services {
        let records = records(answers, &service.name).filter_map(|record| match record {
            Record::Srv(srv) => Some(srv.clone()),
            _ => None,
        });
        for srv in order::in_order(records.collect(), random) {
            has_records = true;
            let host = without_dot(&srv.target);
            if !host.is_empty() && servers.len() < MOST_SERVERS {
                servers.push(Server {
                    transport: service.transport,
                    host,
                    port: srv.port,
                });
            }
        }
    }
    has_records.then_some(Stage::Addresses(servers))
}

fn destinations(servers: &[Server], answers: &Answers) -> Vec<Destination> {
    let mut destinations = Vec::new();
    for server in servers {
        for record in records(answers, &server.host) {
            let Record::Address(ip) = *record else {
                continue;
            };
            let destination = Destination {
                transport: server.transport,
                address: SocketAddr::new(ip, server.port),
            };
            if !destinations.contains(&destination) && destinations.len() < MOST_DESTINATIONS {
                destinations.push(destination);
            }
        }
    }
    destinations
}

fn records<'a>(answers: &'a Answers, name: &str) -> impl Iterator<Item = &'a Record> {
    let answer = answers.iter().find(|(question, _)| question.name == name);
    answer.into_iter().flat_map(|(_, records)| records)
}

fn without_dot(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// NAPTR records that count.
const MOST_SERVICES: usize = 4;
/// Names of servers that are looked up.
const MOST_SERVERS: usize = 8;
/// More than anybody will wait for.
const MOST_DESTINATIONS: usize = 32;
