//! What the tests of descriptions share.

use std::{net::Ipv4Addr, time::Duration};

use offhook_media::{Recording, SessionDescriptionHandler};
use offhook_message::{Message, Response, parse};
use tokio::time::{sleep, timeout};

/// An offer of one line of audio and what else is given.
pub(crate) fn offer(lines: &str) -> String {
    format!("v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}")
}

/// The handler's next description as text.
pub(crate) fn description(handler: &mut dyn SessionDescriptionHandler) -> String {
    let body = handler.description().expect("a description");
    String::from_utf8(body.content().to_vec()).expect("UTF-8")
}

/// The handler's answer to an offer.
pub(crate) fn answer(handler: &mut dyn SessionDescriptionHandler, offer: &str) -> String {
    handler
        .set_description(offer.as_bytes())
        .expect("an acceptable offer");
    description(handler)
}

/// The lines from the first m= line on.
pub(crate) fn media(description: &str) -> &str {
    let start = description.find("m=").unwrap_or(description.len());
    &description[start..]
}

/// The session id and the version of the o= line.
pub(crate) fn origin(description: &str) -> (u64, u64) {
    let line = description
        .lines()
        .find_map(|line| line.strip_prefix("o="))
        .expect("an o= line");
    let mut fields = line.split(' ').skip(1).map(|field| field.parse().unwrap());
    (fields.next().unwrap(), fields.next().unwrap())
}

/// A final response to a request of ours inside the session.
pub(crate) fn response(status: &str, method: &str, body: &str) -> Response {
    let text = format!(
        "SIP/2.0 {status}\r\nCSeq: 2 {method}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match parse(text.into()).unwrap() {
        Message::Response(response) => response,
        Message::Request(_) => unreachable!("it begins with a status"),
    }
}

/// An address of this machine whose ports nobody but one test takes.
pub(crate) fn own_address() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

/// Waits until a tenth of a second of a loud tone of 440 Hz was heard, without the gaps that a busy machine makes.
pub(crate) async fn hear_tone(recording: &Recording) {
    let is_tone = |samples: &[i16]| {
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        let pairs = samples.windows(2);
        let crossings = pairs.filter(|pair| (pair[0] < 0) != (pair[1] < 0));
        (7900..8400).contains(&loudest.unwrap_or(0)) && (86..=90).contains(&crossings.count())
    };
    let heard = async {
        while !recording.samples().chunks_exact(1600).any(is_tone) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("the tone comes back");
}

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
