//! What is particular to stream transports: framing, keep-alive, connections that come and go.

mod caller;

use std::time::Duration;

use caller::{Caller, Socket, answer, closed_port, incoming, soon, start, start_with};
use offhook::message::{Frame, Message, Rejection};
use offhook::{Config, ConnectionLimits, Listener, SessionEnd, SystemResolver, UserAgent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn two_messages_in_one_segment() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let first = caller.request("INVITE");
    let first_call = std::mem::replace(&mut caller.call_id, "second@caller.example.com".into());
    caller.send(first + &caller.request("INVITE")).await;

    let invitation = incoming(&user_agent).await;
    assert_eq!(invitation.call_id(), first_call);
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    let invitation = incoming(&user_agent).await;
    assert_eq!(invitation.call_id(), caller.call_id);
    invitation.reject(Rejection::DECLINE).unwrap();
    caller.response(486).await;
    caller.response(603).await;
}

#[tokio::test]
async fn one_message_in_many_segments() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let Socket::Tcp { stream, .. } = &caller.socket else {
        unreachable!()
    };
    stream.set_nodelay(true).unwrap();
    for octets in caller.request("INVITE").as_bytes().chunks(7) {
        caller.send(octets).await;
        tokio::task::yield_now().await;
    }
    let invitation = incoming(&user_agent).await;
    assert_eq!(invitation.message().body(), caller::SDP.as_bytes());
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    caller.response(486).await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (_user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send("\r\n\r\n").await;
    let pong = caller.next_frame().await;
    assert!(matches!(pong, Some(Frame::Pong)), "{pong:?}");
}

#[tokio::test]
async fn a_response_reopens_a_connection_that_is_gone() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut caller = Caller::new(server).await;
    caller.sent_by = listener.local_addr().unwrap().to_string();
    caller.send(caller.request("INVITE")).await;
    let mut invitation = incoming(&user_agent).await;

    let Socket::Tcp { stream, .. } = &mut caller.socket else {
        unreachable!()
    };
    stream.shutdown().await.unwrap();
    // The other side has noticed when it closes, too.
    assert!(caller.next_frame().await.is_none());

    invitation
        .progress(offhook::message::Provisional::RINGING)
        .unwrap();
    let (stream, _) = soon(listener.accept()).await.unwrap();
    caller.socket = Socket::tcp(stream);
    caller.response(180).await;

    // The new connection is used again, and in both directions.
    let mut session = invitation.accept(answer()).unwrap();
    caller.response(200).await;
    caller.send(caller.request("ACK")).await;
    soon(session.confirmed()).await.unwrap();
    session.bye();
    let bye = caller.expect_request("BYE").await;
    caller.answer(&bye).await;
    soon(session.ended()).await;
}

/// RFC 3261 §12.2.1.1: nobody listens where its connection came from.
#[tokio::test]
async fn a_bye_goes_to_the_name_of_a_peer_whose_connection_is_gone() {
    let builder = UserAgent::builder().listen("tcp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.resolver(SystemResolver)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (socket, local) = closed_port([127, 0, 0, 1].into());
    let stream = soon(socket.connect(server.address)).await.unwrap();
    let mut caller = Caller::over(server, local, stream).await;
    caller.sent_by = format!("localhost:{}", listener.local_addr().unwrap().port());
    let mut session = caller.establish(&user_agent).await;

    let Socket::Stream { stream, .. } = &mut caller.socket else {
        unreachable!()
    };
    stream.shutdown().await.unwrap();
    // The other side has noticed when it closes, too.
    assert!(caller.next_frame().await.is_none());

    session.bye();
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let _held = std::mem::replace(&mut caller.socket, Socket::tcp(stream));
    let bye = caller.expect_request("BYE").await;
    caller.answer(&bye).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
}

#[tokio::test]
async fn a_response_that_can_not_be_delivered_hurts_nobody() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let (_held, closed) = closed_port([127, 0, 0, 1].into());
    caller.sent_by = closed.to_string();
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    let Socket::Tcp { stream, .. } = &mut caller.socket else {
        unreachable!()
    };
    stream.shutdown().await.unwrap();
    assert!(caller.next_frame().await.is_none());
    invitation.reject(Rejection::BUSY_HERE).unwrap();

    let mut next = Caller::new(server).await;
    next.send(next.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::DECLINE).unwrap();
    next.response(603).await;
}

