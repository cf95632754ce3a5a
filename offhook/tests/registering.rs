//! Registrations and requests outside of calls, against a registrar made of a plain socket.

mod callee;
mod caller;

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use callee::{Callee, request, uri};
use caller::{closed_port, soon, start};
use offhook::message::{Body, Method, Request, Text};
use offhook::{
    Credentials, Registerer, RegistrationEvent, RegistrationOptions, RequestFailure, Transport,
    UserAgent,
};

fn value<'a>(request: &'a Request, name: &'a str) -> &'a str {
    let field = request.headers().named(name).next();
    str::from_utf8(field.map_or(b"", |field| field.value)).unwrap()
}

async fn register(user_agent: &UserAgent, registrar: &Callee) -> Registerer {
    let mut options = RegistrationOptions::new(request(user_agent, &registrar.uri()).await);
    options.request.body = None;
    options.request.contact_user = Some(Text::from_static("alice"));
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    options.request = options.request.with_credentials(alice);
    user_agent.register(options).unwrap()
}

/// Registers alice, with a challenge.
async fn registered(registrar: &mut Callee, registerer: &mut Registerer) {
    let register = registrar.expect("REGISTER").await;
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    registrar
        .respond(&register, "401 Unauthorized", challenge, "")
        .await;
    let register = registrar.expect("REGISTER").await;
    assert!(value(&register, "Authorization").starts_with("Digest username=\"alice\""));
    let granted = "Expires: 100\r\n";
    registrar.respond(&register, "200 OK", granted, "").await;
    let Some(RegistrationEvent::Registered { expires, .. }) = soon(registerer.event()).await else {
        panic!("registered");
    };
    assert_eq!(expires, Duration::from_secs(100));
}

#[tokio::test]
async fn an_address_is_registered_and_taken_away() {
    for listener in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "udp:[::1]:0"] {
        let (user_agent, at) = start(listener).await;
        let mut registrar = Callee::new(listener).await;
        let mut registerer = register(&user_agent, &registrar).await;
        registered(&mut registrar, &mut registerer).await;
        registerer.unregister();
        let register = registrar.expect("REGISTER").await;
        let contact = value(&register, "Contact");
        assert!(
            contact.starts_with(&format!("<sip:alice@{}", at.address)),
            "{contact}"
        );
        assert!(contact.ends_with(";expires=0"), "{contact}");
        registrar.respond(&register, "200 OK", "", "").await;
        let event = soon(registerer.event()).await;
        assert!(matches!(
            event,
            Some(RegistrationEvent::Unregistered { message: Some(_) })
        ));
        assert!(soon(registerer.event()).await.is_none());
        assert_eq!(user_agent.counts().registrations, 0);
    }
}

#[tokio::test]
async fn a_registerer_that_is_dropped_takes_its_binding_away() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut registrar = Callee::new("udp:127.0.0.1:0").await;
    let mut registerer = register(&user_agent, &registrar).await;
    registered(&mut registrar, &mut registerer).await;
    drop(registerer);
    let register = registrar.expect("REGISTER").await;
    assert_eq!(value(&register, "Expires"), "0");
}

#[tokio::test]
async fn who_leaves_unregisters_first() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut registrar = Callee::new("udp:127.0.0.1:0").await;
    let mut registerer = register(&user_agent, &registrar).await;
    registered(&mut registrar, &mut registerer).await;
    let leaving = tokio::spawn(async move { user_agent.shutdown(Duration::from_secs(30)).await });
    let register = registrar.expect("REGISTER").await;
    assert_eq!(value(&register, "Expires"), "0");
    assert!(!leaving.is_finished());
    registrar.respond(&register, "200 OK", "", "").await;
    soon(leaving).await.unwrap();
    assert!(matches!(
        soon(registerer.event()).await,
        Some(RegistrationEvent::Unregistered { .. })
    ));
    assert!(soon(registerer.event()).await.is_none());
}

#[tokio::test]
async fn a_message_gets_its_response() {
    let (user_agent, _) = start("udp:127.0.0.1:0").await;
    let mut callee = Callee::new("udp:127.0.0.1:0").await;
    let hello = Body::new("text/plain", "hello").unwrap();
    let message = request(&user_agent, &callee.uri()).await.with_body(hello);
    let mut sent = user_agent.message(message).unwrap();
    let message = callee.expect("MESSAGE").await;
    assert_eq!(message.body(), b"hello");
    // Who gives up waiting may wait again.
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(sent.response()).poll(&mut context).is_pending());
    callee.respond(&message, "100 Trying", "", "").await;
    callee.respond(&message, "202 Accepted", "", "").await;
    for _ in 0..2 {
        let response = soon(sent.response()).await.unwrap();
        assert_eq!(response.status().as_u16(), 202);
    }
}

#[tokio::test]
async fn a_request_that_nobody_takes_fails() {
    let (user_agent, _) = start("tcp:127.0.0.1:0").await;
    let (_held, address) = closed_port([127, 0, 0, 1].into());
    let options = request(&user_agent, &uri("bob", Transport::Tcp, address)).await;
    let mut sent = user_agent.request(Method::Options, options).unwrap();
    let failure = soon(sent.response()).await.unwrap_err();
    assert_eq!(failure, RequestFailure::Undelivered);
}
