//! Which pages may call over a WebSocket
//! ([RFC 6455 §10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2)).

#![cfg(all(feature = "tls", feature = "ws"))]

mod authority;
mod caller;

use authority::Authority;
use caller::{Caller, Stream, soon, start_with};
use offhook::{Listener, StartError, Transport, UserAgent};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PHONE: &str = "https://phone.example.com";

/// What a page of an origin gets that calls the server by this name: 101 or a refusal.
async fn shake_hands(
    authority: &Authority,
    server: Listener,
    origin: &str,
    host: &str,
) -> (u16, Option<String>) {
    let stream: Box<dyn Stream> = if server.transport == Transport::Wss {
        Box::new(soon(authority.connect(server, None)).await.unwrap())
    } else {
        Box::new(TcpStream::connect(server.address).await.unwrap())
    };
    let mut request = format!("ws://{host}/").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Origin", origin.parse().unwrap());
    headers.insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
    match soon(client_async(request, stream)).await {
        Ok((_, response)) => (response.status().as_u16(), None),
        Err(Error::Http(response)) => {
            let connection = response.headers()["Connection"].to_str().unwrap();
            (response.status().as_u16(), Some(connection.to_owned()))
        }
        Err(other) => panic!("{origin} {host}: {other}"),
    }
}

#[tokio::test]
async fn a_page_of_elsewhere_gets_403_and_all_others_call() {
    let authority = Authority::new();
    let builder = UserAgent::builder()
        .listen("ws:127.0.0.1:0")
        .listen("wss:127.0.0.1:0")
        .listen("ws:[::1]:0")
        .tls(authority.options(&["127.0.0.1", "::1"]))
        .allow_origin(PHONE);
    let (user_agent, _) = start_with(builder).await;
    for &server in user_agent.listeners() {
        let here = server.address.to_string();
        let page_of_the_name = if server.transport == Transport::Wss {
            101
        } else {
            403
        };
        for (origin, host, expected) in [
            (PHONE, here.as_str(), 101),
            ("http://localhost:8000", &here, 101),
            ("http://127.0.0.1:8000", &here, 101),
            ("https://sip.example.com", "sip.example.com", 101),
            (
                "http://sip.example.com",
                "sip.example.com",
                page_of_the_name,
            ),
            ("https://evil.example", &here, 403),
            ("null", &here, 403),
        ] {
            let (status, connection) = shake_hands(&authority, server, origin, host).await;
            assert_eq!(status, expected, "{server}: {origin} calls {host}");
            let closes = connection.as_deref() == Some("close");
            assert_eq!(closes, status == 403, "{server}: {origin} calls {host}");
        }
    }
    // What is no browser sends no Origin.
    let mut caller = Caller::new(user_agent.listeners()[0]).await;
    caller.send(caller.request("OPTIONS")).await;
    caller.response(200).await;
}

#[tokio::test]
async fn all_pages_may_call_where_they_are_let() {
    let builder = UserAgent::builder()
        .listen("ws:127.0.0.1:0")
        .allow_origin("*");
    let (_user_agent, server) = start_with(builder).await;
    let here = server.address.to_string();
    for origin in ["https://evil.example", "null"] {
        let (status, _) = shake_hands(&Authority::new(), server, origin, &here).await;
        assert_eq!(status, 101, "{origin}");
    }
}

#[tokio::test]
async fn what_is_no_origin_is_told_at_the_start() {
    let builder = UserAgent::builder().listen("ws:127.0.0.1:0");
    let error = builder.allow_origin("phone.example.com").start().await;
    let error = error.unwrap_err();
    assert!(matches!(error, StartError::InvalidOrigin(_)), "{error}");
    assert!(
        error.to_string().contains("\"phone.example.com\""),
        "{error}"
    );
}
