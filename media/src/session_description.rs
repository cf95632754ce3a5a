//! Reading and writing SDP within bounds, and what each handler reads in it.

use sdp_types::{Attribute, Direction, Media, MediaType, Mid, Session, Time, TransportProto};

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
    if text.bytes().any(|octet| is_control(octet.into())) {
        text = text.replace(is_control, " ").into();
    }
    let session = Session::parse(text.as_bytes())?;
    if session.medias.len() > MOST_STREAMS {
        return Err(Incompatibility::TooManyStreams.into());
    }
    Ok(session)
}

/// The octets of a description of ours, which has no other lines than these: without the formatter, that the writer of
/// sdp-types sends each letter through.
pub fn print(session: &Session) -> Vec<u8> {
    let mut octets = Vec::with_capacity(TYPICAL_DESCRIPTION);
    let mut line = |parts: &[&str]| {
        for part in parts {
            put(&mut octets, part);
        }
        octets.extend(b"\r\n");
    };
    line(&["v=0"]);
    let origin = &session.origin;
    line(&[
        "o=",
        origin.username.as_deref().unwrap_or("-"),
        " ",
        &origin.sess_id,
        " ",
        &origin.sess_version.to_string(),
        " ",
        origin.nettype.as_str(),
        " ",
        origin.addrtype.as_str(),
        " ",
        &origin.unicast_address,
    ]);
    line(&["s=", &session.session_name]);
    if let Some(connection) = &session.connection {
        let (network, family) = (connection.nettype.as_str(), connection.addrtype.as_str());
        line(&[
            "c=",
            network,
            " ",
            family,
            " ",
            &connection.connection_address,
        ]);
    }
    for time in &session.times {
        let (start, stop) = (time.start_time.to_string(), time.stop_time.to_string());
        line(&["t=", &start, " ", &stop]);
    }
    put_attributes(&session.attributes, &mut line);
    for media in &session.medias {
        let port = media.port.to_string();
        line(&[
            "m=",
            &media.media,
            " ",
            &port,
            " ",
            &media.proto,
            " ",
            &media.fmt,
        ]);
        put_attributes(&media.attributes, &mut line);
    }
    debug_assert_eq!(
        octets,
        session.to_string().into_bytes(),
        "no line is left out"
    );
    octets
}

fn put_attributes(attributes: &[Attribute], line: &mut impl FnMut(&[&str])) {
    for Attribute { attribute, value } in attributes {
        match value {
            Some(value) => line(&["a=", attribute, ":", value]),
            None => line(&["a=", attribute]),
        }
    }
}

/// Whether the line is one of audio.
pub fn is_audio(media: &Media) -> bool {
    media.media.eq_ignore_ascii_case("audio")
}

/// The stream's own direction, else the session's, else sendrecv (RFC 3264 section 6.1).
pub fn direction(session: &Session, media: &Media) -> Direction {
    let all = media.attributes.iter().chain(&session.attributes);
    let mut directions = all.filter_map(|it| it.attribute.parse().ok());
    directions.next().unwrap_or_default()
}

/// The t= line that the answer to this offer repeats. A phone sends one; repeat times are nothing to a call.
pub fn time(offer: &Session) -> Time {
    let first = offer.times.first();
    first.map_or(Time::new(0, 0), |t| Time::new(t.start_time, t.stop_time))
}

/// The line that refuses or disables this one (RFC 3264 section 6): port zero, and one of its formats because the grammar
/// wants one.
pub fn refused(media: &Media) -> Media {
    let format = media.fmt.split_ascii_whitespace().next();
    let (kind, proto) = (MediaType::Audio, TransportProto::RtpAvp);
    let mut line = Media::new(kind, 0, proto, format.unwrap_or("0"));
    line.media.clone_from(&media.media);
    line.proto.clone_from(&media.proto);
    line.attributes.extend(mid(media));
    line
}

/// The name that a group may know the line by (RFC 5888).
pub(crate) fn mid(media: &Media) -> Option<Attribute> {
    let mid = media.get_first_attribute_typed::<Mid>()?.ok()?;
    Some(mid.into())
}

/// A part of the peer's description that we repeat cannot end its line.
fn put(octets: &mut Vec<u8>, text: &str) {
    let ends_line = |byte: &u8| matches!(byte, b'\0' | b'\r' | b'\n');
    if text
        .as_bytes()
        .iter()
        .fold(false, |found, byte| found | ends_line(byte))
    {
        octets.extend(text.bytes().filter(|byte| !ends_line(byte)));
    } else {
        octets.extend(text.as_bytes());
    }
}

fn is_control(character: char) -> bool {
    character.is_ascii_control() && !matches!(character, '\r' | '\n')
}

const LONGEST_DESCRIPTION: usize = 64 * 1024;
const MOST_STREAMS: usize = 32;
const TYPICAL_DESCRIPTION: usize = 512;

#[cfg(test)]
mod tests {
    use sdp_types::{Connection, Origin};

    use super::*;

    #[test]
    fn nothing_repeated_ends_its_line() {
        let local = std::net::IpAddr::from([192, 0, 2, 1]);
        let mut session = Session::new(Origin::with_ip_addr(7, 1, local), "-");
        session.connection = Some(Connection::from_ip_addr(local));
        session.times.push(Time::new(0, 1));
        let mut media = Media::new(MediaType::Audio, 9, TransportProto::RtpAvp, "0\0 8");
        media.media.push_str("\r\na=b");
        media.attributes.push(Attribute::with_value("mid", "a\nb"));
        media.attributes.push(Attribute::new("inactive"));
        session.medias.push(media);
        let expected = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 1\r\n\
                        m=audioa=b 9 RTP/AVP 0 8\r\na=mid:ab\r\na=inactive\r\n";
        assert_eq!(String::from_utf8(print(&session)).unwrap(), expected);
    }

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
