//! Prints what it costs to read a typical INVITE and to write a response to it. Run it in release.

use bytes::Bytes;
use offhook_message::{
    HeaderError, HeaderName, Headers, Message, MessageWriter, StatusCode, parse,
};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let bytes = Bytes::from_static(INVITE.as_bytes());
    let message = parse(bytes.clone()).expect("the INVITE of this example is well-formed");
    println!("an INVITE of {} octets", bytes.len());
    print_cost("parse", || parse(bytes.clone()).is_ok());
    print_cost("parse, and read Via, From, To, Call-ID and CSeq", || {
        read(&bytes)
    });
    print_cost("write a response", || ring(message.headers()));
}

fn read(bytes: &Bytes) -> Result<Message, HeaderError> {
    let message = parse(bytes.clone()).expect("the INVITE of this example is well-formed");
    let headers = message.headers();
    black_box((
        headers.via()?.branch(),
        headers.from()?.tag(),
        headers.to()?.tag(),
        headers.call_id()?,
        headers.cseq()?,
    ));
    Ok(message)
}

fn ring(headers: &Headers) -> Bytes {
    let mut writer = MessageWriter::response(StatusCode::RINGING, None);
    for name in [HeaderName::Via, HeaderName::From] {
        for field in headers.all(name) {
            writer.copy(field);
        }
    }
    for to in headers.all(HeaderName::To) {
        writer.copy_with(to, ";tag=8321234356");
    }
    for name in [HeaderName::CallId, HeaderName::CSeq] {
        for field in headers.all(name) {
            writer.copy(field);
        }
    }
    writer.header(HeaderName::Contact, "<sip:bob@192.0.2.4:5060>");
    writer.header(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS");
    writer.finish()
}

/// The best of several rounds: the others measure the rest of the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "an example may look at the clock"
)]
fn print_cost<T>(what: &str, mut work: impl FnMut() -> T) {
    let mut best = u128::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(work());
        }
        best = best.min(start.elapsed().as_nanos() / CALLS);
    }
    println!("{best:>6} ns  {what}");
}

const ROUNDS: u32 = 20;
const CALLS: u128 = 20_000;

const INVITE: &str = "INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n\
    Via: SIP/2.0/UDP bigbox3.site3.atlanta.example.com:5060;branch=z9hG4bK77ef4c2312983.1;rport\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.example.com:5060;branch=z9hG4bKnashds8;received=192.0.2.1\r\n\
    Record-Route: <sip:bigbox3.site3.atlanta.example.com;lr>\r\n\
    Max-Forwards: 69\r\n\
    To: Bob <sip:bob@biloxi.example.com>\r\n\
    From: \"Alice Example\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710d9a8c2f3@pc33.atlanta.example.com\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:alice@pc33.atlanta.example.com:5060;transport=udp>\r\n\
    User-Agent: Example Phone 4.2.1\r\n\
    Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PRACK, UPDATE, MESSAGE\r\n\
    Supported: replaces, timer, 100rel, outbound\r\n\
    Session-Expires: 1800\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 252\r\n\
    \r\n\
    v=0\r\n\
    o=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.101\r\n\
    t=0 0\r\n\
    m=audio 49172 RTP/AVP 0 8 9 101\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=sendrecv\r\n";
