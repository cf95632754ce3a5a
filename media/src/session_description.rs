//! Session descriptions (RFC 8866): what offers and answers need of them is read where it stands, and ours are written
//! line by line.

use std::{borrow::Cow, net::IpAddr};

use memchr::memchr;

use crate::{DescriptionError, Direction, Incompatibility};

/// The text of a description of up to 64 KiB. Octets that are not UTF-8, as in a Latin-1 session name, are replaced, and
/// so are control characters: an answer repeats parts of its offer.
pub fn text(content: &[u8]) -> Result<Cow<'_, str>, DescriptionError> {
    if content.len() > LONGEST_DESCRIPTION {
        return Err(DescriptionError::TooLarge {
            octets: content.len(),
            limit: LONGEST_DESCRIPTION,
        });
    }
    let text = str::from_utf8(content).map_or_else(|_| String::from_utf8_lossy(content), Cow::from);
    // Without a way out in the middle, several octets are looked at together.
    let octets = content.iter();
    let has_control = octets.fold(false, |found, octet| found | is_control(*octet));
    Ok(if has_control {
        let is_control = |it: char| u8::try_from(it).is_ok_and(is_control);
        text.replace(is_control, " ").into()
    } else {
        text
    })
}

const fn is_control(octet: u8) -> bool {
    octet.is_ascii_control() && !matches!(octet, b'\r' | b'\n')
}

/// A description, read where it stands. Lines that an offer or an answer does not need are passed over.
#[derive(Debug)]
pub struct Description<'a> {
    /// What is said of the whole session.
    pub session: Section<'a>,
    /// Up to 32.
    pub medias: Vec<Media<'a>>,
    time: Option<(&'a str, &'a str)>,
}

/// An m= line and what belongs to it.
#[derive(Debug)]
pub struct Media<'a> {
    /// `audio`, for example.
    pub kind: &'a str,
    /// Zero where the stream is refused or disabled.
    pub port: u16,
    /// `RTP/AVP`, for example.
    pub protocol: &'a str,
    /// The payload types, where that is what the protocol has.
    pub formats: &'a str,
    /// What is said of the stream.
    pub section: Section<'a>,
}

/// The c= and a= lines of a session or a stream.
#[derive(Debug, Default)]
pub struct Section<'a> {
    connection: Option<Connection<'a>>,
    attributes: Vec<(&'a str, &'a str)>,
}

/// A c= line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection<'a> {
    pub(crate) network: &'a str,
    pub(crate) family: &'a str,
    pub(crate) address: &'a str,
}