#[tokio::test]
async fn a_stream_out_of_step_is_answered_and_closed() {
    let (_user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let invite = caller.request("INVITE");
    let length = format!("Content-Length: {}", caller::SDP.len());
    caller
        .send(invite.replace(&length, "Content-Length: 18446744073709551615"))
        .await;
    let Message::Response(response) = caller.next().await else {
        panic!("a response was expected");
    };
    assert!(
        [400, 413, 513].contains(&response.status().as_u16()),
        "{:?}",
        response.status()
    );
    assert!(caller.next_frame().await.is_none());
}

#[tokio::test]
async fn garbage_closes_its_own_connection_only() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut good = Caller::new(server).await;
    let mut bad = Caller::new(server).await;
    bad.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .await;
    assert!(bad.next_frame().await.is_none());
    good.send(good.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    good.response(486).await;
}

#[tokio::test]
async fn connections_past_the_bound_are_refused() {
    let limits = ConnectionLimits {
        connections: 1,
        ..ConnectionLimits::default()
    };
    let builder = UserAgent::builder()
        .listen("tcp:127.0.0.1:0")
        .connections(limits);
    let (_user_agent, server) = start_with(builder).await;
    let mut first = Caller::new(server).await;
    first.send("\r\n\r\n").await;
    assert!(first.next_frame().await.is_some());

    let mut refused = Caller::new(server).await;
    assert!(refused.next_frame().await.is_none());

    first.send("\r\n\r\n").await;
    assert!(first.next_frame().await.is_some());
}

#[tokio::test]
async fn all_that_is_queued_is_written_before_the_end() {
    let (user_agent, server) = start("tcp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    drop(user_agent);
    caller.response(486).await;
    assert!(caller.next_frame().await.is_none());
}

/// Their BYEs go out in turns: all at once they are more than may wait for a connection.
#[tokio::test]
async fn thousands_of_calls_over_one_connection_end_together() {
    const CALLS: usize = 1500;
    let limits = ConnectionLimits {
        unsent: 128 << 10,
        ..ConnectionLimits::default()
    };
    let builder = UserAgent::builder().listen("tcp:127.0.0.1:0");
    let (user_agent, server) = start_with(builder.connections(limits)).await;
    let mut caller = Caller::new(server).await;
    let Socket::Tcp { stream, .. } = &caller.socket else {
        unreachable!()
    };
    stream.set_nodelay(true).unwrap();
    let mut sessions = Vec::new();
    for call in 0..CALLS {
        caller.call_id = format!("{call}@caller.example.com");
        let invite = Caller::without_to_tag(&caller.request("INVITE"));
        caller.send(invite).await;
        sessions.push(incoming(&user_agent).await.accept(answer()).unwrap());
        caller.response(200).await;
        caller.send(caller.request("ACK")).await;
    }
    let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::ZERO).await });
    let mut byes = Vec::new();
    while byes.len() < CALLS {
        byes.push(caller.expect_request("BYE").await);
    }
    for bye in &byes {
        caller.answer(bye).await;
    }
    for session in &mut sessions {
        assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
    }
    soon(leaving).await.unwrap();
}

async fn start_with_message_time(message_time: Duration) -> (UserAgent, Listener) {
    let limits = ConnectionLimits {
        message_time,
        ..ConnectionLimits::default()
    };
    let builder = UserAgent::builder().listen("tcp:127.0.0.1:0");
    start_with(builder.connections(limits)).await
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed() {
    let (_user_agent, server) = start_with_message_time(Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(is_closed_by_peer(&mut stream).await);
}

#[tokio::test]
async fn a_message_that_never_ends_closes_the_connection() {
    // The first must come as soon.
    let (_user_agent, server) = start_with_message_time(Duration::from_secs(3)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.unwrap();
    stream.write_all(b"INVITE sip:").await.unwrap();
    assert!(is_closed_by_peer(&mut stream).await);
}

async fn is_closed_by_peer(stream: &mut TcpStream) -> bool {
    soon(stream.read(&mut [0; 100]))
        .await
        .is_ok_and(|length| length == 0)
}

/// Its requests are not even served any more, or their answers would go over connections of their own.
#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut_off() {
    // A flood is to be answered here, so that its answers pile up.
    let mut config = Config::default();
    config.limits.source_burst = u32::MAX;
    let builder = UserAgent::builder().listen("tcp:127.0.0.1:0");
    let (_user_agent, server) = start_with(builder.config(config)).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let requests = Caller::new(server).await.request("OPTIONS").repeat(100);
    let cut_off = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    soon(cut_off).await;
}
