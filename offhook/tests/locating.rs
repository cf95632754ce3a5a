//! Names of peers, looked up at a name server made of a plain socket.
#![cfg(feature = "dns")]

mod callee;
mod caller;
#[allow(unreachable_pub, reason = "it is part of a library, too")]
#[path = "../../interop/src/name_server.rs"]
mod name_server;

use std::time::Duration;

use callee::{Callee, call};
use caller::{SDP, soon, start_with};
use name_server::NameServer;
use offhook::locate::Question;
use offhook::message::UriBuf;
use offhook::{
    Answer, Builder, Config, DnsResolver, InviterEvent, Resolver, SystemResolver, UserAgent,
};
use tokio::net::UdpSocket;
use tokio::time::Instant;

fn builder(names: &NameServer) -> Builder {
    let resolver = DnsResolver::of(names.address()).unwrap();
    let builder = UserAgent::builder().resolver(resolver);
    builder.listen("udp:127.0.0.1:0").listen("tcp:127.0.0.1:0")
}

fn uri(text: &str) -> UriBuf {
    text.parse().unwrap()
}

#[tokio::test]
async fn naptr_srv_and_address_records_lead_to_the_servers() {
    let names = NameServer::start(
        "example.test NAPTR 10 1 s SIPS+D2T _sips._tcp.example.test
         example.test NAPTR 20 1 s SIP+D2T _sip._tcp.elsewhere.test
         example.test NAPTR 30 1 s SIP+D2U _sip._udp.example.test
         _sip._tcp.elsewhere.test SRV 2 0 5072 b.elsewhere.test
         _sip._tcp.elsewhere.test SRV 1 0 5071 a.elsewhere.test
         a.elsewhere.test A 127.0.0.1
         a.elsewhere.test AAAA ::1
         b.elsewhere.test A 127.0.0.2",
    )
    .unwrap();
    let (user_agent, _) = start_with(builder(&names)).await;
    let flows = soon(user_agent.flows(&uri("sip:bob@example.test"))).await;
    let ways = flows.unwrap().into_iter();
    let ways: Vec<_> = ways
        .map(|flow| format!("{} {}", flow.transport, flow.remote))
        .collect();
    // TLS and IPv6 are nothing to our listeners.
    assert_eq!(ways, ["tcp 127.0.0.1:5071", "tcp 127.0.0.2:5072"]);
}

#[tokio::test]
async fn a_port_in_the_uri_needs_addresses_alone() {
    let names = NameServer::start("example.test A 127.0.0.3").unwrap();
    let (user_agent, _) = start_with(builder(&names)).await;
    for (text, expected) in [
        ("sip:example.test:5099", "127.0.0.3:5099"),
        ("sip:example.test", "127.0.0.3:5060"),
    ] {
        let flows = soon(user_agent.flows(&uri(text))).await.unwrap();
        assert_eq!(flows[0].remote.to_string(), expected);
    }
    let error = soon(user_agent.flows(&uri("sip:nobody.test"))).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("nobody.test is not found"), "{error}");
}

/// The call goes on to the next server when one refuses with 503, or says nothing.
async fn fails_over(first: &str) {
    let mut second = Callee::new("udp:127.0.0.1:0").await;
    let mut busy = Callee::new("udp:127.0.0.1:0").await;
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let first_port = match first {
        "503" => busy.address.port(),
        _ => dead.local_addr().unwrap().port(),
    };
    let names = NameServer::start(&format!(
        "_sip._udp.example.test SRV 1 0 {first_port} a.example.test
         _sip._udp.example.test SRV 2 0 {} a.example.test
         a.example.test A 127.0.0.1",
        second.address.port()
    ))
    .unwrap();
    let mut config = Config::default();
    // The dead one takes 64 of these, and as long as that the next one has to answer.
    config.times.t1 = Duration::from_millis(50);
    let (user_agent, _) = start_with(builder(&names).config(config)).await;
    let mut inviter = call(&user_agent, &uri("sip:bob@example.test")).await;
    if first == "503" {
        let invite = busy.expect("INVITE").await;
        busy.respond(&invite, "503 Service Unavailable", "", "")
            .await;
        busy.expect("ACK").await;
    }
    let invite = second.expect("INVITE").await;
    assert_eq!(invite.uri_bytes(), b"sip:bob@example.test");
    second.respond(&invite, "200 OK", "", SDP).await;
    second.expect("ACK").await;
    let event = soon(inviter.event()).await;
    assert!(
        matches!(event, Some(InviterEvent::Accepted(_))),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_server_that_refuses_is_left_for_the_next() {
    fails_over("503").await;
}

#[tokio::test]
async fn a_server_that_is_dead_is_left_for_the_next() {
    fails_over("silence").await;
}

/// The clock leaps when everybody waits, which is for nothing that comes.
#[tokio::test(start_paused = true)]
async fn a_name_server_that_is_dead_takes_five_seconds_at_most() {
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = DnsResolver::of(dead.local_addr().unwrap()).unwrap();
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, _) = start_with(builder.resolver(resolver)).await;
    let begin = Instant::now();
    let error = soon(user_agent.flows(&uri("sip:example.test"))).await;
    assert!(error.is_err());
    assert!(begin.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_resolver_of_the_application_is_asked() {
    #[derive(Debug)]
    struct Renamed;
    impl Resolver for Renamed {
        fn look_up<'a>(&'a self, question: &'a Question) -> Answer<'a> {
            Box::pin(async move {
                let (name, kind) = ("localhost".to_owned(), question.kind);
                SystemResolver.look_up(&Question { name, kind }).await
            })
        }
    }
    let builder = UserAgent::builder().listen("udp:127.0.0.1:0");
    let (user_agent, _) = start_with(builder.resolver(Renamed)).await;
    let flows = soon(user_agent.flows(&uri("sip:example.test"))).await;
    assert_eq!(flows.unwrap()[0].remote.to_string(), "127.0.0.1:5060");
}
