use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use offhook_core::Flow;
use offhook_message::Frame;
use tokio::task;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::trace;

use super::connection::End;
use super::octets::Moved;
use super::patience::{Due, Patience};
use super::receive::Receive;
use super::wire::Reader;
use super::writes::{Queue, Write};

/// Receives for as long as the peer keeps to the protocol.
pub(super) struct Reads<'a> {
    flow: Flow,
    patience: Patience<'a>,
    /// Set to what the peer may take, or to less: then it is set again.
    sleep: Pin<Box<Sleep>>,
    arrived: &'a Moved,
    receiver: &'a Weak<dyn Receive>,
    queue: &'a Weak<Queue>,
}

impl<'a> Reads<'a> {
    pub(super) fn new(
        flow: Flow,
        patience: Patience<'a>,
        arrived: &'a Moved,
        (receiver, queue): (&'a Weak<dyn Receive>, &'a Weak<Queue>),
    ) -> Self {
        Self {
            flow,
            sleep: Box::pin(sleep_until(patience.ends())),
            patience,
            arrived,
            receiver,
            queue,
        }
    }

    pub(super) async fn run(&mut self, reader: &mut Reader<'_>) -> End {
        loop {
            if let Err(end) = poll_fn(|context| self.poll(reader, context)).await {
                return end;
            }
            let Some(receiver) = self.receiver.upgrade() else {
                return End::Released;
            };
            if let Err(end) = self.take(reader, &*receiver) {
                return end;
            }
            // Nobody can answer over it any more, as when the peer has not read for too long.
            if self.queue.strong_count() == 0 {
                return End::Released;
            }
            drop(receiver);
            // The answers get their turn to be written.
            task::yield_now().await;
        }
    }

    fn poll(
        &mut self,
        reader: &mut Reader<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        if let Poll::Ready(received) = reader.poll_receive(context) {
            return Poll::Ready(received);
        }
        loop {
            if self.arrived.take() {
                self.patience.incomplete(Instant::now());
            }
            let ends = self.patience.ends();
            if ends < self.sleep.deadline() {
                self.sleep.as_mut().reset(ends);
            }
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            match self.patience.due(Instant::now()) {
                Some(Due::End(end)) => return Poll::Ready(Err(end)),
                Some(Due::Ping) => self.keep_alive(Write::Ping),
                None => {}
            }
            self.sleep.as_mut().reset(self.patience.ends());
        }
    }

    fn take(&mut self, reader: &mut Reader<'_>, receiver: &dyn Receive) -> Result<(), End> {
        let mut is_complete = false;
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => self.take_frame(frame, reader, receiver),
                Ok(None) => break,
                Err(error) => {
                    receiver.malformed(self.flow, error.malformed);
                    return Err(End::OutOfStep);
                }
            }
            is_complete = true;
        }
        if !reader.is_empty() {
            self.patience.incomplete(Instant::now());
        } else if is_complete {
            self.arrived.take();
        }
        Ok(())
    }

    fn take_frame(&mut self, frame: Frame, reader: &mut Reader<'_>, receiver: &dyn Receive) {
        let now = Instant::now();
        let transport = self.flow.transport;
        match frame {
            Frame::Message(message) => {
                self.patience.message(now);
                receiver.message(self.flow, message);
            }
            Frame::Malformed(malformed) => {
                self.patience.message(now);
                receiver.malformed(self.flow, malformed);
            }
            Frame::Ping => {
                trace!(%transport, remote = %self.flow.remote, "ping");
                self.patience.ping(now);
                self.keep_alive(Write::Pong);
            }
            Frame::Pong => {
                trace!(%transport, remote = %self.flow.remote, "pong");
                if self.patience.pong(now) {
                    reader.forget_half_ping();
                }
            }
        }
    }

    fn keep_alive(&self, write: Write) {
        if let Some(queue) = self.queue.upgrade() {
            queue.keep_alive(write);
        }
    }
}