impl<'a> Description<'a> {
    /// Reads what [`text`] gave.
    ///
    /// # Errors
    ///
    /// It is malformed, or has more streams than are handled.
    pub fn read(text: &'a str) -> Result<Self, DescriptionError> {
        let mut rest = Some(text);
        let lines = std::iter::from_fn(|| {
            let (line, behind) = cut(rest?, b'\n');
            rest = behind;
            Some(line.strip_suffix('\r').unwrap_or(line))
        });
        let mut lines = lines.zip(1..).filter(|(line, _)| !line.is_empty());
        let malformed = |line, fault| DescriptionError::Malformed { line, fault };
        if lines.next().is_none_or(|(line, _)| line != "v=0") {
            return Err(malformed(1, "is not v=0"));
        }
        let mut session = Section::default();
        let (mut medias, mut time) = (Vec::<Media<'_>>::new(), None);
        for (line, number) in lines {
            let (letter, value) = line
                .split_at_checked(2)
                // What we repeat of a line must not end one of ours.
                .filter(|(letter, value)| letter.ends_with('=') && cut(value, b'\r').1.is_none())
                .ok_or(malformed(number, "is not one letter, = and a value"))?;
            if letter == "m=" {
                if medias.len() == MOST_STREAMS {
                    return Err(Incompatibility::TooManyStreams.into());
                }
                let media = Media::read(value);
                medias.push(
                    media.ok_or(malformed(number, "is not kind, port, protocol and formats"))?,
                );
                continue;
            }
            let section = medias.last_mut().map_or(&mut session, |it| &mut it.section);
            match letter {
                "c=" => {
                    let connection = Connection::read(value);
                    let connection = connection
                        .ok_or(malformed(number, "is not network, family and address"))?;
                    section.connection.get_or_insert(connection);
                }
                "t=" => {
                    let read = read_time(value);
                    time.get_or_insert(read.ok_or(malformed(number, "has no two times"))?);
                }
                "a=" => {
                    let (name, value) = cut(value, b':');
                    let value = value.unwrap_or_default().trim_ascii();
                    section.attributes.push((name.trim_ascii(), value));
                }
                _ => {}
            }
        }
        Ok(Self {
            session,
            medias,
            time,
        })
    }

    /// The start and the end of the first t= line, which an answer repeats. Phones have one, and repeat times are nothing
    /// to a call.
    pub fn time(&self) -> (&'a str, &'a str) {
        self.time.unwrap_or(ALWAYS)
    }

    /// The stream's own direction, else the session's, else sendrecv (RFC 3264 section 6.1).
    pub fn direction(&self, media: &Media<'_>) -> Direction {
        let own = media.section.direction();
        own.or_else(|| self.session.direction()).unwrap_or_default()
    }

    /// The stream's own c= line, else the session's. Of several, which only multicast uses, the first counts.
    pub(crate) fn connection(&self, media: &Media<'a>) -> Option<Connection<'a>> {
        media.section.connection.or(self.session.connection)
    }
}

impl<'a> Media<'a> {
    fn read(value: &'a str) -> Option<Self> {
        let (kind, rest) = cut(value, b' ');
        let (ports, rest) = cut(rest?, b' ');
        let (protocol, formats) = cut(rest?, b' ');
        let (port, _) = cut(ports, b'/');
        let port = port.parse().ok()?;
        let media = Self {
            kind,
            port,
            protocol,
            // Some peers leave out the list of a refused stream.
            formats: formats.or_else(|| (port == 0).then_some(""))?,
            section: Section::default(),
        };
        let format = media.format();
        // Answers repeat these, and are kept for as long as the call.
        let is_short = [kind, protocol, format]
            .iter()
            .all(|field| field.len() <= LONGEST_FIELD);
        let mut protocols = protocol.split('/');
        (is_short && is_token(kind) && protocols.all(is_token) && is_token(format)).then_some(media)
    }

    /// The first of the formats. Some peers leave the list of a disabled stream empty, which the grammar does not.
    fn format(&self) -> &'a str {
        let mut formats = self.formats.split_ascii_whitespace();
        formats.next().unwrap_or("0")
    }

    /// Whether the line is one of audio.
    pub fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// The name that a group may know the line by, if it is one (RFC 5888 section 4).
    pub fn mid(&self) -> Option<&'a str> {
        let is_name = |mid: &&str| {
            (1..=LONGEST_MID).contains(&mid.len()) && mid.bytes().all(|b| b.is_ascii_graphic())
        };
        self.section.first("mid").filter(is_name)
    }
}

