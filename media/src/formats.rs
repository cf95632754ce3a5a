//! Audio formats: payload type numbers and what they stand for.

use std::borrow::Cow;

use crate::{
    codec::Encoding,
    session_description::{Lines, Media},
};

/// The formats of one audio stream, in order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formats(Vec<Format>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Format {
    payload_type: u8,
    kind: Kind,
    /// The telephone events of RFC 4733 section 2.4.1; empty for speech.
    events: Cow<'static, str>,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 20 ms or so of speech.
    Speech(Encoding),
    /// A key (RFC 4733).
    TelephoneEvent {
        /// Ticks of the RTP timestamp in a second.
        clock_rate: u32,
    },
}

impl Formats {
    /// Those of the peer's formats that we have, in the peer's order. Empty without a speech codec: telephone-event alone
    /// is no audio.
    pub fn common(media: &Media<'_>) -> Self {
        let mut listed = Vec::new();
        let mut seen = 0_u128;
        let numbers = media.formats.split_ascii_whitespace();
        for number in numbers.filter_map(parse_number) {
            if seen & (1 << number) == 0 {
                listed.push(Listed {
                    number,
                    ..Listed::default()
                });
            }
            seen |= 1 << number;
        }
        for line in media.section.all("rtpmap") {
            Listed::say(&mut listed, line, |listed| &mut listed.mapping);
        }
        for line in media.section.all("fmtp") {
            Listed::say(&mut listed, line, |listed| &mut listed.parameters);
        }
        Self(listed.into_iter().filter_map(Listed::format).collect()).with_speech()
    }

    /// What we offer: the formats agreed before under their numbers (RFC 3264 section 8.3.2), and others of `encodings`.
    pub(crate) fn offered(agreed: Self, encodings: &[Encoding]) -> Self {
        let mut formats = agreed.0;
        let speech = encodings
            .iter()
            .map(|encoding| (encoding.payload_type(), Kind::Speech(*encoding)));
        for (payload_type, kind) in speech.chain(EVENTS_OFFERED) {
            if formats
                .iter()
                .all(|f| f.kind != kind && f.payload_type != payload_type)
            {
                formats.push(Format {
                    payload_type,
                    kind,
                    events: kind.events(None),
                });
            }
        }
        Self(formats).with_speech()
    }

    /// Those that stand in `offered` under the same number as well. Empty without a speech codec.
    #[must_use]
    pub fn within(mut self, offered: &Self) -> Self {
        self.0.retain(|format| {
            offered
                .0
                .iter()
                .any(|o| (o.payload_type, o.kind) == (format.payload_type, format.kind))
        });
        self.with_speech()
    }

    /// Those of a kind that stands in `other` as well, whatever its number there.
    pub(crate) fn shared_with(&self, other: &Self) -> Self {
        let formats = self.0.iter();
        let shared = formats.filter(|it| other.payload_type(it.kind).is_some());
        Self(shared.cloned().collect()).with_speech()
    }

    /// Without the events that have the clock of no speech: they could not be sent beside it (RFC 4733 section 2.1).
    fn with_speech(mut self) -> Self {
        let formats = self.0.iter();
        let speech: Vec<_> = formats.filter_map(|it| it.kind.speech()).collect();
        if speech.len() < self.0.len() {
            let clocks: Vec<_> = speech.into_iter().map(Encoding::clock_rate).collect();
            self.0.retain(|it| clocks.contains(&it.kind.clock_rate()));
        }
        self
    }

    /// The speech that keys can be pressed beside first, where there is one.
    pub(crate) fn preferring_keys(mut self) -> Self {
        let place = self
            .0
            .iter()
            .position(|format| self.has_keys_beside(format));
        if let Some(before_and_it) = place.and_then(|place| self.0.get_mut(..=place)) {
            before_and_it.rotate_right(1);
        }
        self
    }

    /// Whether keys can be pressed beside the speech that the peer likes best: events have its clock
    /// (RFC 4733 section 2.1).
    pub fn has_keys(&self) -> bool {
        let speech = self.0.iter().find(|format| format.kind.speech().is_some());
        speech.is_some_and(|speech| self.has_keys_beside(speech))
    }

    fn has_keys_beside(&self, format: &Format) -> bool {
        let events = format.kind.speech().map(|speech| Kind::TelephoneEvent {
            clock_rate: speech.clock_rate(),
        });
        events.is_some_and(|events| self.payload_type(events).is_some())
    }

    /// Whether there is no speech.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a payload of this type is; `None` where it was not agreed on.
    pub fn kind(&self, payload_type: u8) -> Option<Kind> {
        let format = self.0.iter().find(|f| f.payload_type == payload_type);
        Some(format?.kind)
    }

