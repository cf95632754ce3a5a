//! Hash functions.

use std::fmt::Write;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A hash function of digest authentication, the weakest first
/// ([RFC 7616 §6.1](https://www.rfc-editor.org/rfc/rfc7616#section-6.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// MD5, which every server knows.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512T256,
}

impl DigestAlgorithm {
    /// All of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Sha512T256, Self::Sha256, Self::Md5];

    /// The name, as challenges have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512T256 => "SHA-512-256",
        }
    }

    /// The hash of these parts with colons between them, in hexadecimal digits.
    pub(super) fn hash<const N: usize>(self, parts: [&[u8]; N]) -> String {
        let text = parts.join(&b":"[..]);
        match self {
            Self::Md5 => hexadecimal(&Md5::digest(text)),
            Self::Sha256 => hexadecimal(&Sha256::digest(text)),
            Self::Sha512T256 => hexadecimal(&Sha512_256::digest(text)),
        }
    }
}

/// What a challenge or its answer names: a hash function, and whether the secret is hashed again
/// with the nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Algorithm {
    pub(super) hash: DigestAlgorithm,
    pub(super) is_session: bool,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let session = name.len().checked_sub(SESSION.len());
        let (base, is_session) = match session.and_then(|at| name.split_at_checked(at)) {
            Some((base, behind)) if behind.eq_ignore_ascii_case(SESSION) => (base, true),
            _ => (name, false),
        };
        let mut all = DigestAlgorithm::ALL.into_iter();
        let hash = all.find(|it| base.eq_ignore_ascii_case(it.as_str()))?;
        Some(Self { hash, is_session })
    }
}

fn hexadecimal(hash: &[u8]) -> String {
    let mut text = String::with_capacity(hash.len() * 2);
    for byte in hash {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const SESSION: &str = "-sess";
