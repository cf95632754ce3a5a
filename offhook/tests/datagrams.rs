//! What is particular to datagrams.

mod caller;

use caller::{Caller, incoming, start};
use offhook::message::Rejection;

#[tokio::test]
async fn garbage_and_keep_alives_do_not_stop_the_socket() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    for datagram in [
        &b""[..],
        b"\0\0\0\0",
        b"\r\n\r\n",
        b"\r\n",
        b"jaK",
        b"\xff\xfe\xfd",
        b"INVITE",
        b"INVITE sip:echo@example.com SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        &vec![b'x'; 60_000],
    ] {
        caller.send(datagram).await;
    }
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    assert_eq!(invitation.call_id(), caller.call_id);
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    caller.response(486).await;
    let totals = user_agent.counts().totals;
    assert!(totals.malformed >= 4, "{totals:?}");
}

#[tokio::test]
async fn a_body_cut_short_is_answered_400() {
    let (_user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let invite = caller.request("INVITE");
    caller.send(&invite[..invite.len() - 10]).await;
    caller.response(400).await;
}

#[tokio::test]
async fn a_repeated_invite_is_one_call() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    for _ in 0..3 {
        caller.send(caller.request("INVITE")).await;
    }
    let invitation = incoming(&user_agent).await;
    caller.response(100).await;
    assert_eq!(user_agent.counts().invites, 1);
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    caller.response(486).await;
}

#[tokio::test]
async fn peers_that_are_gone_do_not_stop_the_socket() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    for _ in 0..5 {
        let mut caller = Caller::new(server).await;
        caller.send(caller.request("INVITE")).await;
        let invitation = incoming(&user_agent).await;
        drop(caller);
        invitation.reject(Rejection::BUSY_HERE).unwrap();
    }
    let mut caller = Caller::new(server).await;
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();
    caller.response(486).await;
}
