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

fn hexadecimal(hash: &[u8]) -> String {
    let mut text = String::with_capacity(hash.len() * 2);
    for byte in hash {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
