//! The audio lines that we write.

use std::{borrow::Cow, cell::OnceCell, fmt};

use crate::{
    Direction, Encoding,
    formats::Formats,
    offer_answer::OurLine,
    remote_audio::{self, AudioStream, PACKET_TIME, RemoteAudio},
    session_description::{Lines, Media},
    srtp::{Crypto, MasterKey},
};

/// What our audio lines say beside what they take from other lines.
#[derive(Clone)]
pub(crate) struct AudioLines {
    /// What we offer, the best first.
    encodings: Cow<'static, [Encoding]>,
    /// Our key where audio is encrypted, made when it is needed.
    key: OnceCell<MasterKey>,
    protection: Protection,
}

/// How audio is protected that we offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// By SRTP with a key in the description ([RFC 4568](https://www.rfc-editor.org/rfc/rfc4568)): who reads the
    /// signalling can decrypt the audio, so it belongs on TLS. Where this is not built in, nothing is protected.
    Sdes,
}

impl AudioLines {
    /// Lines that offer all that we have, unprotected.
    pub(crate) fn new() -> Self {
        Self {
            encodings: Encoding::ALL.into(),
            key: OnceCell::new(),
            protection: Protection::None,
        }
    }

    /// Offers these instead of all that we have.
    pub(crate) fn offer_only(&mut self, encodings: Vec<Encoding>) {
        self.encodings = encodings.into();
    }

    /// Offers audio with this protection. What the peer offers is answered as it is.
    pub(crate) fn protect(&mut self, protection: Protection) {
        self.protection = protection;
    }

    /// Writes the line that offers audio. Gives what may come before the answer; none where the peer's key is needed for it.
    pub(crate) fn offer(&self, line: OurLine<'_>, port: u16) -> Option<Formats> {
        let mut expected = None;
        line.write(|lines, previous, direction| {
            let formats = previous.map(Formats::common).unwrap_or_default();
            let formats = Formats::offered(formats, &self.encodings);
            let enabled = previous.filter(|media| media.port != 0);
            let (protocol, crypto) = match (enabled, self.protection) {
                (Some(enabled), _) => (enabled.protocol, Crypto::read(enabled)),
                (None, Protection::Sdes) => match Crypto::offered(self.key()) {
                    Some(crypto) => ("RTP/SAVP", Some(crypto)),
                    None => ("RTP/AVP", None),
                },
                (None, Protection::None) => ("RTP/AVP", None),
            };
            lines.media("audio", port, protocol, &formats.list());
            formats.write(lines);
            lines.attribute("ptime", &PACKET_TIME.to_string());
            lines.attribute("rtcp-mux", "");
            finish(
                lines,
                crypto.as_ref(),
                previous.and_then(Media::mid),
                direction,
            );
            let is_heard = crypto.is_none() && direction.listens();
            expected = is_heard.then_some(formats);
        });
        expected
    }

    /// Writes the line that accepts this stream (RFC 3264 section 6.1).
    pub(crate) fn answer(&self, line: OurLine<'_>, audio: &RemoteAudio, port: u16) {
        line.write(|lines, offered, direction| {
            let Some(offered) = offered else { return };
            lines.media(offered.kind, port, offered.protocol, &audio.formats.list());
            audio.formats.write(lines);
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
            let theirs = audio.crypto.as_ref();
            let crypto = theirs.map(|theirs| theirs.answered(self.key()));
            finish(lines, crypto.as_ref(), offered.mid(), direction);
        });
    }

    /// What is agreed on in this dialog where the peer's stream is this one.
    pub(crate) fn agreed(
        &self,
        dialog: u64,
        remote: RemoteAudio,
        direction: Direction,
    ) -> AudioStream {
        AudioStream {
            dialog,
            direction,
            srtp: remote.crypto.as_ref().map(|it| it.keys(self.key())),
            remote,
        }
    }

    fn key(&self) -> MasterKey {
        self.key.get_or_init(MasterKey::random).clone()
    }
}

fn finish(lines: &mut Lines, crypto: Option<&Crypto>, mid: Option<&str>, direction: Direction) {
    if let Some(crypto) = crypto {
        lines.attribute("crypto", &crypto.value());
    }
    if let Some(mid) = mid {
        lines.attribute("mid", mid);
    }
    lines.attribute(direction.as_str(), "");
}

/// Shows no key.
impl fmt::Debug for AudioLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioLines").finish_non_exhaustive()
    }
}
