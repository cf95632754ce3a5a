//! Octets that are no SIP, or not quite, over real sockets. Each is answered as it deserves or dropped, and the next
//! call works.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offhook_interop::{Caller, Offhook, Server, Transport};

/// An INVITE, spoilt.
struct Case {
    name: &'static str,
    spoil: fn(&str) -> Vec<u8>,
    /// The answer over UDP, by status code.
    datagram: &'static [Answer],
    /// The answer over TCP, where a message whose end is unknown costs the connection.
    stream: &'static [Answer],
}

/// What may come back.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Status(u16),
    Silence,
}

use Answer::{Silence, Status};

const CASES: &[Case] = &[
    Case {
        name: "garbage",
        spoil: |_| (0..=255).cycle().take(600).chain(*b"\r\n\r\n").collect(),
        datagram: &[Silence],
        stream: &[Silence],
    },
    Case {
        name: "nothing but line ends",
        spoil: |_| b"\r\n\r\n\r\n\r\n".to_vec(),
        datagram: &[Silence],
        stream: &[Silence],
    },
    Case {
        name: "cut within the start line",
        spoil: |invite| invite.as_bytes()[..20].to_vec(),
        datagram: &[Silence],
        stream: &[Silence],
    },
    Case {
        name: "cut within the headers",
        spoil: |invite| {
            invite
                .split("Max-Forwards")
                .next()
                .unwrap_or_default()
                .into()
        },
        datagram: &[Status(400), Silence],
        stream: &[Silence],
    },
    Case {
        name: "cut within the body",
        spoil: |invite| invite.as_bytes()[..invite.len() - 20].to_vec(),
        datagram: &[Status(400)],
        stream: &[Silence],
    },
    Case {
        name: "Content-Length of 2^64-1",
        spoil: |invite| replace_header(invite, "Content-Length", "18446744073709551615"),
        datagram: &[Status(400)],
        stream: &[Status(400), Status(413), Status(513), Silence],
    },
    Case {
        name: "Content-Length past 2^64",
        spoil: |invite| replace_header(invite, "Content-Length", "99999999999999999999999999"),
        datagram: &[Status(400)],
        stream: &[Status(400), Status(413), Status(513), Silence],
    },
    Case {
        name: "negative Content-Length",
        spoil: |invite| replace_header(invite, "Content-Length", "-1"),
        datagram: &[Status(400)],
        stream: &[Status(400), Silence],
    },
    Case {
        name: "a second, different Content-Length",
        spoil: |invite| add_header(invite, "Content-Length: 7"),
        datagram: &[Status(400)],
        stream: &[Status(400), Silence],
    },
    Case {
        name: "no To",
        spoil: |invite| remove_header(invite, "To"),
        datagram: &[Status(400)],
        stream: &[Status(400)],
    },
    Case {
        name: "no From",
        spoil: |invite| remove_header(invite, "From"),
        datagram: &[Status(400)],
        stream: &[Status(400)],
    },
    Case {
        name: "no CSeq",
        spoil: |invite| remove_header(invite, "CSeq"),
        datagram: &[Status(400)],
        stream: &[Status(400)],
    },
    Case {
        name: "no Via",
        spoil: |invite| remove_header(invite, "Via"),
        datagram: &[Silence],
        stream: &[Status(400), Silence],
    },
    Case {
        name: "a CSeq of another method",
        spoil: |invite| replace_header(invite, "CSeq", "1 BYE"),
        datagram: &[Status(400)],
        stream: &[Status(400)],
    },
    Case {
        name: "a CSeq past 2^31",
        spoil: |invite| replace_header(invite, "CSeq", "99999999999 INVITE"),
        datagram: &[Status(400)],
        stream: &[Status(400)],
    },
    Case {
        name: "an unknown method",
        spoil: |invite| invite.replace("INVITE", "DANCE").into(),
        datagram: &[Status(405), Status(501)],
        stream: &[Status(405), Status(501)],
    },
    Case {
        name: "SIP/7.0",
        spoil: |invite| invite.replacen("SIP/2.0", "SIP/7.0", 1).into(),
        datagram: &[Status(505)],
        stream: &[Status(505)],
    },
];