impl<'a> Section<'a> {
    /// The names and values of all attributes, in their order. One without a value has an empty one.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.attributes.iter().copied()
    }

    /// The values of the attributes of this name, in any case, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let attributes = self.attributes.iter();
        let named = attributes.filter(move |(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// The value of the first attribute of this name.
    pub fn first(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether there is an attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    fn direction(&self) -> Option<Direction> {
        let mut names = self.attributes.iter().map(|(name, _)| name);
        names.find_map(|name| Direction::parse(name))
    }
}

impl<'a> Connection<'a> {
    fn read(value: &'a str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let connection = Self {
            network: fields.next()?,
            family: fields.next()?,
            address: fields.next()?,
        };
        fields.next().is_none().then_some(connection)
    }
}

/// What stands in front of this octet, and behind it where it is there. On texts this short, what std has for it takes
/// three times as many instructions.
fn cut(text: &str, octet: u8) -> (&str, Option<&str>) {
    let place = memchr(octet, text.as_bytes());
    let parts = place.and_then(|place| Some((text.get(..place)?, text.get(place + 1..)?)));
    parts.map_or((text, None), |(before, behind)| (before, Some(behind)))
}

fn read_time(value: &str) -> Option<(&str, &str)> {
    let (start, stop) = value.trim_ascii().split_once(' ')?;
    let stop = stop.trim_ascii_start();
    let is_number =
        |it: &str| it.len() <= LONGEST_TIME && !it.starts_with('+') && it.parse::<u64>().is_ok();
    let are_numbers = is_number(start) && is_number(stop);
    are_numbers.then_some((start, stop))
}

/// A token of RFC 8866 section 9.
fn is_token(text: &str) -> bool {
    let is_in_token = |octet: u8| {
        octet.is_ascii_graphic()
            && !matches!(octet, b'"' | b'(' | b')' | b',' | b'/' | b':'..=b'@' | b'['..=b']')
    };
    !text.is_empty() && text.bytes().all(is_in_token)
}

/// Lines of a description of ours.
#[derive(Debug, Default)]
pub struct Lines {
    /// What the c= line says, and the o= line.
    pub(crate) address: String,
    text: String,
}

impl Lines {
    /// Those that every description of ours has behind its o= line. An answer repeats the time of its offer.
    pub(crate) fn new(address: IpAddr, time: (&str, &str)) -> Self {
        let mut lines = Self {
            address: described(address),
            text: String::with_capacity(TYPICAL_DESCRIPTION),
        };
        lines.text.extend(["s=-\r\nc=", &lines.address, "\r\n"]);
        lines.put(&["t=", time.0, " ", time.1]);
        lines
    }

    /// Writes a line, in parts that end none.
    pub fn put(&mut self, parts: &[&str]) {
        for part in parts {
            debug_assert!(!part.contains(['\r', '\n']), "{part:?} is one line");
            self.text.push_str(part);
        }
        self.text.push_str("\r\n");
    }

    /// Writes an a= line; one without a value where that is empty.
    pub fn attribute(&mut self, name: &str, value: &str) {
        let colon = if value.is_empty() { "" } else { ":" };
        self.put(&["a=", name, colon, value]);
    }

    /// Writes an m= line.
    pub fn media(&mut self, kind: &str, port: u16, protocol: &str, formats: &str) {
        let port = port.to_string();
        self.put(&["m=", kind, " ", &port, " ", protocol, " ", formats]);
    }

    /// Writes the line that refuses or disables this one (RFC 3264 section 6): port zero, and one of its formats because
    /// the grammar wants one.
    pub fn refused(&mut self, media: &Media<'_>) {
        self.media(media.kind, 0, media.protocol, media.format());
        if let Some(mid) = media.mid() {
            self.attribute("mid", mid);
        }
    }

    /// What is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Network, family and address. `Ipv4Addr` writes itself through the formatter.
fn described(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let octets = address.octets().map(|octet| octet.to_string());
            ["IN IP4 ", &octets.join(".")].concat()
        }
        IpAddr::V6(address) => format!("IN IP6 {address}"),
    }
}

/// The t= line of a call, which has no end that is known.
pub const ALWAYS: (&str, &str) = ("0", "0");

/// The family as c= lines name it.
pub(crate) const fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

