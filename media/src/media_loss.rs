//! How an application learns that a call has no audio any more.

use std::{future::pending, io};

use tokio::sync::watch;

/// Why there is no audio any more. The session stands until somebody hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaLoss {
    /// Nothing came of the peer for too long: its RTP stopped
    /// ([`AudioHandler::patient_for`](crate::AudioHandler::patient_for)), or a browser did not connect, or stopped to say
    /// that it is there ([RFC 7675](https://www.rfc-editor.org/rfc/rfc7675)), for 20 seconds. To connect for the first
    /// time it has as much more as a call may ring (`WebRtcHandler::ringing_for`), unless it is known to have our
    /// description.
    #[error("nothing comes from the peer any more")]
    Silence,
    /// The peer has closed the connection: a page that was left, most likely.
    #[error("the peer closed the connection")]
    Closed,
    /// Keys could not be agreed on: the certificate is not the announced one, or DTLS failed.
    #[error("no keys with the peer: its certificate is not the announced one, or DTLS failed")]
    Security,
    /// Our UDP port failed.
    #[error("our UDP port failed: {0}")]
    Port(io::ErrorKind),
}

/// Tells when a handler's audio is lost, to whoever has [`losses`](Self::losses).
#[derive(Clone, Debug)]
pub struct MediaLossSender(watch::Sender<Option<MediaLoss>>);

impl MediaLossSender {
    /// A sender that has told nothing.
    #[expect(clippy::new_without_default, reason = "there is no usual one")]
    pub fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Tells of a loss. Only the first counts.
    pub fn lose(&self, loss: MediaLoss) {
        self.0.send_if_modified(|known| {
            let is_new = known.is_none();
            known.get_or_insert(loss);
            is_new
        });
    }

    /// Where to learn of the loss.
    pub fn losses(&self) -> MediaLosses {
        MediaLosses(Some(self.0.subscribe()))
    }
}

/// Learns when a handler's audio is lost. Outlives the handler.
#[derive(Clone, Debug)]
pub struct MediaLosses(Option<watch::Receiver<Option<MediaLoss>>>);

impl MediaLosses {
    /// Never tells anything.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Waits for the loss. It never comes where the handler was closed or dropped before.
    ///
    /// May be dropped and begun again: it loses nothing.
    pub async fn lost(&mut self) -> MediaLoss {
        if let Some(known) = &mut self.0 {
            // Calls without media wait as well, and most of the wait's memory is in here.
            let loss = Box::pin(known.wait_for(Option::is_some)).await;
            if let Some(loss) = loss.ok().and_then(|loss| *loss) {
                return loss;
            }
        }
        pending().await
    }
}
