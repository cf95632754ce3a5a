use std::collections::VecDeque;

use offhook::message::{Method, Response};
use offhook_media::{DescriptionError, Key, SessionDescriptionHandler};
use tracing::warn;

/// Takes the final response to a request of ours: an INFO, or the re-INVITE of a refresh. Gives the key that is to be
/// pressed next: one goes after the other, for they could overtake each other. Where we have hung up, nothing is left to
/// agree on.
pub(super) fn answered(
    response: &Response,
    media: &mut dyn SessionDescriptionHandler,
    keys: &mut VecDeque<Key>,
) -> Result<Option<Key>, DescriptionError> {
    match media.answered(response) {
        Ok(()) | Err(DescriptionError::Closed) => {}
        Err(error) => return Err(error),
    }
    let status = response.status();
    let cseq = response.headers().cseq();
    let is_of_key = cseq.is_ok_and(|cseq| cseq.method == Method::Info);
    match (is_of_key, status.is_success()) {
        (true, true) => return Ok(keys.pop_front()),
        (true, false) => {
            warn!(%status, "the callee takes no keys");
            keys.clear();
        }
        (false, true) => {}
        (false, false) => warn!(%status, "the callee refused to refresh the session"),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use offhook::message::{Message, parse};
    use offhook_media::BareHandler;

    use super::*;

    fn response(status: &str, method: &str, description: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status}\r\nCSeq: 2 {method}\r\nContent-Type: application/sdp\r\n\r\n{description}"
        );
        match parse(text.into()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_answer_to_a_refresh_is_for_the_media_and_presses_no_key() {
        let description = |version: u8, format: u8| {
            format!(
                "v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                 m=audio 4000 RTP/AVP {format}\r\n"
            )
        };
        let mut media = BareHandler::new([192, 0, 2, 9].into());
        media.description().unwrap();
        media.set_answer(description(1, 0).as_bytes()).unwrap();
        let [one, two, three] = ['1', '2', '3'].map(|key| Key::try_from(key).unwrap());
        let mut keys = VecDeque::from([one, two, three]);
        let mut take = |status, method, description: &str| {
            let response = response(status, method, description);
            answered(&response, &mut media, &mut keys).ok()
        };

        assert_eq!(take("200 OK", "INVITE", &description(2, 0)), Some(None));
        assert_eq!(take("200 OK", "INVITE", &description(3, 18)), None);
        assert_eq!(take("500 No", "INVITE", ""), Some(None));
        assert_eq!(take("200 OK", "INFO", ""), Some(Some(one)));
        assert_eq!(take("200 OK", "INFO", ""), Some(Some(two)));
        assert_eq!(take("415 No", "INFO", ""), Some(None));
        assert_eq!(keys, []);
    }

    #[test]
    fn the_answer_to_a_refresh_is_nothing_to_media_that_are_closed() {
        let mut media = BareHandler::new([192, 0, 2, 9].into());
        media.close();
        let response = response("200 OK", "INVITE", "v=0");
        let taken = answered(&response, &mut media, &mut VecDeque::new());
        assert!(matches!(taken, Ok(None)), "{taken:?}");
    }
}
