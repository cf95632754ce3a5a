//! SIP over WebSocket ([RFC 7118](https://www.rfc-editor.org/rfc/rfc7118)): one message a frame.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use offhook_core::Transport;
use offhook_message::{Frame, parse};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{self, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};
use tracing::warn;

use super::connection::{ConnectionSettings, End};
use super::limits::ConnectionLimits;
use super::octets::Octets;
use crate::log::Throttle;

/// Answers the handshake of a client. A page that may not call is refused
/// ([RFC 6455 §4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2)), and who does not speak
/// `sip` is told what is missing (RFC 7118 §4).
pub(super) async fn accept(
    mut octets: Octets,
    (transport, remote): (Transport, SocketAddr),
    settings: &ConnectionSettings,
) -> io::Result<Box<WebSocketStream<Octets>>> {
    let config = config(&settings.limits);
    #[expect(clippy::result_large_err, reason = "the handshake asks for it")]
    let answer = |request: &Request, response| {
        let admitted = settings.origins.admit(request.headers(), transport);
        admitted.map_err(|origin| stranger(origin, remote))?;
        choose_protocol(request, response)
    };
    let handshake = accept_hdr_async_with_config(&mut octets, answer, Some(config));
    match handshake.await {
        Ok(websocket) => drop(websocket),
        Err(Error::Protocol(error)) => {
            octets.write_all(UPGRADE_REQUIRED).await?;
            octets.shutdown().await?;
            return Err(io::Error::other(error));
        }
        Err(error) => return Err(as_io(error)),
    }
    // What a client sends before it has our answer is refused, so nothing is lost.
    let websocket = WebSocketStream::from_raw_socket(octets, Role::Server, Some(config)).await;
    Ok(Box::new(websocket))
}

/// Asks a server. `authority` is its host and port as the URI has them.
pub(super) async fn connect(
    octets: Octets,
    authority: &str,
    limits: &ConnectionLimits,
) -> io::Result<Box<WebSocketStream<Octets>>> {
    let request = http::Request::builder()
        .uri(format!("ws://{authority}/"))
        .header("Host", authority)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .body(())
        .map_err(io::Error::other)?;
    let handshake = client_async_with_config(request, octets, Some(config(limits)));
    let (websocket, _) = handshake.await.map_err(as_io)?;
    Ok(Box::new(websocket))
}

/// What a message carries; `None` where it is the end.
pub(super) fn frame(message: Message) -> Option<Frame> {
    let bytes = match message {
        Message::Text(text) => text.into(),
        Message::Binary(bytes) => bytes,
        // Pings are answered below.
        Message::Ping(_) | Message::Pong(_) => return Some(Frame::Pong),
        Message::Close(_) | Message::Frame(_) => return None,
    };
    let line_ends = bytes.iter().take_while(|octet| b"\r\n".contains(octet));
    let line_ends = line_ends.count();
    let bytes = bytes.slice(line_ends..);
    Some(if bytes.is_empty() {
        if line_ends >= 4 {
            Frame::Ping
        } else {
            Frame::Pong
        }
    } else {
        match parse(bytes) {
            Ok(message) => Frame::Message(message),
            Err(malformed) => Frame::Malformed(malformed),
        }
    })
}

/// A message to send: text where it is UTF-8 (RFC 7118 §5.1).
pub(super) fn message(bytes: &Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes.clone()),
    }
}

/// The last frame of a connection that ends so.
pub(super) fn close_frame(end: &End) -> CloseFrame {
    let (code, reason) = match end {
        End::OutOfStep => (CloseCode::Size, "the message is too large"),
        _ => (CloseCode::Away, ""),
    };
    CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    }
}

pub(super) fn as_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the handshake asks for these types"
)]
fn choose_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.iter().filter_map(|value| value.to_str().ok());
    let mut protocols = offered.flat_map(|value| value.split(','));
    if protocols.any(|protocol| protocol.trim() == PROTOCOL) {
        let chosen = HeaderValue::from_static(PROTOCOL);
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        return Ok(response);
    }
    Err(refusal(
        StatusCode::BAD_REQUEST,
        "This is a SIP server: ask for the WebSocket subprotocol sip (RFC 7118).\n",
    ))
}

/// What a page is told that may not call, and the operator with it.
fn stranger(origin: &HeaderValue, remote: SocketAddr) -> ErrorResponse {
    if let Some(count) = STRANGERS.pass(Instant::now()) {
        let text = origin.as_bytes();
        let origin = text.get(..LONGEST_LOGGED).unwrap_or(text).escape_ascii();
        warn!(
            count,
            %remote,
            %origin,
            "WebSockets were refused: no page of this origin may call, see allow_origin"
        );
    }
    refusal(
        StatusCode::FORBIDDEN,
        "No page of this origin may call this SIP server.\n",
    )
}

fn refusal(status: StatusCode, text: &str) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(text.to_owned()));
    *refusal.status_mut() = status;
    let headers = refusal.headers_mut();
    headers.insert("Connection", HeaderValue::from_static("close"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    refusal
}

pub(super) fn config(limits: &ConnectionLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * limits.message)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message))
}

static STRANGERS: Throttle = Throttle::new();

const PROTOCOL: &str = "sip";
/// Of an origin, in octets: it may be as long as the handshake.
const LONGEST_LOGGED: usize = 256;
/// Each connection has one.
const READ_BUFFER: usize = 4 << 10;
const WRITE_BUFFER: usize = 16 << 10;
const UPGRADE_REQUIRED: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade, close\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: sip\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 56\r\n\r\n\
    This is a SIP server: speak WebSocket to it (RFC 7118).\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_are_told_from_messages() {
        let of = |text: &'static str| frame(Message::text(text));
        assert!(matches!(of("\r\n\r\n"), Some(Frame::Ping)));
        assert!(matches!(of("\r\n"), Some(Frame::Pong)));
        assert!(matches!(of(""), Some(Frame::Pong)));
        assert!(matches!(of("hello"), Some(Frame::Malformed(_))));
        let bye = "\r\nBYE sip:a SIP/2.0\r\n\r\n";
        assert!(matches!(of(bye), Some(Frame::Message(_))));
        assert!(frame(Message::Close(None)).is_none());
    }

    #[test]
    fn what_is_no_utf8_is_sent_as_octets() {
        assert!(message(&Bytes::from_static(b"caf\xc3\xa9")).is_text());
        assert!(message(&Bytes::from_static(b"caf\xe9")).is_binary());
    }

    #[test]
    fn the_refusal_has_the_length_that_it_says() {
        let text = str::from_utf8(UPGRADE_REQUIRED).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), 56);
    }
}
