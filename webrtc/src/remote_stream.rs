//! The peer's audio stream, found in its description and put as str0m reads it.

use std::fmt::Write;

use offhook_media::{
    Direction, Formats, Incompatibility,
    session_description::{Description, Lines, Media},
};

/// The one stream of a description that we share, and what it takes to answer it.
pub struct RemoteStream {
    pub(crate) mid: String,
    /// As the peer says it: `SendOnly` means that the peer sends.
    pub(crate) direction: Direction,
    /// The peer's certificates, by SHA-256; other ones ask for a new DTLS association (RFC 8842 section 4).
    pub(crate) fingerprints: Vec<String>,
    /// Those that we have too, in the peer's order.
    pub(crate) formats: Formats,
    /// The stream alone, without anything that is not needed. What a peer may write is checked here, so that str0m sees
    /// nothing that it stumbles over.
    pub(crate) text: String,
}

impl RemoteStream {
    /// Reads the stream of this line. `mid` names it where the peer does not.
    pub(crate) fn read(
        description: &Description<'_>,
        media: &Media<'_>,
        mid: &str,
    ) -> Result<Self, Incompatibility> {
        if !is_secure(media) {
            return Err(Incompatibility::TransportProtocol);
        }
        let attributes = Attributes { description, media };
        let fingerprints = attributes.all("fingerprint").filter(|it| is_sha_256(it));
        let fingerprints: Vec<_> = fingerprints
            .take(MOST_FINGERPRINTS)
            .map(str::to_owned)
            .collect();
        let (Some(ufrag), Some(password), Some(fingerprint)) = (
            attributes.token("ice-ufrag"),
            attributes.token("ice-pwd"),
            fingerprints.first(),
        ) else {
            return Err(Incompatibility::MediaSecurity);
        };
        if !media.section.has("rtcp-mux") {
            return Err(Incompatibility::MediaSecurity);
        }
        let direction = description.direction(media);
        let formats = Formats::common(media);
        if formats.is_empty() {
            return Err(Incompatibility::MediaFormat);
        }
        let mid = media.mid().unwrap_or(mid);
        if mid.len() > LONGEST_MID {
            return Err(Incompatibility::MediaSecurity);
        }
        let setup = attributes.token("setup").unwrap_or("actpass");
        let lite = if description.session.has("ice-lite") {
            "a=ice-lite\r\n"
        } else {
            ""
        };
        let list = formats.list();
        let mut text = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n{lite}\
             m=audio 9 UDP/TLS/RTP/SAVPF {list}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=fingerprint:{fingerprint}\r\n\
             a=setup:{setup}\r\na={}\r\na=rtcp-mux\r\n",
            direction.as_str()
        );
        let mut lines = Lines::default();
        formats.write(&mut lines);
        text.push_str(lines.as_str());
        text.extend(mid_extension(media));
        for source in sources(media) {
            // Writing to a string does not fail.
            let _ = write!(text, "a=ssrc:{source} cname:peer\r\n");
        }
        Ok(Self {
            mid: mid.to_owned(),
            direction,
            fingerprints,
            formats,
            text,
        })
    }
}

/// Whether a stream asks for DTLS-SRTP. Older peers write it without `UDP/TLS` (RFC 8829 section 5.1.2).
pub(crate) fn is_secure(media: &Media<'_>) -> bool {
    [
        "UDP/TLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "RTP/SAVPF",
        "RTP/SAVP",
    ]
    .iter()
    .any(|profile| media.protocol.eq_ignore_ascii_case(profile))
}

/// Whether the stream is there: in a bundle, port zero can mean that it has none of its own (RFC 9143 section 6).
pub(crate) fn is_enabled(media: &Media<'_>) -> bool {
    media.port != 0 || media.section.has("bundle-only")
}

/// The attributes of a stream; those of the session stand in where it has none.
struct Attributes<'a> {
    description: &'a Description<'a>,
    media: &'a Media<'a>,
}

impl<'a> Attributes<'a> {
    fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let own = &self.media.section;
        let shared = Some(&self.description.session).filter(|_| !own.has(name));
        own.all(name)
            .chain(shared.into_iter().flat_map(move |it| it.all(name)))
    }

    fn token(&self, name: &'a str) -> Option<&'a str> {
        self.all(name).next().filter(|value| is_token(value))
    }
}

/// The line that lets packets name their stream (RFC 9143 section 15).
fn mid_extension(media: &Media<'_>) -> Option<String> {
    media.section.all("extmap").find_map(|value| {
        let (id, uri) = value.split_once(' ')?;
        let id: u8 = id.split('/').next()?.parse().ok()?;
        let fits = (1..=14).contains(&id) && uri.trim() == MID_EXTENSION;
        fits.then(|| format!("a=extmap:{id} {MID_EXTENSION}\r\n"))
    })
}

/// The synchronization sources that the peer announces (RFC 5576).
fn sources(media: &Media<'_>) -> Vec<u32> {
    let mut sources = Vec::new();
    for value in media.section.all("ssrc") {
        let source = value.split_ascii_whitespace().next();
        let source = source.and_then(|it| it.parse().ok()).filter(|it| *it != 0);
        if let Some(source) = source.filter(|it| !sources.contains(it)) {
            sources.push(source);
        }
        if sources.len() == MOST_SOURCES {
            break;
        }
    }
    sources
}

/// `sha-256` and 32 octets in hexadecimal, parted by colons (RFC 8122 section 5).
fn is_sha_256(value: &str) -> bool {
    let Some((hash, octets)) = value.split_once(' ') else {
        return false;
    };
    hash.eq_ignore_ascii_case("sha-256")
        && octets.split(':').count() == 32
        && octets
            .split(':')
            .all(|octet| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

const MID_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const MOST_SOURCES: usize = 4;
/// They are kept for as long as the call. Browsers have one certificate.
const MOST_FINGERPRINTS: usize = 4;
/// RFC 8839 section 5.4 lets an ICE password have 256 characters.
const LONGEST_TOKEN: usize = 256;
/// What str0m keeps of a name; RFC 9143 section 15.1 wants three octets or fewer.
const LONGEST_MID: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_fingerprints_are_kept_and_only_usable_ones() {
        let fingerprint = |octet: u8| {
            let octets = vec![format!("{octet:02X}"); 32];
            format!("sha-256 {}", octets.join(":"))
        };
        let mut text = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=ice-ufrag:a\r\n\
                        a=ice-pwd:b\r\na=fingerprint:sha-1 AA\r\n"
            .to_owned();
        for octet in 0..9 {
            text.extend(["a=fingerprint:", &fingerprint(octet), "\r\n"]);
        }
        let description = Description::read(&text).unwrap();
        let stream = RemoteStream::read(&description, &description.medias[0], "0").unwrap();
        let expected: Vec<_> = (0..4).map(fingerprint).collect();
        assert_eq!(stream.fingerprints, expected);
    }
}
