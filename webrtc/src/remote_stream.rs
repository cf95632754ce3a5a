//! The peer's audio stream, found in its description and put as str0m reads it.

use std::fmt::Write;

use offhook_media::{Formats, Incompatibility, session_description::direction};
use sdp_types::{Direction, Media, Mid, Session};

/// The one stream of a description that we share, and what it takes to answer it.
pub(crate) struct RemoteStream {
    /// Which m= line it is.
    pub(crate) place: usize,
    pub(crate) mid: String,
    /// As the peer says it: `SendOnly` means that the peer sends.
    pub(crate) direction: Direction,
    /// The peer's certificates; other ones ask for a new DTLS association (RFC 8842 section 4).
    pub(crate) fingerprints: Vec<String>,
    /// Those that we have too, in the peer's order.
    pub(crate) formats: Formats,
    /// The stream alone, without anything that is not needed. What a peer may write is checked here, so that str0m sees
    /// nothing that it stumbles over.
    pub(crate) text: String,
}

impl RemoteStream {
    /// Reads the stream at `place`. `mid` names it where the peer does not.
    pub(crate) fn read(
        session: &Session,
        place: usize,
        mid: &str,
    ) -> Result<Self, Incompatibility> {
        let media = session
            .medias
            .get(place)
            .ok_or(Incompatibility::MediaType)?;
        if !is_secure(media) {
            return Err(Incompatibility::TransportProtocol);
        }
        let attributes = Attributes { session, media };
        let fingerprints: Vec<_> = attributes.all("fingerprint").map(str::to_owned).collect();
        let (Some(ufrag), Some(password), Some(fingerprint)) = (
            attributes.token("ice-ufrag"),
            attributes.token("ice-pwd"),
            fingerprints.iter().find(|value| is_sha_256(value)),
        ) else {
            return Err(Incompatibility::MediaSecurity);
        };
        if !media.has_attribute("rtcp-mux") {
            return Err(Incompatibility::MediaSecurity);
        }
        let direction = direction(session, media);
        let formats = Formats::common(media);
        if formats.is_empty() {
            return Err(Incompatibility::MediaFormat);
        }
        let mid = match mid_of(media) {
            Some(mid) if mid.len() <= LONGEST_MID => mid,
            Some(_) => return Err(Incompatibility::MediaSecurity),
            None => mid.to_owned(),
        };
        let setup = attributes.token("setup").unwrap_or("actpass");
        let lite = if session.has_attribute("ice-lite") {
            "a=ice-lite\r\n"
        } else {
            ""
        };
        let list = formats.list();
        let mut text = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n{lite}\
             m=audio 9 UDP/TLS/RTP/SAVPF {list}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=fingerprint:{fingerprint}\r\n\
             a=setup:{setup}\r\na={direction}\r\na=rtcp-mux\r\n",
        );
        for line in formats.attributes() {
            let value = line.value.unwrap_or_default();
            // Writing to a string does not fail.
            let _ = write!(text, "a={}:{value}\r\n", line.attribute);
        }
        text.extend(mid_extension(media));
        for source in sources(media) {
            let _ = write!(text, "a=ssrc:{source} cname:peer\r\n");
        }
        Ok(Self {
            place,
            mid,
            direction,
            fingerprints,
            formats,
            text,
        })
    }
}

/// Whether a stream asks for DTLS-SRTP. Older peers write it without `UDP/TLS` (RFC 8829 section 5.1.2).
pub(crate) fn is_secure(media: &Media) -> bool {
    [
        "UDP/TLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "RTP/SAVPF",
        "RTP/SAVP",
    ]
    .iter()
    .any(|profile| media.proto.eq_ignore_ascii_case(profile))
}

/// Whether the stream is there: in a bundle, port zero can mean that it has none of its own (RFC 9143 section 6).
pub(crate) fn is_enabled(media: &Media) -> bool {
    media.port != 0 || media.has_attribute("bundle-only")
}

/// The name of a stream, if it is one (RFC 5888 section 4).
pub(crate) fn mid_of(media: &Media) -> Option<String> {
    let Mid(mid) = media.get_first_attribute_typed::<Mid>()?.ok()?;
    is_token(&mid).then_some(mid)
}

/// The attributes of a stream; those of the session stand in where it has none.
struct Attributes<'a> {
    session: &'a Session,
    media: &'a Media,
}

impl<'a> Attributes<'a> {
    fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let own = self.media.get_attribute_values(name);
        let shared = self.session.get_attribute_values(name);
        let shared = shared.filter(|_| !self.media.has_attribute(name));
        own.chain(shared).flatten().map(str::trim)
    }

    fn token(&self, name: &'a str) -> Option<&'a str> {
        self.all(name).next().filter(|value| is_token(value))
    }
}

/// The line that lets packets name their stream (RFC 9143 section 15).
fn mid_extension(media: &Media) -> Option<String> {
    let mut values = media.get_attribute_values("extmap").flatten();
    values.find_map(|value| {
        let (id, uri) = value.trim().split_once(' ')?;
        let id: u8 = id.split('/').next()?.parse().ok()?;
        let fits = (1..=14).contains(&id) && uri.trim() == MID_EXTENSION;
        fits.then(|| format!("a=extmap:{id} {MID_EXTENSION}\r\n"))
    })
}

/// The synchronization sources that the peer announces (RFC 5576).
fn sources(media: &Media) -> Vec<u32> {
    let mut sources = Vec::new();
    for value in media.get_attribute_values("ssrc").flatten() {
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
/// RFC 8839 section 5.4 lets an ICE password have 256 characters.
const LONGEST_TOKEN: usize = 256;
/// What str0m keeps of a name; RFC 9143 section 15.1 wants three octets or fewer.
const LONGEST_MID: usize = 16;
