use std::sync::mpsc;

use offhook_media::{Audio, AudioEnd, Encoding, Frame, Key, PortRange};
use offhook_webrtc::WebRtcHandler;

use crate::{
    browser::Browser,
    support::{answer, call},
};

const OPUS: u8 = 111;
const EVENT: u8 = 101;

/// Says a constant, presses a key, and passes on what it hears.
struct Tester {
    heard: mpsc::Sender<Frame>,
    keys: mpsc::Sender<Key>,
    presses: Vec<Key>,
}

impl Audio for Tester {
    fn hear(&mut self, frame: &Frame) {
        let _ = self.heard.send(*frame);
    }

    fn speak(&mut self, frame: &mut Frame) {
        *frame = saw();
    }

    fn key(&mut self, key: Key) {
        let _ = self.keys.send(key);
    }

    fn press(&mut self) -> Option<Key> {
        self.presses.pop()
    }
}

/// 20 ms of a saw of 50 Hz.
fn saw() -> Frame {
    let mut value = -160 * 40;
    std::array::from_fn(|_| {
        value += 40;
        value
    })
}

fn handler(presses: Vec<Key>) -> (WebRtcHandler, mpsc::Receiver<Frame>, mpsc::Receiver<Key>) {
    let (heard, hearing) = mpsc::channel();
    let (keys, taken) = mpsc::channel();
    let end = AudioEnd::new(Tester {
        heard,
        keys,
        presses,
    });
    let handler = WebRtcHandler::new([127, 0, 0, 1].into(), &PortRange::any(), end);
    (handler, hearing, taken)
}

#[tokio::test]
async fn an_end_speaks_and_presses_keys() {
    let five = Key::from_event(5).unwrap();
    // One that is pressed when the machine is busy is let go without an end.
    let (mut handler, ..) = handler(vec![five; 5]);
    let mut browser = call(&mut handler).await;
    let is_end = |(kind, payload): &&(u8, Vec<u8>)| *kind == EVENT && payload[1] & 0x80 != 0;
    let ends = |it: &Browser| it.heard.iter().filter(is_end).count();
    let speech = |it: &Browser| it.heard.iter().filter(|it| it.0 == OPUS).count();
    browser
        .until("key and speech", |it| speech(it) > 20 && ends(it) > 2)
        .await;
    let mut events = browser.heard.iter().filter(|(kind, _)| *kind == EVENT);
    assert!(events.all(|(_, payload)| payload[0] == 5));

    let mut codec = Encoding::Opus.codec();
    let mut samples = Vec::new();
    for (kind, payload) in &browser.heard {
        if *kind == OPUS {
            codec.decode(payload, &mut samples);
        }
    }
    assert!(samples.len() > 20 * 320);
    let loudest = samples.iter().map(|it| it.unsigned_abs()).max();
    assert!(loudest > Some(3000), "{loudest:?}");
}

/// RFC 8445 section 9: until ICE is through again, the way that was used stays.
#[tokio::test]
async fn an_end_speaks_while_ice_restarts() {
    let (mut handler, ..) = handler(Vec::new());
    let mut browser = call(&mut handler).await;
    let restart = browser.restart_ice();
    let restarted = answer(&mut handler, &restart);
    let before = browser.heard.len();
    browser
        .until("speech", |it| it.heard.len() > before + 20)
        .await;
    browser.take_answer(&restarted);
    browser.connect().await;
    let before = browser.heard.len();
    browser
        .until("speech", |it| it.heard.len() > before + 20)
        .await;
}

#[tokio::test]
async fn an_end_hears_speech_and_keys() {
    let (mut handler, heard, keys) = handler(Vec::new());
    let mut browser = call(&mut handler).await;
    let mut codec = Encoding::Opus.codec();
    for _ in 0..20 {
        let mut payload = Vec::new();
        codec.encode(&saw(), &mut payload);
        browser.say(OPUS, &payload);
    }
    // Three packets of one key, which keep its time.
    for duration in [1, 2, 3] {
        browser.say_at(EVENT, &[7, 10, duration, 0], 100_000);
    }
    let (mut frames, mut pressed) = (Vec::new(), Vec::new());
    browser
        .until("speech and key", |_| {
            frames.extend(heard.try_iter());
            pressed.extend(keys.try_iter());
            frames.len() >= 20 && !pressed.is_empty()
        })
        .await;
    assert_eq!(pressed, [Key::from_event(7).unwrap()]);
    assert_eq!(frames.len(), 20);
    assert!(frames.iter().flatten().any(|sample| *sample > 3000));
}
