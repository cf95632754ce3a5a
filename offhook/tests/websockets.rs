//! SIP over WebSocket ([RFC 7118](https://www.rfc-editor.org/rfc/rfc7118)).

#![cfg(feature = "ws")]

mod caller;

use caller::{Caller, Socket, answer, incoming, soon, start, websocket};
use futures_util::{SinkExt, StreamExt};
use offhook::message::{Frame, Provisional};
use offhook::{Cancelled, InviteEnd, SessionEnd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};

#[tokio::test]
async fn a_call_of_a_browser_from_its_invite_to_our_bye() {
    for listener in ["ws:127.0.0.1:0", "ws:[::1]:0"] {
        let (user_agent, server) = start(listener).await;
        let mut caller = Caller::new(server).await;
        caller.via_parameters = ";rport";
        caller.send(caller.request("INVITE")).await;
        let mut invitation = incoming(&user_agent).await;
        invitation.progress(Provisional::RINGING).unwrap();
        let ringing = caller.response(180).await;
        let headers = ringing.headers();
        let (via, local) = (headers.via().unwrap(), caller.local());
        assert_eq!(via.transport, b"WS");
        assert_eq!(via.received().unwrap().ip(), Some(local.ip()));
        assert_eq!(via.sent_by, b"cq7ip7861a5a.invalid");
        let contact = headers.contacts().next().unwrap().unwrap();
        let contact = contact.address().unwrap().uri_bytes();
        let expected = format!("sip:echo@{};transport=ws", server.address);
        assert_eq!(contact, expected.as_bytes());

        let mut session = invitation.accept(answer()).unwrap();
        caller.response(200).await;
        caller.send(caller.request("ACK")).await;
        soon(session.confirmed()).await.unwrap();
        session.bye();
        let bye = caller.expect_request("BYE").await;
        let via = bye.headers().via().unwrap();
        assert_eq!(via.transport, b"WS");
        caller.answer(&bye).await;
        assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
    }
}

#[tokio::test]
async fn a_message_in_a_binary_frame_is_a_message() {
    let (_user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let options = caller.request("OPTIONS");
    let Socket::Framed(websocket) = &mut caller.socket else {
        unreachable!()
    };
    websocket
        .send(Message::binary(options.into_bytes()))
        .await
        .unwrap();
    caller.response(200).await;
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered() {
    let (_user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    caller.send("\r\n\r\n").await;
    assert!(matches!(caller.next_frame().await, Some(Frame::Pong)));
    let Socket::Framed(websocket) = &mut caller.socket else {
        unreachable!()
    };
    let ping = Message::Ping("are you there".into());
    websocket.send(ping).await.unwrap();
    let answer = soon(websocket.next()).await.unwrap().unwrap();
    assert_eq!(answer, Message::Pong("are you there".into()));
}

#[tokio::test]
async fn the_close_handshake_is_answered() {
    let (_user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let Socket::Framed(websocket) = &mut caller.socket else {
        unreachable!()
    };
    websocket.close(None).await.unwrap();
    let answer = soon(websocket.next()).await.unwrap().unwrap();
    assert!(answer.is_close());
    assert!(soon(websocket.next()).await.is_none());
}

#[tokio::test]
async fn another_subprotocol_is_refused() {
    let (_user_agent, server) = start("ws:127.0.0.1:0").await;
    for (offered, is_taken) in [("chat", false), ("chat, sip", true), ("sips", false)] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let handshake = soon(websocket(stream, offered)).await;
        match handshake {
            Ok(_) => assert!(is_taken, "{offered}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!is_taken, "{offered}");
                assert_eq!(response.status(), 400);
                assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
            }
            Err(other) => panic!("{offered}: {other}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_websocket_is_told_to_upgrade() {
    let (_user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: offhook.example\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[tokio::test]
async fn a_frame_of_16_mib_is_refused_by_its_length() {
    let (user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut good = Caller::new(server).await;
    let mut session = good.establish(&user_agent).await;

    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let bad = soon(websocket(&mut stream, "sip")).await.unwrap();
    drop(bad);
    // Its first octets, masked, of which the last eight are the length.
    let mut frame = vec![0x82, 0xff];
    frame.extend((16_u64 << 20).to_be_bytes());
    frame.extend([0; 4 + 1000]);
    stream.write_all(&frame).await.unwrap();
    let mut last_words = Vec::new();
    let _ = soon(stream.read_to_end(&mut last_words)).await;
    assert_eq!(
        last_words.get(..4),
        Some(&[0x88, 26, 0x03, 0xf1][..]),
        "1009"
    );

    good.send(good.request("BYE")).await;
    good.response(200).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
}

#[tokio::test]
async fn a_websocket_that_is_cut_ends_its_sessions_and_calls() {
    let (user_agent, server) = start("ws:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let mut session = caller.establish(&user_agent).await;
    caller.call_id = "ringing@caller.example.com".to_owned();
    let invite = Caller::without_to_tag(&caller.request("INVITE"));
    caller.send(invite).await;
    let mut ringing = incoming(&user_agent).await;
    ringing.progress(Provisional::RINGING).unwrap();
    caller.response(180).await;
    let mut other = Caller::new(server).await;
    let mut other_session = other.establish(&user_agent).await;

    drop(caller);
    assert_eq!(soon(session.ended()).await, SessionEnd::Disconnected);
    let cancelled = soon(ringing.cancelled()).await;
    assert!(
        matches!(cancelled, Cancelled::Ended(InviteEnd::Disconnected)),
        "{cancelled}"
    );
    let counts = user_agent.counts();
    assert_eq!((counts.sessions, counts.invites), (1, 0));

    other.send(other.request("BYE")).await;
    other.response(200).await;
    soon(other_session.ended()).await;
}
