//! What the tests share.

use offhook_media::{PortRange, SessionDescriptionHandler};
use offhook_webrtc::WebRtcHandler;

use crate::browser::Browser;

pub(crate) fn handler() -> WebRtcHandler {
    WebRtcHandler::echo([127, 0, 0, 1].into(), &PortRange::any())
}

pub(crate) fn description(handler: &mut WebRtcHandler) -> String {
    let body = handler.description().expect("a description");
    String::from_utf8(body.content().to_vec()).expect("UTF-8")
}

pub(crate) fn answer(handler: &mut WebRtcHandler, offer: &str) -> String {
    let taken = handler.set_description(offer.as_bytes());
    taken.expect("an acceptable offer");
    description(handler)
}

/// A browser that has called a handler and is connected to it.
pub(crate) async fn call(handler: &mut WebRtcHandler) -> Browser {
    let mut browser = Browser::new().await;
    let offer = browser.offer(str0m::media::Direction::SendRecv);
    let answer = answer(handler, &offer);
    browser.take_answer(&answer);
    browser.connect().await;
    browser
}

/// The version of the o= line.
pub(crate) fn version(description: &str) -> u64 {
    let line = value(description, "o=");
    line.split(' ')
        .nth(2)
        .expect("a version")
        .parse()
        .expect("a number")
}

/// The rest of the first line that begins so.
pub(crate) fn value<'a>(description: &'a str, start: &str) -> &'a str {
    let mut lines = description.lines();
    let line = lines.find_map(|line| line.strip_prefix(start));
    line.unwrap_or_else(|| panic!("no {start} in {description}"))
}

pub(crate) fn has(description: &str, line: &str) -> bool {
    description.lines().any(|it| it == line)
}
