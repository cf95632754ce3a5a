use std::collections::VecDeque;

use offhook::message::{Method, Response};
use offhook_media::Key;
use tracing::warn;

/// Takes the final response to an INFO of ours. Gives the key that is to be pressed next: one goes after the other, for
/// they could overtake each other.
pub(super) fn answered(response: &Response, keys: &mut VecDeque<Key>) -> Option<Key> {
    let status = response.status();
    let cseq = response.headers().cseq();
    if !cseq.is_ok_and(|cseq| cseq.method == Method::Info) {
        return None;
    }
    if status.is_success() {
        return keys.pop_front();
    }
    warn!(%status, "the callee takes no keys");
    keys.clear();
    None
}

#[cfg(test)]
mod tests {
    use offhook::message::{Message, parse};

    use super::*;

    fn response(status: &str, method: &str) -> Response {
        let text = format!("SIP/2.0 {status}\r\nCSeq: 2 {method}\r\n\r\n");
        match parse(text.into()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_answer_to_an_info_presses_the_next_key() {
        let [one, two, three] = ['1', '2', '3'].map(|key| Key::try_from(key).unwrap());
        let mut keys = VecDeque::from([one, two, three]);
        let mut take = |status, method| answered(&response(status, method), &mut keys);
        assert_eq!(take("200 OK", "INVITE"), None);
        assert_eq!(take("200 OK", "INFO"), Some(one));
        assert_eq!(take("200 OK", "INFO"), Some(two));
        assert_eq!(take("415 No", "INFO"), None);
        assert_eq!(keys, []);
    }
}
