//! A stream: how it is cut into pushes makes no difference, and never more is held than was pushed.

use offhook_message::{Frame, Framer, Request};

use crate::dice::Dice;
use crate::message::{check, check_malformed};

pub(crate) fn run(octets: &[u8]) {
    let mut dice = Dice::new(octets);
    let cuts: Vec<_> = (0..dice.below(8)).map(|_| dice.octet()).collect();
    let stream = dice.rest();
    let mut chunks = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (chunk, behind) = rest.split_at(usize::from(cut).min(rest.len()));
        chunks.push(chunk);
        rest = behind;
    }
    chunks.push(rest);
    let whole = frames([stream].into_iter());
    assert_eq!(whole, frames(chunks.into_iter()));
    assert_eq!(whole, frames(stream.chunks(1)));
}

/// What the frames are, without the pongs that halves of pings are taken for.
fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(LIMIT);
    let mut seen = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Pong)) => {}
                Ok(Some(Frame::Ping)) => seen.push(b"ping".to_vec()),
                Ok(Some(Frame::Message(message))) => {
                    check(&message);
                    seen.push(message.as_bytes().to_vec());
                }
                Ok(Some(Frame::Malformed(malformed))) => {
                    check_malformed(&malformed);
                    seen.push(malformed.to_string().into_bytes());
                    seen.extend(malformed.request.as_ref().map(octets));
                }
                Ok(None) => break,
                Err(error) => {
                    check_malformed(&error.malformed);
                    seen.push(error.to_string().into_bytes());
                    seen.extend(error.malformed.request.as_ref().map(octets));
                    return seen;
                }
            }
        }
    }
    seen
}

fn octets(request: &Request) -> Vec<u8> {
    request.as_bytes().to_vec()
}

const LIMIT: usize = 4096;
