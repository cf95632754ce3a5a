//! What a connection carries: octets that hold messages one behind the other, or a message in
//! each WebSocket frame.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

#[cfg(feature = "ws")]
use futures_util::{StreamExt, stream::SplitSink, stream::SplitStream};
use offhook_message::{Frame, Framer, FramingError};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
#[cfg(feature = "ws")]
use tokio_tungstenite::{WebSocketStream, tungstenite};

use super::connection::End;
use super::octets::Octets;
#[cfg(feature = "ws")]
use super::websocket;

pub(super) enum Wire {
    Octets(Octets),
    #[cfg(feature = "ws")]
    WebSocket(Box<WebSocketStream<Octets>>),
}

impl Wire {
    /// To be read and written at the same time. `largest` is that of a message in octets.
    pub(super) fn split(&mut self, largest: usize) -> (Reader<'_>, Writer<'_>) {
        match self {
            Self::Octets(octets) => {
                let (half, writer) = tokio::io::split(octets);
                let framer = Framer::new(largest);
                (Reader::Octets { half, framer }, Writer::Octets(writer))
            }
            #[cfg(feature = "ws")]
            Self::WebSocket(websocket) => {
                let (sink, stream) = (&mut **websocket).split();
                let frame = None;
                (Reader::WebSocket { stream, frame }, Writer::WebSocket(sink))
            }
        }
    }

    /// Says that nothing more comes, and waits for the peer to say the same: closing while octets
    /// are unread resets the connection and takes our last words away.
    #[cfg_attr(not(feature = "ws"), expect(unused_variables))]
    pub(super) async fn close(&mut self, end: &End) {
        let octets = match self {
            Self::Octets(octets) => octets,
            #[cfg(feature = "ws")]
            Self::WebSocket(websocket) => {
                let _ = websocket.close(Some(websocket::close_frame(end))).await;
                while let Some(Ok(_)) = websocket.next().await {}
                websocket.get_mut()
            }
        };
        let _ = octets.shutdown().await;
        let _ = tokio::io::copy(octets, &mut tokio::io::sink()).await;
    }
}

pub(super) enum Reader<'a> {
    Octets {
        half: ReadHalf<&'a mut Octets>,
        framer: Framer,
    },
    #[cfg(feature = "ws")]
    WebSocket {
        stream: SplitStream<&'a mut WebSocketStream<Octets>>,
        frame: Option<Frame>,
    },
}

impl Reader<'_> {
    /// Takes in what has come, for [`Reader::next_frame`].
    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self {
            Self::Octets { half, framer } => poll_read(half, framer, context),
            #[cfg(feature = "ws")]
            Self::WebSocket { stream, frame } => {
                let message = match ready!(stream.poll_next_unpin(context)) {
                    Some(Ok(message)) => message,
                    Some(Err(tungstenite::Error::Capacity(_))) => {
                        return Poll::Ready(Err(End::OutOfStep));
                    }
                    Some(Err(error)) => return Poll::Ready(Err(websocket::as_io(error).into())),
                    None => return Poll::Ready(Err(End::Closed)),
                };
                *frame = websocket::frame(message);
                Poll::Ready(Ok(()))
            }
        }
    }

    /// The next frame; `None` when it is not complete yet.
    #[expect(clippy::result_large_err, reason = "the frame in Ok is as large")]
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        match self {
            Self::Octets { framer, .. } => framer.next_frame(),
            #[cfg(feature = "ws")]
            Self::WebSocket { frame, .. } => Ok(frame.take()),
        }
    }

    /// Whether nothing has come of a next frame, as far as can be seen.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Octets { framer, .. } => framer.is_empty(),
            #[cfg(feature = "ws")]
            Self::WebSocket { frame, .. } => frame.is_none(),
        }
    }

    /// The last frame was the answer to a ping, and no first half of one.
    pub(super) fn forget_half_ping(&mut self) {
        match self {
            Self::Octets { framer, .. } => framer.forget_half_ping(),
            #[cfg(feature = "ws")]
            Self::WebSocket { .. } => {}
        }
    }
}

pub(super) enum Writer<'a> {
    Octets(WriteHalf<&'a mut Octets>),
    #[cfg(feature = "ws")]
    WebSocket(SplitSink<&'a mut WebSocketStream<Octets>, tungstenite::Message>),
}

/// Reads into a place that all connections of a thread share: an idle one has no buffer.
fn poll_read(
    half: &mut ReadHalf<&mut Octets>,
    framer: &mut Framer,
    context: &mut Context<'_>,
) -> Poll<Result<(), End>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        let read: io::Result<()> = ready!(Pin::new(half).poll_read(context, &mut buffer));
        Poll::Ready(match (read, buffer.filled()) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), []) => Err(End::Closed),
            (Ok(()), octets) => {
                framer.push(octets);
                Ok(())
            }
        })
    })
}

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; LARGEST_READ].into());
}

const LARGEST_READ: usize = 16 << 10;