const LONGEST_DESCRIPTION: usize = 64 * 1024;
const MOST_STREAMS: usize = 32;
const LONGEST_MID: usize = 256;
/// Of an m= line. `DCCP/TLS/RTP/SAVPF` and `webrtc-datachannel` have 18 octets.
const LONGEST_FIELD: usize = 32;
/// The digits of the largest time that is read. Zeros in front could go on for ever.
const LONGEST_TIME: usize = 20;
const TYPICAL_DESCRIPTION: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

    #[test]
    fn reads_up_to_its_bounds() {
        let line = "m=audio 4000 RTP/AVP 0\r\n";
        let fits = format!("{HEAD}{}", line.repeat(MOST_STREAMS));
        assert_eq!(Description::read(&fits).unwrap().medias.len(), MOST_STREAMS);

        let streams = format!("{HEAD}{}", line.repeat(MOST_STREAMS + 1));
        assert!(matches!(
            Description::read(&streams),
            Err(DescriptionError::NotAcceptable(
                Incompatibility::TooManyStreams
            ))
        ));

        let long = format!("{HEAD}a={}\r\n", "x".repeat(LONGEST_DESCRIPTION));
        assert!(matches!(
            text(long.as_bytes()),
            Err(DescriptionError::TooLarge { .. })
        ));
    }

    #[test]
    fn what_an_answer_repeats_is_short() {
        let longest = "x".repeat(LONGEST_FIELD);
        let longer = "x".repeat(LONGEST_FIELD + 1);
        let is_read = |line: &str| Description::read(&format!("v=0\r\n{line}\r\n")).is_ok();
        for field in [longest.as_str(), "udp-x.1", "*"] {
            assert!(is_read(&format!("m={field} 0 {field} {field}")), "{field}");
        }
        for field in [longer.as_str(), "J\u{fffd}rg", "a,b", "<a>", "[a]"] {
            assert!(!is_read(&format!("m={field} 0 RTP/AVP 0")), "{field}");
            assert!(!is_read(&format!("m=video 0 {field} 0")), "{field}");
            assert!(!is_read(&format!("m=video 0 RTP/AVP {field}")), "{field}");
        }
        assert!(!is_read("m=video 0 RTP//AVP 0") && !is_read("m= 0 RTP/AVP 0"));
        assert!(is_read("m=video 0 RTP/AVP "));
        assert!(is_read("t=00000000000000000000 0") && !is_read("t=000000000000000000000 0"));
    }

    #[test]
    fn a_line_belongs_to_the_m_line_before_it() {
        let text = "v=0\r\na=group:BUNDLE a\r\nc=IN IP4 192.0.2.1\r\n\
                    m=audio 4000/2 RTP/AVP 0 8\r\na=mid: a\r\n\
                    m=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.2\r\nc=IN IP4 192.0.2.3\r\na=rtcp-mux\r\n";
        let description = Description::read(text).unwrap();
        assert_eq!(description.session.first("group"), Some("BUNDLE a"));
        let [audio, video] = &description.medias[..] else {
            panic!("{description:?}");
        };
        assert_eq!((audio.port, audio.formats), (4000, "0 8"));
        assert_eq!((audio.mid(), video.mid()), (Some("a"), None));
        assert!(video.section.has("rtcp-mux") && !audio.section.has("rtcp-mux"));
        let addresses = [audio, video].map(|it| description.connection(it).unwrap().address);
        assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);
    }

    #[test]
    fn reads_latin_1_and_bare_line_feeds() {
        let content = b"v=0\no=J\xf6rg 1 1 IN IP4 192.0.2.1\ns=Gespr\xe4ch\n\nt=1 2\n";
        let text = text(content).unwrap();
        assert_eq!(Description::read(&text).unwrap().time(), ("1", "2"));
    }

    #[test]
    fn control_characters_go_no_further() {
        let content = format!("{HEAD}m=video 4000 RTP/AVP 0\x1b[2J\0\r\n");
        let text = text(content.as_bytes()).unwrap();
        let description = Description::read(&text).unwrap();
        assert_eq!(description.medias[0].formats, "0 [2J ");
    }

    #[test]
    fn names_of_attributes_are_read_in_any_case_and_between_blanks() {
        for name in [
            "inactive",
            "Inactive",
            "INACTIVE ",
            "inactive\t",
            " inactive",
        ] {
            let content = format!("{HEAD}m=audio 4000 RTP/AVP 0\r\na={name}\r\na=MID\t:a\r\n");
            let text = text(content.as_bytes()).unwrap();
            let description = Description::read(&text).unwrap();
            let media = &description.medias[0];
            assert_eq!(
                description.direction(media),
                Direction::Inactive,
                "{name:?}"
            );
            assert_eq!(media.mid(), Some("a"));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (content, line, fault) in [
            ("", 1, "is not v=0"),
            ("hello", 1, "is not v=0"),
            ("v=1\r\n", 1, "is not v=0"),
            ("s=-\r\nv=0\r\n", 1, "is not v=0"),
            ("v=0\r\nm=audio\r\n", 2, MEDIA),
            ("v=0\r\n\r\nm=audio 4000 RTP/AVP\r\n", 3, MEDIA),
            ("v=0\r\nm=audio 65536 RTP/AVP 0\r\n", 2, MEDIA),
            ("v=0\r\nt=0\r\n", 2, "has no two times"),
            ("v=0\r\nt=0 +1\r\n", 2, "has no two times"),
            ("v=0\r\nc=IN IP4\r\n", 2, CONNECTION),
            ("v=0\r\nc=IN IP4 192.0.2.1 x\r\n", 2, CONNECTION),
            ("v=0\r\na=mid:a\rb\r\n", 2, LINE),
            ("v=0\r\né=\r\n", 2, LINE),
            ("v=0\r\n=\r\n", 2, LINE),
        ] {
            let error = Description::read(content).unwrap_err().to_string();
            let told = format!("malformed session description: line {line} {fault}");
            assert_eq!(error, told, "{content:?}");
        }
    }

    const MEDIA: &str = "is not kind, port, protocol and formats";
    const CONNECTION: &str = "is not network, family and address";
    const LINE: &str = "is not one letter, = and a value";
}