    /// The speech that the peer likes best, and its payload type.
    pub(crate) fn speech(&self) -> Option<(u8, Encoding)> {
        let mut formats = self.0.iter();
        formats.find_map(|f| Some((f.payload_type, f.kind.speech()?)))
    }

    /// The payload type of this kind.
    pub(crate) fn payload_type(&self, kind: Kind) -> Option<u8> {
        let format = self.0.iter().find(|f| f.kind == kind);
        Some(format?.payload_type)
    }

    /// The format list of an m= line.
    pub fn list(&self) -> String {
        let mut list = String::new();
        for format in &self.0 {
            let space = if list.is_empty() { "" } else { " " };
            list.extend([space, &format.payload_type.to_string()]);
        }
        list
    }

    /// Writes the a=rtpmap and a=fmtp lines.
    pub fn write(&self, lines: &mut Lines) {
        for format in &self.0 {
            let number = format.payload_type.to_string();
            lines.put(&["a=rtpmap:", &number, " ", &format.kind.mapping()]);
            if !format.events.is_empty() {
                lines.put(&["a=fmtp:", &number, " ", &format.events]);
            }
        }
    }
}

impl Kind {
    /// An rtpmap's `name/rate[/channels]` (RFC 8866 section 6.6).
    fn mapping(self) -> Cow<'static, str> {
        match self {
            Self::Speech(encoding) => encoding.mapping().into(),
            Self::TelephoneEvent { clock_rate } => format!("{TELEPHONE_EVENT}/{clock_rate}").into(),
        }
    }

    /// The kind of an rtpmap's `name/rate[/channels]`.
    fn by_mapping(mapping: &str) -> Option<Self> {
        // One channel is what is meant where none are said.
        let mapping = mapping.strip_suffix("/1").unwrap_or(mapping);
        let mut encodings = Encoding::ALL.iter().copied();
        if let Some(encoding) = encodings.find(|it| it.mapping().eq_ignore_ascii_case(mapping)) {
            return Some(Self::Speech(encoding));
        }
        let (name, clock_rate) = mapping.split_once('/')?;
        let clock_rate = clock_rate.parse().ok()?;
        let is_event = name.eq_ignore_ascii_case(TELEPHONE_EVENT);
        is_event.then_some(Self::TelephoneEvent { clock_rate })
    }

    /// The codec that RFC 3551 section 6 gives this number.
    fn by_static_number(payload_type: u8) -> Option<Self> {
        let mut encodings = Encoding::ALL.iter().copied();
        let encoding = encodings.find(|it| it.payload_type() == payload_type)?;
        (payload_type < FIRST_DYNAMIC).then_some(Self::Speech(encoding))
    }

    /// Ticks of the timestamp in a second.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Speech(encoding) => encoding.clock_rate(),
            Self::TelephoneEvent { clock_rate } => clock_rate,
        }
    }

    fn speech(self) -> Option<Encoding> {
        match self {
            Self::Speech(encoding) => Some(encoding),
            Self::TelephoneEvent { .. } => None,
        }
    }

    /// The peer's list of events where it is one, else the DTMF keys, which are the default (RFC 4733 section 2.4.1).
    fn events(self, parameters: Option<&str>) -> Cow<'static, str> {
        if self.speech().is_some() {
            return "".into();
        }
        let is_list = |text: &&str| {
            let mut octets = text.bytes();
            text.len() <= LONGEST_EVENT_LIST
                && octets.all(|b| b.is_ascii_digit() || matches!(b, b',' | b'-'))
        };
        match parameters.filter(is_list) {
            None | Some(DTMF_EVENTS) => DTMF_EVENTS.into(),
            Some(list) => list.to_owned().into(),
        }
    }
}

/// A number of an m= line, and what is said of it.
#[derive(Default)]
struct Listed<'a> {
    number: u8,
    mapping: Option<&'a str>,
    parameters: Option<&'a str>,
}

impl<'a> Listed<'a> {
    /// Takes `<payload type> <value>`. The first line of a number counts.
    fn say(
        listed: &mut [Self],
        line: &'a str,
        value_of: impl FnOnce(&mut Self) -> &mut Option<&'a str>,
    ) {
        if let Some((number, value)) = line.split_once(' ')
            && let Some(number) = parse_number(number)
            && let Some(listed) = listed.iter_mut().find(|it| it.number == number)
        {
            value_of(listed).get_or_insert(value.trim_ascii());
        }
    }

    /// The format, where we have it.
    fn format(self) -> Option<Format> {
        let kind = match self.mapping {
            Some(mapping) => Kind::by_mapping(mapping),
            None => Kind::by_static_number(self.number),
        }?;
        Some(Format {
            payload_type: self.number,
            kind,
            events: kind.events(self.parameters),
        })
    }
}

fn parse_number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|&number| number < PAYLOAD_TYPES)
}

