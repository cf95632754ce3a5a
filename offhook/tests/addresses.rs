//! Which address a response goes to, and which address we give as ours.

mod caller;

use caller::{Caller, Socket, answer, incoming, soon, start, start_with};
use offhook::UserAgent;
use offhook::message::Rejection;
use tokio::net::UdpSocket;

#[tokio::test]
async fn a_response_goes_to_the_source_port_where_rport_asks_for_it() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    // The address behind a NAT is of no use to us.
    caller.sent_by = "192.0.2.7:5090".to_owned();
    caller.via_parameters = ";rport";
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();

    let response = caller.response(486).await;
    let via = response.headers().named("Via").next().unwrap();
    let via = str::from_utf8(via.value).unwrap();
    let rport = format!("rport={}", caller.local().port());
    assert!(via.contains(&rport), "{via}");
    assert!(via.contains("received=127.0.0.1"), "{via}");
}

#[tokio::test]
async fn a_response_goes_to_the_port_of_sent_by_where_nothing_else_is_asked() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let waiting = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = waiting.local_addr().unwrap().port();
    caller.sent_by = format!("caller.invalid:{port}");
    caller.send(caller.request("INVITE")).await;
    let invitation = incoming(&user_agent).await;
    invitation.reject(Rejection::BUSY_HERE).unwrap();

    caller.socket = Socket::Udp(waiting);
    let response = caller.response(486).await;
    let via = response.headers().named("Via").next().unwrap();
    let via = str::from_utf8(via.value).unwrap();
    assert!(via.contains("received=127.0.0.1"), "{via}");
}

#[tokio::test]
async fn a_socket_on_all_addresses_answers_and_calls_from_the_one_that_was_called() {
    for (listener, called, caller) in [
        ("udp:0.0.0.0:0", "127.0.0.1", "127.0.0.1"),
        ("udp:0.0.0.0:0", "127.0.0.2", "127.0.0.1"),
        ("tcp:0.0.0.0:0", "127.0.0.2", "127.0.0.1"),
        ("udp:[::]:0", "::1", "::1"),
        ("tcp:[::]:0", "::1", "::1"),
    ] {
        let (user_agent, mut server) = start(listener).await;
        assert_ne!(server.address.port(), 0);
        server.address.set_ip(called.parse().unwrap());
        let mut caller = Caller::from(caller.parse().unwrap(), server).await;
        if let Socket::Udp(socket) = &caller.socket {
            // It hears nobody else now.
            socket.connect(server.address).await.unwrap();
        }
        caller.send(caller.request("INVITE")).await;
        let invitation = incoming(&user_agent).await;
        assert_eq!(invitation.flow().local, server.address);
        let mut session = invitation.accept(answer()).unwrap();
        let response = caller.response(200).await;
        let contact = response.headers().named("Contact").next().unwrap();
        let contact = str::from_utf8(contact.value).unwrap();
        assert!(contact.contains(&server.address.to_string()), "{contact}");

        caller.send(caller.request("ACK")).await;
        soon(session.confirmed()).await.unwrap();
        session.bye();
        let bye = caller.expect_request("BYE").await;
        let via = bye.headers().via().unwrap();
        assert_eq!(via.sent_by, server.address.to_string().as_bytes());
        caller.answer(&bye).await;
        soon(session.ended()).await;
    }
}

#[tokio::test]
async fn one_user_agent_has_many_listeners() {
    let builder = UserAgent::builder()
        .listen("udp:127.0.0.1:0")
        .listen("tcp:127.0.0.1:0")
        .listen("udp:[::1]:0");
    let (user_agent, _) = start_with(builder).await;
    for listener in user_agent.listeners() {
        let mut caller = Caller::new(*listener).await;
        caller.send(caller.request("INVITE")).await;
        let invitation = incoming(&user_agent).await;
        assert_eq!(invitation.flow().local, listener.address);
        invitation.reject(Rejection::DECLINE).unwrap();
        caller.response(603).await;
    }
}

#[tokio::test]
async fn a_bye_goes_to_a_contact_that_is_a_name() {
    let (user_agent, server) = start("udp:127.0.0.1:0").await;
    let mut caller = Caller::new(server).await;
    let port = caller.local().port();
    caller.sent_by = format!("localhost:{port}");
    caller.via_parameters = ";rport";
    let mut session = caller.establish(&user_agent).await;
    session.bye();
    let bye = caller.expect_request("BYE").await;
    caller.answer(&bye).await;
    soon(session.ended()).await;
}

#[tokio::test]
async fn what_is_advertised_stands_in_contact_and_via() {
    for (listener, port) in [("udp:127.0.0.1:0", 5070), ("tcp:127.0.0.1:0", 5070)] {
        let builder = UserAgent::builder().listen(listener);
        let (user_agent, server) = start_with(builder.advertise("192.0.2.7:5070")).await;
        let mut caller = Caller::new(server).await;
        caller.send(caller.request("INVITE")).await;
        let mut session = incoming(&user_agent).await.accept(answer()).unwrap();
        let ok = caller.response(200).await;
        let contact = ok.headers().contacts().next().unwrap().unwrap();
        let contact = *contact.address().unwrap().uri.as_sip().unwrap();
        assert_eq!(contact.host.to_string(), "192.0.2.7");
        assert_eq!(contact.port, Some(port));
        caller.send(caller.request("ACK")).await;
        soon(session.confirmed()).await.unwrap();
        session.bye();
        let bye = caller.expect_request("BYE").await;
        let via = bye.headers().via().unwrap();
        assert_eq!(via.sent_by, format!("192.0.2.7:{port}").as_bytes());
        caller.answer(&bye).await;
        soon(session.ended()).await;
    }
    let error = UserAgent::builder().listen("udp:127.0.0.1:0");
    let error = error.advertise("no address").start().await.unwrap_err();
    assert!(error.to_string().contains("no address"), "{error}");
}
