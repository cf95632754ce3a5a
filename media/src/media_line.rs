//! The m= lines that we write.

use crate::{
    Direction, Encoding,
    formats::Formats,
    remote_audio::{self, PACKET_TIME},
    session_description::{Lines, Media},
    srtp::Crypto,
};

/// What an audio line of ours says beside what it takes from another line.
pub(crate) struct MediaLine<'a> {
    pub(crate) port: u16,
    pub(crate) direction: Direction,
    pub(crate) crypto: Option<&'a Crypto>,
}

impl MediaLine<'_> {
    /// Writes the line that answers this one (RFC 3264 section 6.1).
    pub(crate) fn answer(&self, lines: &mut Lines, offered: &Media<'_>, formats: &Formats) {
        lines.media(offered.kind, self.port, offered.protocol, &formats.list());
        formats.write(lines);
        let asked = offered.section.first("ptime");
        if asked.is_some_and(|asked| asked.parse::<u32>().is_ok()) {
            // What the offer asks for is what we take as well.
            let packet_time = remote_audio::packet_time(offered);
            lines.attribute("ptime", &packet_time.to_string());
        }
        // RTCP on the port of RTP, where the peer offers it (RFC 5761).
        if offered.section.has("rtcp-mux") {
            lines.attribute("rtcp-mux", "");
        }
        self.finish(lines, offered.mid());
    }

    /// Writes the line that offers audio, in the place of `previous` where a pair was agreed before.
    pub(crate) fn offer(
        &self,
        lines: &mut Lines,
        previous: Option<&Media<'_>>,
        encodings: &[Encoding],
    ) {
        let agreed = previous.map(Formats::common).unwrap_or_default();
        let formats = Formats::offered(agreed, encodings);
        let protocol = match (previous.filter(|media| media.port != 0), self.crypto) {
            (Some(enabled), _) => enabled.protocol,
            (None, Some(_)) => "RTP/SAVP",
            (None, None) => "RTP/AVP",
        };
        lines.media("audio", self.port, protocol, &formats.list());
        formats.write(lines);
        lines.attribute("ptime", &PACKET_TIME.to_string());
        lines.attribute("rtcp-mux", "");
        self.finish(lines, previous.and_then(Media::mid));
    }

    fn finish(&self, lines: &mut Lines, mid: Option<&str>) {
        if let Some(crypto) = self.crypto {
            lines.attribute("crypto", &crypto.value());
        }
        if let Some(mid) = mid {
            lines.attribute("mid", mid);
        }
        lines.attribute(self.direction.as_str(), "");
    }
}
