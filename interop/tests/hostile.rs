//! Peers that mean harm, thousands of them, while SIPp calls: what they take of the program is bounded, and SIPp does not
//! notice them. How each is cut off in the end: `offhook/tests/hostile.rs`.

use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpStream},
    process::Command,
    slice::Chunks,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{Offhook, Scratch, Server, Sipp, Transport};

/// Connections of one kind.
struct Crowd {
    transports: &'static [&'static str],
    /// How many over each of the transports.
    count: usize,
    /// What each sends at once.
    first: Vec<u8>,
    /// What each sends then over a transport, a piece a second.
    then: fn(&str) -> Chunks<'static, u8>,
    /// How much memory of the program each may take.
    kib_of_each: usize,
}

/// Each has something to say, and takes its time.
#[test]
fn slow_connections() -> Result<()> {
    sipp_calls_beside(&Crowd {
        transports: &["tcp", "tls", "ws"],
        count: 600,
        first: Vec::new(),
        then: |transport| {
            let begin = match transport {
                "tls" => "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03",
                "ws" => "GET / HTTP/1.1\r\nHost: a",
                _ => "INVITE sip:echo@example.com SIP/2.0\r\n",
            };
            begin.as_bytes().chunks(1)
        },
        kib_of_each: 32,
    })
}

/// Each is alive, and nothing else.
#[test]
fn idle_connections() -> Result<()> {
    sipp_calls_beside(&Crowd {
        transports: &["tcp"],
        count: 5000,
        first: b"\r\n\r\n".to_vec(),
        then: |_| [].chunks(1),
        kib_of_each: 16,
    })
}

/// Each announces 1 GiB, and sends as much as a message may have.
#[test]
fn large_bodies() -> Result<()> {
    let head = "INVITE sip:echo@example.com SIP/2.0\r\n\
        Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK-large\r\nMax-Forwards: 70\r\n\
        From: <sip:large@127.0.0.1>;tag=large\r\nTo: <sip:echo@example.com>\r\nCall-ID: large\r\n\
        CSeq: 1 INVITE\r\nContent-Length: 1073741824\r\n\r\n";
    let mut first = head.as_bytes().to_vec();
    first.resize(60_000, b'x');
    sipp_calls_beside(&Crowd {
        transports: &["tcp"],
        count: 300,
        first,
        then: |_| b"x".chunks(1),
        kib_of_each: 80,
    })
}

/// Each announces a frame of 16 MiB, and sends the first 1,000 octets.
#[test]
fn large_frames() -> Result<()> {
    let handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: sip\r\n\r\n";
    sipp_calls_beside(&Crowd {
        transports: &["ws"],
        count: 1000,
        first: handshake.into(),
        then: |_| FRAME.chunks(FRAME.len()),
        kib_of_each: 32,
    })
}

fn sipp_calls_beside(crowd: &Crowd) -> Result<()> {
    /// One crowd at a time: they share the files that this process may have open.
    static ALONE: Mutex<()> = Mutex::new(());

    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let state = Scratch::new("hostile")?;
    let mut command = Command::new(offhook.binary());
    command.env("STATE_DIRECTORY", state.path());
    let listen = ["--listen", "tls:127.0.0.1:0", "--listen", "ws:127.0.0.1:0"];
    let server = offhook.serve_by(command, &listen)?;
    call(&server, 20)?;

    let before = resident_memory(&server)?;
    let most = descriptors()?.saturating_sub(300) / crowd.transports.len();
    if most < crowd.count {
        eprintln!("SKIPPED in part: only so many files may be open that each transport has {most}");
    }
    let mut peers = Vec::new();
    for transport in crowd.transports {
        let address = server.listening(transport)?;
        for _ in 0..crowd.count.min(most) {
            let stream = open(address, &crowd.first)?;
            peers.push((stream, (crowd.then)(transport)));
        }
    }
    thread::scope(|scope| {
        let call = scope.spawn(|| call(&server, 60));
        while !call.is_finished() {
            for (stream, pieces) in &mut peers {
                // It may have been cut off.
                let _ = pieces.next().map(|piece| stream.write(piece));
            }
            thread::sleep(Duration::from_secs(1));
        }
        call.join().map_err(|_| anyhow!("a run panicked"))?
    })
    .with_context(|| server.process().tail())?;
    let grown = resident_memory(&server)?.saturating_sub(before);
    println!("{} connections take {grown} KiB", peers.len());
    ensure!(
        grown < crowd.kib_of_each * peers.len(),
        "{grown} KiB for {} connections",
        peers.len()
    );
    drop(peers);
    server.wait_until_calls_are_over()?;
    server.stop()
}

fn open(address: SocketAddr, first: &[u8]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    // It may be cut off in the midst of it.
    let _ = stream.write_all(first);
    Ok(stream)
}

/// So many calls over each of two transports, 20 a second.
fn call(server: &Server, calls: u32) -> Result<()> {
    for transport in [Transport::Udp, Transport::TcpPerCall] {
        let sipp = Sipp::calling("echo", server.address(transport), transport)?;
        sipp.calls(calls).rate(20).run_clean()?;
    }
    Ok(())
}

/// In KiB.
fn resident_memory(server: &Server) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process().id()))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(size.context("no size")?.parse()?)
}

/// How many files this process, and so the server, may have open.
fn descriptors() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    Ok(soft.context("no limit")?.parse().unwrap_or(usize::MAX))
}

/// A binary frame with its length in eight octets (RFC 6455 §5.2), and a mask of zeros.
static FRAME: [u8; 1014] = {
    let mut frame = [0; 1014];
    (frame[0], frame[1], frame[6]) = (0x82, 0xff, 1);
    frame
};
