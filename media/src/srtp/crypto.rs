//! The a=crypto lines of a description (RFC 4568).

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};

use crate::session_description::Media;

/// One a=crypto line: a suite, and the key of who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crypto {
    tag: u32,
    suite: Suite,
    key: MasterKey,
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(super) suite: Suite,
    pub(super) ours: MasterKey,
    pub(super) theirs: MasterKey,
}

/// AES in counter mode with 128 bits, and a tag of HMAC-SHA1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    Tag80,
    Tag32,
}

/// 16 octets of key and 14 of salt.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey(pub(super) [u8; KEY_AND_SALT]);

impl Crypto {
    /// The first line that we can use. Those with a master key identifier or with session parameters we cannot.
    pub(crate) fn read(media: &Media<'_>) -> Option<Self> {
        let mut lines = media.section.all("crypto").take(MOST_LINES);
        lines.find_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let tag = fields.next()?.parse().ok()?;
            let suite = Suite::by_name(fields.next()?)?;
            let key = MasterKey::read(fields.next()?)?;
            // How large the window against repetition should be is a hint.
            let is_plain = fields.all(|parameter| parameter.starts_with("WSH="));
            is_plain.then_some(Self { tag, suite, key })
        })
    }

    /// The line that we offer.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "there is none where SRTP is not built in"
    )]
    pub(crate) fn offered(key: MasterKey) -> Option<Self> {
        let (tag, suite) = (1, Suite::Tag80);
        Some(Self { tag, suite, key })
    }

    /// Our line where this one is the peer's (RFC 4568 section 5.1.2).
    pub(crate) fn answered(&self, key: MasterKey) -> Self {
        Self { key, ..*self }
    }

    /// Whether this line answers ours.
    pub(crate) fn agrees_with(&self, ours: &Self) -> bool {
        (self.tag, self.suite) == (ours.tag, ours.suite)
    }

    /// What is agreed where this line is the peer's.
    pub(crate) fn keys(&self, ours: MasterKey) -> Keys {
        Keys {
            suite: self.suite,
            ours,
            theirs: self.key.clone(),
        }
    }

    /// The value of its line.
    pub(crate) fn value(&self) -> String {
        let (tag, suite) = (self.tag, self.suite.name());
        let key = STANDARD.encode(self.key.0);
        format!("{tag} {suite} inline:{key}")
    }
}

impl Suite {
    fn by_name(name: &str) -> Option<Self> {
        let mut suites = [Self::Tag80, Self::Tag32].into_iter();
        suites.find(|suite| suite.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The octets of a packet's tag; those of RTCP are always ten.
    pub(super) const fn tag_length(self) -> usize {
        match self {
            Self::Tag80 => 10,
            Self::Tag32 => 4,
        }
    }
}

impl MasterKey {
    #[expect(
        clippy::expect_used,
        reason = "the operating system has random numbers"
    )]
    pub(crate) fn random() -> Self {
        let mut key = [0; _];
        aws_lc_rs::rand::fill(&mut key).expect("random octets");
        Self(key)
    }

    /// Reads `inline:KEY`, with or without a lifetime.
    fn read(text: &str) -> Option<Self> {
        let (method, key) = text.split_once(':')?;
        let mut parts = key.split('|');
        let key = STANDARD.decode(parts.next()?).ok()?;
        let is_plain = parts.all(|part| !part.contains([':', ';']));
        let is_inline = method.eq_ignore_ascii_case("inline") && is_plain;
        is_inline.then(|| key.try_into().ok().map(Self))?
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

const KEY_AND_SALT: usize = 30;
const MOST_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_description::Description;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn read(lines: &[&str]) -> Option<Crypto> {
        let lines = lines.join("\r\na=crypto:");
        let text = format!("v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:{lines}\r\n");
        Crypto::read(&Description::read(&text).unwrap().medias[0])
    }

    #[test]
    fn the_example_of_rfc_4568_is_read_and_written() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20");
        let crypto = read(&[&line]).unwrap();
        assert_eq!((crypto.tag, crypto.suite), (1, Suite::Tag80));
        assert_eq!(crypto.key.0[..5], *b"YS___");
        let written = crypto.value();
        assert_eq!(written, format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
        assert!(!format!("{crypto:?}").contains("YS"), "keys are not shown");
    }

    #[test]
    fn what_cannot_be_used_is_passed_over() {
        let good = format!("7 AES_CM_128_HMAC_SHA1_32 inline:{KEY} WSH=128");
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20;inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:YUJD".to_owned(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}A"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}é", &KEY[..38]),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        ] {
            assert_eq!(read(&[&line]), None, "{line}");
            assert_eq!(read(&[&line, &good]).unwrap().tag, 7, "{line}");
        }
    }

    #[test]
    fn our_keys_are_different() {
        assert_ne!(MasterKey::random(), MasterKey::random());
        let key = MasterKey::random();
        let text = format!("inline:{}", STANDARD.encode(key.0));
        assert_eq!(MasterKey::read(&text), Some(key));
    }
}