const EVENTS_OFFERED: [(u8, Kind); 2] = [
    (101, Kind::TelephoneEvent { clock_rate: 8000 }),
    (110, Kind::TelephoneEvent { clock_rate: 48_000 }),
];
const TELEPHONE_EVENT: &str = "telephone-event";
const PAYLOAD_TYPES: u8 = 128;
/// From here on numbers mean what a description says (RFC 3551 section 6).
const FIRST_DYNAMIC: u8 = 96;
const DTMF_EVENTS: &str = "0-15";
/// All 256 events are `0-255`; a list that names many singly is not needed to say what we take.
const LONGEST_EVENT_LIST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_description::Description;

    fn read(text: &str) -> Formats {
        Formats::common(&Description::read(text).unwrap().medias[0])
    }

    fn common(lines: &str) -> String {
        let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n{lines}");
        let formats = read(&text);
        let mut lines = Lines::default();
        formats.write(&mut lines);
        let attributes = lines.as_str().replace("\r\na=", " | ");
        let attributes = attributes.trim_end().trim_start_matches("a=");
        format!("{} | {attributes}", formats.list())
    }

    #[test]
    fn static_numbers_need_no_rtpmap() {
        assert_eq!(
            common("m=audio 4000 RTP/AVP 18 8 3 0\r\n"),
            "8 0 | rtpmap:8 PCMA/8000 | rtpmap:0 PCMU/8000"
        );
    }

    #[test]
    fn dynamic_numbers_are_known_by_their_rtpmap() {
        assert_eq!(
            common(
                "m=audio 4000 RTP/AVP 97 96 98\r\na=rtpmap:96 pcmu/8000/1\r\n\
                 a=rtpmap:97 PCMU/16000\r\na=rtpmap:98 PCMA/8000/2\r\n"
            ),
            "96 | rtpmap:96 PCMU/8000"
        );
    }

    #[test]
    fn an_rtpmap_overrules_the_static_number() {
        assert_eq!(
            common("m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 opus/48000\r\n"),
            "8 | rtpmap:8 PCMA/8000"
        );
    }

    #[test]
    fn telephone_event_keeps_the_offers_number_and_events() {
        assert_eq!(
            common(
                "m=audio 4000 RTP/AVP 0 96 97\r\na=rtpmap:96 telephone-event/48000\r\n\
                 a=rtpmap:97 Telephone-Event/8000\r\na=fmtp:97 0-16,32\r\n"
            ),
            "0 97 | rtpmap:0 PCMU/8000 | rtpmap:97 telephone-event/8000 | fmtp:97 0-16,32"
        );
    }

    #[test]
    fn keys_choose_a_speech_of_their_clock() {
        let formats = |lines: &str| read(&format!("v=0\r\nm=audio 4000 RTP/AVP {lines}"));
        let events = "0 8 101\r\na=rtpmap:0 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
        let in_order = formats(events);
        assert!(in_order.has_keys());
        assert_eq!(in_order.clone().preferring_keys(), in_order);
        let none = formats("0 8\r\n");
        assert!(!none.has_keys());
        assert_eq!(none.clone().preferring_keys(), none);
        if cfg!(feature = "opus") {
            let opus =
                "111 8 0 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
            let first = formats(opus);
            assert!(!first.has_keys());
            let mended = first.preferring_keys();
            assert!(mended.has_keys());
            assert_eq!(mended.list(), "8 111 0 101");
        }
    }

    #[test]
    fn an_odd_event_list_is_replaced() {
        assert!(
            common(
                "m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n\
                 a=fmtp:97 events=all\r\n"
            )
            .ends_with("fmtp:97 0-15")
        );
    }

    #[test]
    fn telephone_event_alone_is_no_audio() {
        assert_eq!(
            common("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 telephone-event/8000\r\n"),
            " | "
        );
    }

    #[test]
    fn a_number_counts_once_and_odd_numbers_not_at_all() {
        assert_eq!(
            common("m=audio 4000 RTP/AVP 0 0 128 999 -1 x 0\r\n"),
            "0 | rtpmap:0 PCMU/8000"
        );
    }

    #[test]
    fn an_offer_keeps_agreed_numbers_and_adds_the_rest() {
        let text = "v=0\r\nm=audio 4000 RTP/AVP 101 96\r\na=rtpmap:101 PCMA/8000\r\n\
                    a=rtpmap:96 telephone-event/8000\r\n";
        let offered = Formats::offered(read(text), Encoding::ALL);
        assert!(offered.list().starts_with("101 96 "), "{}", offered.list());
        let fresh = Formats::offered(Formats::default(), Encoding::ALL).list();
        assert!(fresh.contains("9 0 8 101"), "{fresh}");
        assert_eq!(fresh.contains("111"), cfg!(feature = "opus"));
        let one = Formats::offered(Formats::default(), &[Encoding::G722]).list();
        assert_eq!(one, "9 101");
    }
}
