//! Which handler serves an offer.

use offhook_media::{
    AudioHandler,
    session_description::{Description, Media, text},
};

use crate::remote_stream::{RemoteStream, is_enabled, is_secure};

/// How an offer wants its audio sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// RTP/AVP, for the handlers of [`offhook_media`]. They also say what is wrong with an offer that nobody can serve.
    Plain,
    /// RTP over DTLS-SRTP and ICE, for [`WebRtcHandler`](crate::WebRtcHandler).
    WebRtc,
}

impl Profile {
    /// What the first audio stream of `offer` asks for.
    ///
    /// SRTP without a certificate is none of ours: its keys are in the description
    /// ([RFC 4568](https://www.rfc-editor.org/rfc/rfc4568)). Gateways offer both, mostly without ICE: then those keys count,
    /// or a later stream.
    pub fn of(offer: &[u8]) -> Self {
        // Most calls come from telephones: their offers are not read twice.
        let mut lines = offer.split(|octet| *octet == b'\n');
        if !lines.any(is_fingerprint) {
            return Self::Plain;
        }
        let Ok(text) = text(offer) else {
            return Self::Plain;
        };
        let Ok(offer) = Description::read(&text) else {
            return Self::Plain;
        };
        let is_keyed_by_dtls = |media: &Media<'_>| {
            media.section.has("fingerprint") || offer.session.has("fingerprint")
        };
        let streams = offer.medias.iter().filter(|media| media.is_audio());
        let mut streams = streams.filter(|media| is_enabled(media));
        let Some(first) = streams.next() else {
            return Self::Plain;
        };
        if !is_secure(first) || !is_keyed_by_dtls(first) {
            return Self::Plain;
        }
        let is_whole = RemoteStream::read(&offer, first, "0").is_ok();
        let is_plain = |media: &Media<'_>| media.port != 0 && AudioHandler::has_transport(media);
        if !is_whole && (is_plain(first) || streams.any(is_plain)) {
            return Self::Plain;
        }
        Self::WebRtc
    }
}

/// Whether the line may be a fingerprint. [`Description`] takes its name in any case, and [`text`] puts blanks for control
/// characters.
fn is_fingerprint(line: &[u8]) -> bool {
    let Some(line) = line.strip_prefix(b"a=") else {
        return false;
    };
    let is_blank = |octet: &u8| *octet == b' ' || octet.is_ascii_control();
    let mut name = line.iter().skip_while(|octet| is_blank(octet));
    let mut expected = FINGERPRINT.iter();
    expected.all(|octet| name.next().is_some_and(|it| it.eq_ignore_ascii_case(octet)))
}

const FINGERPRINT: &[u8] = b"fingerprint";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &str) -> Profile {
        Profile::of(
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n{lines}").as_bytes(),
        )
    }

    #[test]
    fn the_first_audio_stream_decides() {
        let web_rtc = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 AA\r\n";
        let plain = "m=audio 4000 RTP/AVP 0\r\n";
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 AA\r\n";
        assert_eq!(of(web_rtc), Profile::WebRtc);
        assert_eq!(of(plain), Profile::Plain);
        assert_eq!(of(&format!("{plain}{web_rtc}")), Profile::Plain);
        assert_eq!(of(&format!("{video}{web_rtc}")), Profile::WebRtc);
        assert_eq!(of(video), Profile::Plain);
    }

    #[test]
    fn of_two_ways_to_key_the_one_that_is_whole_counts() {
        let octets = ["AA"; 32].join(":");
        let fingerprint = format!("a=fingerprint:sha-256 {octets}\r\na=setup:actpass\r\n");
        let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
        let ice = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
        let mux = "a=rtcp-mux\r\n";
        let secure = format!("m=audio 4000 RTP/SAVPF 0\r\n{fingerprint}");
        for keys in ["", ice, mux] {
            let stream = format!("{secure}{keys}");
            assert_eq!(of(&format!("{stream}{key}")), Profile::Plain, "{keys}");
            // What is missing is told.
            let other = key.replace("_80", "_256");
            assert_eq!(of(&format!("{stream}{other}")), Profile::WebRtc, "{keys}");

            let later = "m=audio 4002 RTP/AVP 0\r\n";
            assert_eq!(of(&format!("{stream}{later}")), Profile::Plain, "{keys}");
            let disabled = later.replace("4002", "0");
            assert_eq!(of(&format!("{stream}{disabled}")), Profile::WebRtc);
        }
        let whole = format!("{secure}{mux}{key}");
        assert_eq!(of(&format!("{whole}{ice}")), Profile::WebRtc);
        assert_eq!(of(&format!("{ice}{whole}")), Profile::WebRtc);
        let weak = whole.replace("sha-256", "sha-1");
        assert_eq!(of(&format!("{weak}{ice}")), Profile::Plain);
    }

    #[test]
    fn a_fingerprint_is_needed_somewhere() {
        assert_eq!(
            of("a=fingerprint:sha-256 AA\r\nm=audio 9 RTP/SAVPF 0\r\n"),
            Profile::WebRtc
        );
        assert_eq!(
            of("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AA\r\n"),
            Profile::Plain
        );
        for name in ["Fingerprint", "FINGERPRINT", "\0 fingerprint\t"] {
            assert_eq!(
                of(&format!("a={name}:sha-256 AA\r\nm=audio 9 RTP/SAVPF 0\r\n")),
                Profile::WebRtc,
                "{name:?}"
            );
        }
        assert_eq!(Profile::of(b"garbage"), Profile::Plain);
    }
}
