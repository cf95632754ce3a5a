//! The floor under the cost of a call: a server that answers INVITE, ACK and BYE over UDP by copying header lines.
//!
//! It keeps no state, checks nothing and repeats nothing, so it is no SIP server. It sends the messages of the route `bare`
//! of `offhook serve`, and pays what every server does that receives three datagrams and sends three, each with a system
//! call of its own. `cargo xtask bench` measures the others against it.

#![forbid(unsafe_code)]

use std::env::args;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};

fn main() -> io::Result<()> {
    let address = args().nth(1);
    let socket = UdpSocket::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    let local = socket.local_addr()?;
    println!("listening udp {local}");
    let description = description(local);
    let end = format!(
        "Contact: <sip:{local}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{description}",
        description.len()
    );
    let mut request = vec![0; 65_535];
    let mut response = Vec::new();
    loop {
        let (length, remote) = socket.recv_from(&mut request)?;
        let request = &request[..length];
        let mut answer = |status: &str, end: &str| {
            write(&mut response, request, status, end)?;
            socket.send_to(&response, remote)
        };
        if request.starts_with(b"INVITE ") {
            answer("180 Ringing", EMPTY)?;
            answer("200 OK", &end)?;
        } else if request.starts_with(b"BYE ") {
            answer("200 OK", EMPTY)?;
        }
    }
}

/// Puts a response into the place of the last one.
fn write(response: &mut Vec<u8>, request: &[u8], status: &str, end: &str) -> io::Result<()> {
    response.clear();
    write!(response, "SIP/2.0 {status}\r\n")?;
    for line in request.split_inclusive(|octet| *octet == b'\n') {
        if line == b"\r\n" {
            break;
        }
        if !COPIED.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        response.extend_from_slice(line);
        if line.starts_with(b"To:") && !line.windows(5).any(|it| it == b";tag=") {
            response.truncate(response.len() - 2);
            response.extend_from_slice(b";tag=floor\r\n");
        }
    }
    response.extend_from_slice(end.as_bytes());
    Ok(())
}

/// As long as that of the route `bare`.
fn description(local: SocketAddr) -> String {
    let host = local.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
         m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"
    )
}

/// As the caller writes them: long names, each on a line of its own.
const COPIED: [&[u8]; 5] = [b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:"];
const EMPTY: &str = "Content-Length: 0\r\n\r\n";