#[test]
fn over_udp() -> Result<()> {
    spoil_all(Transport::Udp, |case| case.datagram)
}

#[test]
fn over_tcp() -> Result<()> {
    spoil_all(Transport::Tcp, |case| case.stream)
}

#[test]
fn latin_1_in_a_header_is_no_reason_to_refuse() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut caller = Caller::open(transport, server.address(transport))?;
        let mut invite = add_header(&caller.invite("bare"), "Subject: caf?");
        for octet in invite.iter_mut().filter(|octet| **octet == b'?') {
            *octet = 0xE9;
        }
        caller.send(invite)?;
        let response = caller.expect(200)?;
        caller.acknowledge(&response)?;
        caller.hang_up(&response)?;
    }
    server.stop()
}

#[test]
fn a_stream_in_single_octets() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    let mut caller = Caller::open(Transport::Tcp, server.address(Transport::Tcp))?;
    for octet in caller.invite("bare").bytes() {
        caller.send([octet])?;
    }
    let response = caller.expect(200)?;
    caller.acknowledge(&response)?;
    caller.hang_up(&response)?;
    server.stop()
}

/// Three thousand INVITEs with up to eight octets changed at random places.
#[test]
fn octets_changed_at_random() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    let mut caller = Caller::open(Transport::Udp, server.address(Transport::Udp))?;
    let mut random = Random(0x0FF4_00C4);
    for _ in 0..3_000 {
        let mut invite = caller.invite("busy").into_bytes();
        for _ in 0..=random.below(8) {
            let place = random.below(invite.len());
            invite[place] = random.below(256).to_le_bytes()[0];
        }
        caller.send(invite)?;
    }
    Caller::open(Transport::Udp, server.address(Transport::Udp))?
        .call("bare")
        .with_context(|| server.process().tail())?;
    server.stop()
}

fn spoil_all(transport: Transport, expected: fn(&Case) -> &'static [Answer]) -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    let mut wrong = Vec::new();
    for case in CASES {
        let outcome = spoil(&server, transport, case, expected(case));
        wrong.extend(
            outcome
                .err()
                .map(|error| format!("{}: {error:#}", case.name)),
        );
    }
    ensure!(
        wrong.is_empty(),
        "{}\n{}",
        wrong.join("\n"),
        server.process().tail()
    );
    server.stop()
}

fn spoil(server: &Server, transport: Transport, case: &Case, expected: &[Answer]) -> Result<()> {
    let mut caller = Caller::open(transport, server.address(transport))?;
    caller.send((case.spoil)(&caller.invite("bare")))?;
    let patience = if expected.contains(&Silence) {
        STAYS_SILENT
    } else {
        ANSWERS
    };
    let answer = match caller.final_response(patience)? {
        Some(response) => Status(response.status().context("not a response")?),
        None => Silence,
    };
    ensure!(
        expected.contains(&answer),
        "expected one of {expected:?}, received {answer:?}"
    );
    Caller::open(transport, server.address(transport))?
        .call("bare")
        .context("the call after it")
}

fn serve() -> Result<Option<Server>> {
    Offhook::find(&[])?
        .map(|offhook| offhook.serve())
        .transpose()
}

fn add_header(invite: &str, line: &str) -> Vec<u8> {
    invite
        .replacen("\r\n", &format!("\r\n{line}\r\n"), 1)
        .into()
}

fn remove_header(invite: &str, name: &str) -> Vec<u8> {
    edit_header(invite, name, String::new)
}

fn replace_header(invite: &str, name: &str, value: &str) -> Vec<u8> {
    edit_header(invite, name, || format!("{name}: {value}\r\n"))
}

fn edit_header(invite: &str, name: &str, edit: impl Fn() -> String) -> Vec<u8> {
    let is_named = |line: &str| line.split_once(':').is_some_and(|(found, _)| found == name);
    let lines = invite.split_inclusive("\r\n");
    lines
        .map(|line| {
            if is_named(line) {
                edit()
            } else {
                line.to_owned()
            }
        })
        .collect::<String>()
        .into()
}

/// The xorshift generator: the same octets in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

const ANSWERS: Duration = Duration::from_mins(1);
/// That nothing comes can only be seen by waiting.
const STAYS_SILENT: Duration = Duration::from_millis(300);
