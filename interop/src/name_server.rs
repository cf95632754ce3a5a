use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A name server on a loopback port, as small as one can be: it has one zone, and no negative answer has a SOA record.
pub struct NameServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// A line of the zone is a name, a type (A, AAAA, SRV or NAPTR), and the data without the regular expression.
    pub fn start(zone: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let lines = zone.lines().filter(|line| !line.trim().is_empty());
        let zone: Vec<Record> = lines.map(record).collect::<Option<_>>().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a line of the zone is none")
        })?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 512];
            while !over.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer)
                    && let Some(answer) = buffer.get(..length).and_then(|it| answer(&zone, it))
                {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self {
            address,
            is_over,
            thread: Some(thread),
        })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It wakes up by this.
        let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let woken = waker.and_then(|waker| waker.send_to(&[], self.address));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

struct Record {
    name: String,
    kind: u16,
    data: Vec<u8>,
}

/// One line.
fn record(line: &str) -> Option<Record> {
    let mut fields = line.split_whitespace();
    let name = fields.next()?.to_owned();
    let kind = fields.next()?;
    let fields: Vec<_> = fields.collect();
    let (kind, data) = match (kind, &fields[..]) {
        ("A", [address]) => (1, parse::<Ipv4Addr>(address)?.octets().to_vec()),
        ("AAAA", [address]) => {
            let address: std::net::Ipv6Addr = parse(address)?;
            (28, address.octets().to_vec())
        }
        ("SRV", [priority, weight, port, target]) => (
            33,
            [numbers(&[priority, weight, port])?, encoded(target)].concat(),
        ),
        ("NAPTR", [order, preference, flags, services, replacement]) => {
            let texts = [*flags, *services, ""].map(text).concat();
            let parts = [numbers(&[order, preference])?, texts, encoded(replacement)];
            (35, parts.concat())
        }
        _ => return None,
    };
    Some(Record { name, kind, data })
}

/// The answer to a query of one question.
fn answer(zone: &[Record], query: &[u8]) -> Option<Vec<u8>> {
    let mut rest = query.get(12..)?;
    let mut labels = Vec::new();
    while let [length, tail @ ..] = rest {
        rest = tail.get(usize::from(*length)..)?;
        if *length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(tail.get(..usize::from(*length))?).to_lowercase());
    }
    let [high, low, ..] = *rest else {
        return None;
    };
    let (name, kind) = (labels.join("."), u16::from_be_bytes([high, low]));
    let found = zone.iter().filter(|it| it.name == name && it.kind == kind);
    let count = u16::try_from(found.clone().count()).ok()?;

    let question = query.get(12..query.len() - rest.len() + 4)?;
    let mut message = query.get(..2)?.to_vec();
    // An authoritative answer, recursion wanted and to be had.
    message.extend([0x85, 0x80, 0, 1]);
    message.extend(count.to_be_bytes());
    message.extend([0; 4]);
    message.extend(question);
    for record in found {
        // The name is that of the question; class IN, a minute.
        message.extend([0xc0, 12]);
        message.extend(record.kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(u16::try_from(record.data.len()).ok()?.to_be_bytes());
        message.extend(&record.data);
    }
    Some(message)
}

fn numbers(fields: &[&str]) -> Option<Vec<u8>> {
    let numbers = fields.iter().map(|field| parse::<u16>(field));
    let octets = numbers.map(|number| Some(number?.to_be_bytes()));
    Some(octets.collect::<Option<Vec<_>>>()?.concat())
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut octets: Vec<u8> = labels.flat_map(text).collect();
    octets.push(0);
    octets
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[length], text.as_bytes()].concat()
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
