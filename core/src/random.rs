//! Where tags, branches and Call-IDs come from.

use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A cryptographically secure generator seeded by the caller, so that a simulation repeats
/// ([RFC 3261 §19.3](https://www.rfc-editor.org/rfc/rfc3261#section-19.3)).
#[derive(Debug)]
pub(crate) struct Random(ChaCha12Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    pub(crate) fn token(&mut self) -> Token {
        Token(self.0.next_u64())
    }

    /// A number below `bound`, which is small enough for the remainder to favour nothing.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    pub(crate) fn keys(&mut self) -> [u64; 2] {
        [self.0.next_u64(), self.0.next_u64()]
    }
}

/// 64 random bits, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token(pub(crate) u64);

impl Token {
    /// What [`fmt::Display`] writes.
    pub(crate) fn digits(self) -> [u8; 16] {
        let mut rest = self.0;
        let mut digits = [0; 16];
        for digit in digits.iter_mut().rev() {
            *digit = match (rest & 0xf) as u8 {
                value @ 0..10 => b'0' + value,
                value => b'a' + value - 10,
            };
            rest >>= 4;
        }
        digits
    }

    /// Reads what [`fmt::Display`] writes, and nothing else.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let token = Self(u64::from_str_radix(str::from_utf8(text).ok()?, 16).ok()?);
        (*text == token.digits()).then_some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let (mut a, mut b) = (Random::new([7; 32]), Random::new([7; 32]));
        assert_eq!(a.token(), b.token());
        assert_ne!(a.token(), a.token());
    }

    #[test]
    fn a_token_reads_back_only_in_its_own_form() {
        let token = Token(0x0123_4567_89ab_cdef);
        assert_eq!(Token::parse(token.to_string().as_bytes()), Some(token));
        for other in [&b"0123456789ABCDEF"[..], b"+123456789abcdef", b"0", b"\xff"] {
            assert_eq!(Token::parse(other), None);
        }
    }
}
