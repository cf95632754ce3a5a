use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
#[cfg(feature = "ws")]
use futures_util::SinkExt;
use tokio::io::{self, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tokio::time::{Instant, sleep};
#[cfg(feature = "ws")]
use tokio_tungstenite::tungstenite::{self, Message};

use super::connection::End;
use super::octets::Moved;
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
    /// In octets. What has next to none counts as much as the place that it takes.
    fn length(&self) -> usize {
        match self {
            Self::Message(outgoing) => outgoing.transmit.bytes.len(),
            Self::Ping | Self::Pong => size_of::<Self>(),
        }
    }
}

/// The way into a connection, which stays open for as long as somebody holds it.
pub(super) struct Queue {
    sender: mpsc::UnboundedSender<Write>,
    /// How many octets wait.
    unsent: AtomicUsize,
    most_unsent: usize,
}

impl Queue {
    /// At most `most_unsent` octets may wait in it.
    pub(super) fn new(most_unsent: usize) -> (Arc<Self>, Writes) {
        let (sender, queued) = mpsc::unbounded_channel();
        let queue = Arc::new(Self {
            sender,
            unsent: AtomicUsize::new(0),
            most_unsent,
        });
        let writes = Writes {
            queued,
            queue: Arc::downgrade(&queue),
            batch: Vec::new(),
            buffer: BytesMut::new(),
            #[cfg(feature = "ws")]
            fed: 0,
        };
        (queue, writes)
    }

    /// Gives it back where nobody writes any more.
    #[expect(clippy::result_large_err, reason = "it goes another way at once")]
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), Unqueued> {
        let write = Write::Message(outgoing);
        if !self.take_room(&write) {
            return Err(Unqueued::Full);
        }
        match self.sender.send(write) {
            Err(SendError(Write::Message(outgoing))) => Err(Unqueued::Closed(outgoing)),
            _ => Ok(()),
        }
    }

    /// Queues a ping or the answer to one, unless the queue is full of better signs of life.
    pub(super) fn keep_alive(&self, write: Write) {
        if self.take_room(&write) {
            let _ = self.sender.send(write);
        }
    }

    fn take_room(&self, write: &Write) -> bool {
        let length = write.length();
        let has_room =
            self.unsent.fetch_add(length, Ordering::Relaxed) + length <= self.most_unsent;
        if !has_room {
            self.give_room(length);
        }
        has_room
    }

    fn give_room(&self, length: usize) {
        self.unsent.fetch_sub(length, Ordering::Relaxed);
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
    queued: mpsc::UnboundedReceiver<Write>,
    queue: Weak<Queue>,
    /// The messages that are being written.
    batch: Vec<Write>,
    /// Their octets.
    buffer: BytesMut,
    /// How many of the batch the WebSocket has taken.
    #[cfg(feature = "ws")]
    fed: usize,
}

impl Writes {
    /// Writes for as long as anybody can send, and the peer takes something within each `write_time`. May be dropped, and
    /// called again with a new writer.
    pub(super) async fn run(
        &mut self,
        writer: &mut Writer<'_>,
        taken: &Moved,
        write_time: Duration,
    ) -> End {
        loop {
            if self.batch.is_empty() {
                if self.queued.recv_many(&mut self.batch, LARGEST_BATCH).await == 0 {
                    return End::Released;
                }
                self.begin(writer);
            }
            if let Err(error) = patiently(self.write(writer), taken, write_time).await {
                return error.into();
            }
            self.written();
        }
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        self.queued.close();
    }

    /// All messages that are not written, and closes the queue.
    pub(super) async fn rest(&mut self) -> Vec<Outgoing> {
        self.queued.close();
        let mut rest = std::mem::take(&mut self.batch);
        while let Some(write) = self.queued.recv().await {
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

    async fn write(&mut self, writer: &mut Writer<'_>) -> io::Result<()> {
        match writer {
            Writer::Octets(half) => {
                half.write_all_buf(&mut self.buffer).await?;
                // TLS may hold back what it has taken.
                half.flush().await
            }
            #[cfg(feature = "ws")]
            Writer::WebSocket(sink) => {
                // All of them at once: each flush is a system call.
                while let Some(write) = self.batch.get(self.fed) {
                    sink.feed(message(write)).await.map_err(as_io)?;
                    // The half has a place of its own for one, which is gone with it.
                    let is_taken = poll_fn(|context| sink.poll_ready_unpin(context));
                    is_taken.await.map_err(as_io)?;
                    self.fed += 1;
                }
                sink.flush().await.map_err(as_io)
            }
        }
    }

    fn written(&mut self) {
        if let Some(queue) = self.queue.upgrade() {
            queue.give_room(self.batch.iter().map(Write::length).sum());
        }
        self.batch.clear();
        if self.buffer.capacity() > LARGEST_KEPT {
            self.buffer = BytesMut::new();
        }
    }
}

/// Writes until nothing is taken for `write_time`.
async fn patiently(
    write: impl Future<Output = io::Result<()>>,
    taken: &Moved,
    write_time: Duration,
) -> io::Result<()> {
    let mut write = pin!(write);
    let mut sleep = pin!(sleep(write_time));
    poll_fn(|context| {
        if let Poll::Ready(written) = write.as_mut().poll(context) {
            return Poll::Ready(written);
        }
        if taken.take() {
            sleep.as_mut().reset(Instant::now() + write_time);
        }
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    })
    .await
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

/// How many messages one write takes at most.
const LARGEST_BATCH: usize = 64;
/// What an idle connection keeps of its buffer.
const LARGEST_KEPT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_pings_and_never_reads_takes_no_more_than_another() {
        let (queue, writes) = Queue::new(10_000);
        for _ in 0..10_000 {
            queue.keep_alive(Write::Pong);
        }
        let place = size_of::<Write>();
        assert_eq!(writes.queued.len(), 10_000 / place);
    }
}
