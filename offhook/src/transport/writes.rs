use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BytesMut};
#[cfg(feature = "ws")]
use futures_util::SinkExt;
use tokio::io::{self, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
#[cfg(feature = "ws")]
use tokio_tungstenite::tungstenite::{self, Message};

use super::connection::End;
use super::outgoing::Outgoing;
use super::wire::Writer;

/// What a connection writes.
#[derive(Debug)]
pub(super) enum Write {
    Message(Outgoing),
    /// A keep-alive ping
    /// ([RFC 5626 §4.4.1](https://www.rfc-editor.org/rfc/rfc5626#section-4.4.1)).
    Ping,
    /// The answer to one.
    Pong,
}

impl Write {
    fn length(&self) -> usize {
        match self {
            Self::Message(outgoing) => outgoing.transmit.bytes.len(),
            Self::Ping | Self::Pong => 0,
        }
    }
}

/// The way into a connection.
#[derive(Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Write>,
    unsent: Arc<AtomicUsize>,
    most_unsent: usize,
}

impl Queue {
    /// At most `most_unsent` octets may wait in it.
    pub(super) fn new(most_unsent: usize) -> (Self, Writes) {
        let (sender, queue) = mpsc::channel(LONGEST_QUEUE);
        let unsent = Arc::new(AtomicUsize::new(0));
        let writes = Writes {
            queue,
            unsent: Arc::clone(&unsent),
            batch: Vec::new(),
            buffer: BytesMut::new(),
            #[cfg(feature = "ws")]
            fed: 0,
        };
        let queue = Self {
            sender,
            unsent,
            most_unsent,
        };
        (queue, writes)
    }

    /// Gives it back where nobody writes any more.
    #[expect(clippy::result_large_err, reason = "it goes another way at once")]
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), Unqueued> {
        let write = Write::Message(outgoing);
        let length = write.length();
        if self.unsent.fetch_add(length, Ordering::Relaxed) + length > self.most_unsent {
            return Err(Unqueued::Full);
        }
        match self.sender.try_send(write) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(Write::Message(outgoing))) => Err(Unqueued::Closed(outgoing)),
            Err(_) => Err(Unqueued::Full),
        }
    }

    /// A way that does not keep the connection open.
    pub(super) fn downgrade(&self) -> mpsc::WeakSender<Write> {
        self.sender.downgrade()
    }
}

/// Why a message was not queued.
pub(super) enum Unqueued {
    /// The connection ends.
    Closed(Outgoing),
    /// Too much waits already: the connection is to end.
    Full,
}

/// What waits to be written, and what is being written.
pub(super) struct Writes {
    queue: mpsc::Receiver<Write>,
    /// How many octets wait.
    unsent: Arc<AtomicUsize>,
    /// The messages that are being written.
    batch: Vec<Write>,
    /// Their octets.
    buffer: BytesMut,
    /// How many of the batch the WebSocket has taken.
    #[cfg(feature = "ws")]
    fed: usize,
}

impl Writes {
    /// Writes for as long as anybody can send. May be dropped and called again.
    pub(super) async fn run(&mut self, writer: &mut Writer<'_>, write_time: Duration) -> End {
        loop {
            if self.batch.is_empty() {
                if self.queue.recv_many(&mut self.batch, LARGEST_BATCH).await == 0 {
                    return End::Released;
                }
                self.begin(writer);
            }
            match timeout(write_time, self.write(writer)).await {
                Ok(Ok(Progress::Some)) => {}
                Ok(Ok(Progress::All)) => self.written(),
                Ok(Err(error)) => return error.into(),
                Err(elapsed) => return End::Failed(elapsed.into()),
            }
        }
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        self.queue.close();
    }

    /// All messages that are not written, and closes the queue.
    pub(super) async fn rest(&mut self) -> Vec<Outgoing> {
        self.queue.close();
        let mut rest = std::mem::take(&mut self.batch);
        while let Some(write) = self.queue.recv().await {
            rest.push(write);
        }
        let message = |write| match write {
            Write::Message(outgoing) => Some(outgoing),
            Write::Ping | Write::Pong => None,
        };
        rest.into_iter().filter_map(message).collect()
    }

    fn begin(&mut self, writer: &Writer<'_>) {
        match writer {
            Writer::Octets(_) => self.fill(),
            #[cfg(feature = "ws")]
            Writer::WebSocket(_) => self.fed = 0,
        }
    }

    fn fill(&mut self) {
        for write in &self.batch {
            match write {
                Write::Message(outgoing) => self.buffer.extend_from_slice(&outgoing.transmit.bytes),
                Write::Ping => self.buffer.extend_from_slice(b"\r\n\r\n"),
                Write::Pong => self.buffer.extend_from_slice(b"\r\n"),
            }
        }
    }

    async fn write(&mut self, writer: &mut Writer<'_>) -> io::Result<Progress> {
        match writer {
            Writer::Octets(half) => {
                half.write_buf(&mut self.buffer).await?;
                if self.buffer.has_remaining() {
                    return Ok(Progress::Some);
                }
                // TLS may hold back what it has taken.
                half.flush().await?;
            }
            #[cfg(feature = "ws")]
            Writer::WebSocket(sink) => {
                // All of them at once: each flush is a system call.
                while let Some(write) = self.batch.get(self.fed) {
                    sink.feed(message(write)).await.map_err(as_io)?;
                    self.fed += 1;
                }
                sink.flush().await.map_err(as_io)?;
            }
        }
        Ok(Progress::All)
    }

    fn written(&mut self) {
        let octets = self.batch.iter().map(Write::length).sum();
        self.unsent.fetch_sub(octets, Ordering::Relaxed);
        self.batch.clear();
        if self.buffer.capacity() > LARGEST_KEPT {
            self.buffer = BytesMut::new();
        }
    }
}

/// How far the batch is written.
enum Progress {
    Some,
    All,
}

#[cfg(feature = "ws")]
fn message(write: &Write) -> Message {
    match write {
        Write::Message(outgoing) => super::websocket::message(&outgoing.transmit.bytes),
        Write::Ping => Message::Ping(bytes::Bytes::new()),
        Write::Pong => Message::text("\r\n"),
    }
}

#[cfg(feature = "ws")]
fn as_io(error: tungstenite::Error) -> io::Error {
    super::websocket::as_io(error)
}

/// How many messages may wait to be written. One read can hold about a hundred messages with two
/// answers each.
pub(super) const LONGEST_QUEUE: usize = 1024;
/// How many messages one write takes at most.
const LARGEST_BATCH: usize = 64;
/// What an idle connection keeps of its buffer.
const LARGEST_KEPT: usize = 4 << 10;
