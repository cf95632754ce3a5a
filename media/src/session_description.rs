//! Reading and writing SDP within bounds.

use sdp_types::Session;

use crate::{DescriptionError, Incompatibility};

/// Reads a description of up to 64 KiB and 32 m= lines. Octets that are not UTF-8, as in a Latin-1 session name, are replaced, and so are control
/// characters: an answer repeats parts of its offer.
pub fn parse(content: &[u8]) -> Result<Session, DescriptionError> {
    if content.len() > LONGEST_DESCRIPTION {
        return Err(DescriptionError::TooLarge {
            octets: content.len(),
            limit: LONGEST_DESCRIPTION,
        });
    }
    let mut text = String::from_utf8_lossy(content);
    if text.contains(is_control) {
        text = text.replace(is_control, " ").into();
    }
    let session = Session::parse(text.as_bytes())?;
    if session.medias.len() > MOST_STREAMS {
        return Err(Incompatibility::TooManyStreams.into());
    }
    Ok(session)
}

/// The octets of a description of ours.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "memory takes every write"
)]
pub fn print(session: &Session) -> Vec<u8> {
    let mut octets = Vec::with_capacity(TYPICAL_DESCRIPTION);
    session
        .write(&mut octets)
        .expect("memory takes every write");
    octets
}

fn is_control(character: char) -> bool {
    character.is_ascii_control() && !matches!(character, '\r' | '\n')
}

const LONGEST_DESCRIPTION: usize = 64 * 1024;
const MOST_STREAMS: usize = 32;
const TYPICAL_DESCRIPTION: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

    #[test]
    fn reads_up_to_its_bounds() {
        let line = "m=audio 4000 RTP/AVP 0\r\n";
        let fits = format!("{HEAD}{}", line.repeat(MOST_STREAMS));
        assert_eq!(parse(fits.as_bytes()).unwrap().medias.len(), MOST_STREAMS);

        let streams = format!("{HEAD}{}", line.repeat(MOST_STREAMS + 1));
        assert!(matches!(
            parse(streams.as_bytes()),
            Err(DescriptionError::NotAcceptable(
                Incompatibility::TooManyStreams
            ))
        ));

        let long = format!("{HEAD}a={}\r\n", "x".repeat(LONGEST_DESCRIPTION));
        assert!(matches!(
            parse(long.as_bytes()),
            Err(DescriptionError::TooLarge { .. })
        ));
    }

    #[test]
    fn reads_latin_1_and_bare_line_feeds() {
        let session =
            parse(b"v=0\no=J\xf6rg 1 1 IN IP4 192.0.2.1\ns=Gespr\xe4ch\nt=0 0\n").unwrap();
        assert_eq!(session.origin.sess_version, 1);
    }

    #[test]
    fn control_characters_go_no_further() {
        let session = parse(format!("{HEAD}m=video 4000 RTP/AVP 0\x1b[2J\r\n").as_bytes()).unwrap();
        assert_eq!(session.medias[0].fmt, "0 [2J");
    }

    #[test]
    fn refuses_what_is_not_sdp() {
        for content in [&b""[..], b"hello", b"v=1\r\n", b"v=0\r\nm=audio\r\n", b"\0"] {
            assert!(
                matches!(parse(content), Err(DescriptionError::Malformed(_))),
                "{content:?}"
            );
        }
    }
}
