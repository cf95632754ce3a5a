//! The end that a stream and an application share.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Audio, Frame, Key};

/// Our end of a call's audio, which may become another one in mid-call. Clones are the same end: the stream has one,
/// and the application keeps one.
#[derive(Clone)]
pub struct AudioEnd(Arc<Mutex<Box<dyn Audio>>>);

impl AudioEnd {
    /// An end that hears and speaks as `audio` does.
    pub fn new(audio: impl Audio + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(audio))))
    }

    /// From the next frame on, `audio` hears and speaks.
    pub fn replace(&self, audio: impl Audio + 'static) {
        let audio: Box<dyn Audio> = Box::new(audio);
        // What is replaced is dropped when the lock is free again.
        let _replaced = std::mem::replace(&mut *self.lock(), audio);
    }

    /// Takes the next 20 ms of what the peer says.
    pub fn hear(&self, frame: &Frame) {
        self.lock().hear(frame);
    }

    /// Takes that the peer said nothing for so long.
    pub fn pause(&self, length: Duration) {
        self.lock().pause(length);
    }

    /// Gives the next 20 ms of what the peer is to hear.
    pub fn speak(&self) -> Frame {
        let mut frame = [0; _];
        self.lock().speak(&mut frame);
        frame
    }

    /// Takes a key that the peer pressed. The stream does so for a telephone-event; what is in an INFO, see
    /// [`Request::dtmf`](offhook_message::Request::dtmf), the application hands over.
    pub fn key(&self, key: Key) {
        self.lock().key(key);
    }

    /// Gives the next key to press.
    pub fn press(&self) -> Option<Key> {
        self.lock().press()
    }

    fn lock(&self) -> MutexGuard<'_, Box<dyn Audio>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AudioEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioEnd")
    }
}
