//! A stream of octets to messages ([RFC 3261 18.3](https://www.rfc-editor.org/rfc/rfc3261#section-18.3),
//! [RFC 5626 3.5.1](https://www.rfc-editor.org/rfc/rfc5626#section-3.5.1)).

use crate::message::Message;
use crate::parse::{Defect, Head, LARGEST_HEAD, Malformed};
use bytes::{Buf, Bytes, BytesMut};
use std::fmt;

/// Cuts a stream into messages and keep-alives. The time it takes is linear in the octets, however they are chunked.
///
/// Call [`Framer::next_frame`] until it gives `None` after each [`Framer::push`]: then it never holds more than the limit
/// and one push.
pub struct Framer {
    buffer: BytesMut,
    limit: usize,
    /// The octets in which no empty line begins.
    searched: usize,
    /// A head that waits for its body.
    head: Option<Head>,
    /// The last frame was a single CRLF, which the next octets may make a ping.
    is_half_ping: bool,
}

/// What a stream carries.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Two CRLFs: answer with one.
    Ping,
    /// One CRLF: the answer to a ping. When a ping comes in two pushes, its first half is given as a pong: see
    /// [`Framer::forget_half_ping`].
    Pong,
    /// A message.
    Message(Message),
    /// No message, but its end is known: answer it, and go on.
    Malformed(Malformed),
}

/// The end of a message is not known: answer it if it can be answered, and close the stream.
#[derive(Clone, Debug)]
pub struct FramingError {
    /// What is wrong.
    pub malformed: Malformed,
}

impl Framer {
    /// `limit` is the size of the largest message in octets, head and body together.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            searched: 0,
            head: None,
            is_half_ping: false,
        }
    }

    /// Takes octets from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; `None` when it is not complete yet.
    #[expect(clippy::result_large_err, reason = "the frame in Ok is as large")]
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        if self.head.is_none() {
            if let Some(keep_alive) = self.take_keep_alive() {
                return Ok(Some(keep_alive));
            }
            self.head = self.find_head()?;
        }
        let Some(head) = self.head.take() else {
            return Ok(None);
        };
        let length = match self.body_length(&head) {
            Ok(length) => head.length() + length,
            Err(defect) => return Err(self.out_of_step(head, defect)),
        };
        if self.buffer.len() < length {
            self.head = Some(head);
            return Ok(None);
        }
        let bytes = self.buffer.split_to(length).freeze();
        Ok(Some(match head.into_message(bytes, None) {
            Ok(message) => Frame::Message(message),
            Err(malformed) => Frame::Malformed(malformed),
        }))
    }

    /// Whether nothing has come of a next frame.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The last frame was the answer to a ping, and no first half of one.
    pub fn forget_half_ping(&mut self) {
        self.is_half_ping = false;
    }

    /// Takes the line ends in front of a message.
    fn take_keep_alive(&mut self) -> Option<Frame> {
        loop {
            let was_half_ping = std::mem::take(&mut self.is_half_ping);
            let (length, frame) = match *self.buffer {
                [b'\r', b'\n', ..] if was_half_ping => (2, Some(Frame::Ping)),
                [b'\r', b'\n', b'\r', b'\n', ..] => (4, Some(Frame::Ping)),
                [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => {
                    self.is_half_ping = true;
                    (2, Some(Frame::Pong))
                }
                [b'\r', b'\n', ..] => (2, Some(Frame::Pong)),
                [b'\n', ..] => (1, None),
                [] | [b'\r'] => {
                    self.is_half_ping = was_half_ping;
                    return None;
                }
                _ => return None,
            };
            self.buffer.advance(length);
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// The head, once its empty line is there. It stays in the buffer.
    #[expect(clippy::result_large_err, reason = "the frame in Ok is as large")]
    fn find_head(&mut self) -> Result<Option<Head>, FramingError> {
        let largest = self.limit.min(LARGEST_HEAD);
        match self.find_empty_line() {
            Some(length) if length <= largest => {
                self.searched = 0;
                Ok(self.buffer.get(..length).map(Head::parse))
            }
            None if self.buffer.len() <= largest => Ok(None),
            _ => {
                let head = Head::parse(self.buffer.get(..largest).unwrap_or_default());
                Err(self.out_of_step(head, Defect::HeadTooLarge))
            }
        }
    }

    /// Where the body begins. Goes on where the last search ended.
    fn find_empty_line(&mut self) -> Option<usize> {
        loop {
            let rest = self.buffer.get(self.searched..)?;
            let Some(line_end) = memchr::memchr(b'\n', rest) else {
                self.searched = self.buffer.len();
                return None;
            };
            self.searched += line_end;
            match rest.get(line_end + 1..) {
                Some([b'\n', ..]) => return Some(self.searched + 2),
                Some([b'\r', b'\n', ..]) => return Some(self.searched + 3),
                Some([] | [b'\r']) | None => return None,
                Some(_) => self.searched += 1,
            }
        }
    }

    fn body_length(&self, head: &Head) -> Result<usize, Defect> {
        if !head.is_sip() {
            return Err(Defect::BadStartLine);
        }
        if head.has_mixed_ends() {
            return Err(Defect::BadHeaderLine);
        }
        let length = head.content_length()?.ok_or(Defect::MissingContentLength)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.limit.saturating_sub(head.length()) => Ok(length),
            _ => Err(Defect::MessageTooLarge),
        }
    }

    /// Gives up the stream, and keeps of the message what has come of its head.
    fn out_of_step(&mut self, head: Head, defect: Defect) -> FramingError {
        let bytes = Bytes::copy_from_slice(self.buffer.get(..head.length()).unwrap_or_default());
        self.buffer.clear();
        self.searched = 0;
        FramingError {
            malformed: head.into_malformed(bytes, defect),
        }
    }
}

/// Shows no octets: they may hold credentials or keys.
impl fmt::Debug for Framer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Framer({} of {} octets)",
            self.buffer.len(),
            self.limit
        )
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the stream is out of step: {}", self.malformed)
    }
}

impl std::error::Error for FramingError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Method;

    const BYE: &str = "BYE sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";

    fn framer(text: &str) -> Framer {
        let mut framer = Framer::new(10_000);
        framer.push(text.as_bytes());
        framer
    }

    fn bytes_of(frame: Option<Frame>) -> Vec<u8> {
        match frame {
            Some(Frame::Message(message)) => message.as_bytes().to_vec(),
            other => panic!("no message: {other:?}"),
        }
    }

    #[test]
    fn messages_follow_each_other() {
        let mut framer = framer(&format!("{BYE}{BYE}\r\n{BYE}"));
        assert_eq!(bytes_of(framer.next_frame().unwrap()), BYE.as_bytes());
        assert_eq!(bytes_of(framer.next_frame().unwrap()), BYE.as_bytes());
        assert!(matches!(framer.next_frame(), Ok(Some(Frame::Pong))));
        assert_eq!(bytes_of(framer.next_frame().unwrap()), BYE.as_bytes());
        assert!(matches!(framer.next_frame(), Ok(None)));
    }

    #[test]
    fn one_octet_at_a_time() {
        let mut framer = Framer::new(100);
        let (last, octets) = BYE.as_bytes().split_last().unwrap();
        for octet in octets {
            framer.push(&[*octet]);
            assert!(matches!(framer.next_frame(), Ok(None)));
        }
        assert!(!framer.is_empty());
        framer.push(&[*last]);
        assert_eq!(bytes_of(framer.next_frame().unwrap()), BYE.as_bytes());
        assert!(framer.is_empty());
    }

    #[test]
    fn keep_alives() {
        let mut framer = framer("\r\n\r\n\r\n");
        assert!(matches!(framer.next_frame(), Ok(Some(Frame::Ping))));
        assert!(matches!(framer.next_frame(), Ok(Some(Frame::Pong))));
        assert!(matches!(framer.next_frame(), Ok(None)));
    }

    #[test]
    fn a_ping_in_two_pushes_is_a_ping() {
        for (first, second) in [("\r\n", "\r\n"), ("\r\n\r", "\n")] {
            let mut framer = framer(first);
            assert!(matches!(framer.next_frame(), Ok(Some(Frame::Pong))));
            assert!(matches!(framer.next_frame(), Ok(None)));
            framer.push(second.as_bytes());
            assert!(matches!(framer.next_frame(), Ok(Some(Frame::Ping))));
            assert!(matches!(framer.next_frame(), Ok(None)));
        }
    }

    #[test]
    fn the_answers_to_two_pings_are_no_ping() {
        let mut framer = framer("");
        for _ in 0..2 {
            framer.push(b"\r\n");
            assert!(matches!(framer.next_frame(), Ok(Some(Frame::Pong))));
            framer.forget_half_ping();
            assert!(matches!(framer.next_frame(), Ok(None)));
        }
    }

    #[test]
    fn a_bad_message_of_known_length_keeps_the_stream_in_step() {
        let mut framer = framer(&format!(
            "BYE <sip:a> SIP/2.0\r\nno colon\r\nl: 1\r\n\r\nx{BYE}SIP/2.0 999 x\r\nl:0\r\n\r\n"
        ));
        let Ok(Some(Frame::Malformed(malformed))) = framer.next_frame() else {
            panic!("a malformed message");
        };
        assert_eq!(malformed.defect, Defect::BadRequestUri);
        assert_eq!(malformed.request.unwrap().body(), b"x");
        assert_eq!(bytes_of(framer.next_frame().unwrap()), BYE.as_bytes());
        assert!(matches!(
            framer.next_frame(),
            Ok(Some(Frame::Malformed(Malformed {
                defect: Defect::BadStatus,
                request: None
            })))
        ));
    }

    #[test]
    fn a_bad_length_ends_the_stream() {
        for (lines, expected) in [
            ("s: x", Defect::MissingContentLength),
            ("l: 1\r\nl: 1", Defect::DuplicateContentLength),
            ("l: -999", Defect::BadContentLength),
            ("l: 10000", Defect::MessageTooLarge),
            ("l: 18446744073709551615", Defect::MessageTooLarge),
        ] {
            let error = framer(&format!("BYE sip:a SIP/2.0\r\n{lines}\r\n\r\nabc"))
                .next_frame()
                .unwrap_err();
            assert_eq!(error.malformed.defect, expected, "{lines}");
            let request = error.malformed.request.unwrap();
            assert_eq!(
                (request.method(), request.body()),
                (&Method::Bye, &b""[..]),
                "{lines}"
            );
        }
        let error = framer("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            .next_frame()
            .unwrap_err();
        assert_eq!(error.malformed.defect, Defect::BadStartLine);
    }

    #[test]
    fn a_head_without_end_ends_the_stream() {
        let mut framer = framer("BYE sip:a SIP/2.0\r\nv: SIP/2.0/TCP a\r\ns: ");
        while matches!(framer.next_frame(), Ok(None)) {
            framer.push(&[b'x'; 1000]);
            assert!(framer.buffer.len() <= framer.limit + 1000);
        }
        let error = framer.next_frame();
        assert!(matches!(error, Ok(None)), "what was read is given up");
    }

    #[test]
    fn a_head_above_the_limit_can_be_answered() {
        let text = format!(
            "BYE sip:a SIP/2.0\r\nv: SIP/2.0/TCP a\r\ns: {}\r\n\r\n",
            "x".repeat(10_000)
        );
        let error = framer(&text).next_frame().unwrap_err();
        assert_eq!(error.malformed.defect, Defect::HeadTooLarge);
        assert!(error.malformed.request.unwrap().headers().via().is_ok());
    }
}
