//! Nonces of ours.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use super::algorithm::DigestAlgorithm;
use crate::random::{Random, Token};

/// Makes nonces and knows them again. A nonce says when it was made, which one it is, and, with a
/// keyed hash, that it is ours: nothing is kept of it until it is used with the right response
/// ([RFC 7616 §3.3](https://www.rfc-editor.org/rfc/rfc7616#section-3.3)).
pub(super) struct Nonces {
    secret: String,
    random: Random,
    /// What the times of nonces count from: the first use.
    begin: Option<Instant>,
    lifetime: Duration,
    /// The counts that were used, by nonce, the oldest first.
    used: BTreeMap<Nonce, Counts>,
    /// No nonce up to this one holds any more: what was used of them is forgotten.
    forgotten: Option<Nonce>,
}

/// When it was made, in ms, and which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nonce(u64, u64);

/// The counts of one nonce that were used: the highest, and which of those right below it.
struct Counts {
    highest: u32,
    below: u64,
}

impl Nonces {
    pub(super) fn new(seed: [u8; 32], lifetime: Duration) -> Self {
        let mut random = Random::new(seed);
        let secret = [(); 4].map(|()| random.token().to_string()).concat();
        Self {
            secret,
            random,
            begin: None,
            lifetime,
            used: BTreeMap::new(),
            forgotten: None,
        }
    }

    /// A nonce that nobody else has, nor can make.
    pub(super) fn issue(&mut self, now: Instant, realm: &str) -> String {
        let nonce = Nonce(self.millis(now), self.random.token().0);
        format!("{nonce}{}", self.seal(nonce, realm))
    }

    /// The nonce, where it is ours, of this realm, and not too old.
    pub(super) fn check(&mut self, now: Instant, text: &str, realm: &str) -> Option<Nonce> {
        let (made, rest) = text.as_bytes().split_at_checked(16)?;
        let (serial, seal) = rest.split_at_checked(16)?;
        let nonce = Nonce(Token::parse(made)?.0, Token::parse(serial)?.0);
        let is_ours: bool = self.seal(nonce, realm).as_bytes().ct_eq(seal).into();
        let is_kept = self.forgotten.is_none_or(|last| last < nonce);
        (is_ours && is_kept && nonce.0 >= self.oldest(now)).then_some(nonce)
    }

    /// Uses a nonce with this count. False where that was done before, or is too long ago to know
    /// ([RFC 7616 §5.5](https://www.rfc-editor.org/rfc/rfc7616#section-5.5)).
    #[must_use]
    pub(super) fn take(&mut self, now: Instant, nonce: Nonce, count: u32) -> bool {
        if let Some(counts) = self.used.get_mut(&nonce) {
            return counts.take(count);
        }
        let oldest = Nonce(self.oldest(now), 0);
        self.used = self.used.split_off(&oldest);
        if self.used.len() >= MOST_NONCES {
            self.forgotten = self.used.pop_first().map(|(nonce, _)| nonce);
        }
        let counts = Counts {
            highest: count,
            below: 0,
        };
        self.used.insert(nonce, counts);
        true
    }

    fn millis(&mut self, now: Instant) -> u64 {
        let begin = *self.begin.get_or_insert(now);
        let since = now.saturating_duration_since(begin);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// The time of the oldest nonce that holds.
    fn oldest(&mut self, now: Instant) -> u64 {
        let lifetime = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        self.millis(now).saturating_sub(lifetime)
    }

    /// A keyed hash, the key outside too, so that nothing can be appended (RFC 2104).
    fn seal(&self, nonce: Nonce, realm: &str) -> String {
        let (hash, secret) = (DigestAlgorithm::Sha256, self.secret.as_bytes());
        let inner = hash.hash([secret, nonce.to_string().as_bytes(), realm.as_bytes()]);
        let mut outer = hash.hash([secret, inner.as_bytes()]);
        outer.truncate(SEAL);
        outer
    }
}

impl Counts {
    fn take(&mut self, count: u32) -> bool {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|it| *it > 0) {
            let below = self.below.checked_shl(ahead).unwrap_or(0);
            self.below = below | 1_u64.checked_shl(ahead - 1).unwrap_or(0);
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = behind.checked_sub(1).and_then(|it| 1_u64.checked_shl(it));
        let Some(bit) = bit.filter(|bit| self.below & bit == 0) else {
            return false;
        };
        self.below |= bit;
        true
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Token(self.0), Token(self.1))
    }
}

/// The secret is not shown.
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("used", &self.used.len())
            .finish_non_exhaustive()
    }
}

/// Of how many nonces the counts are kept. They come from users that know their password.
const MOST_NONCES: usize = 16_384;
/// The length of the keyed hash: 128 bits in hexadecimal digits.
const SEAL: usize = 32;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts its clock somewhere"
)]
mod tests {
    use super::*;

    fn nonces() -> (Nonces, Instant) {
        (Nonces::new([7; 32], Duration::from_mins(5)), Instant::now())
    }

    #[test]
    fn a_nonce_is_known_again_as_long_as_it_lives() {
        let (mut nonces, begin) = nonces();
        let first = nonces.issue(begin, "r");
        assert_ne!(first, nonces.issue(begin, "r"));
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(nonces.check(at(300), &first, "r").is_some());
        assert!(nonces.check(at(301), &first, "r").is_none());
        let second = nonces.issue(at(100), "r");
        assert!(nonces.check(at(400), &second, "r").is_some());
        assert!(nonces.check(at(401), &second, "r").is_none());
        assert!(nonces.check(begin, &first, "other").is_none());
    }

    #[test]
    fn nobody_else_can_make_one() {
        let (mut nonces, begin) = nonces();
        let text = nonces.issue(begin, "r");
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(nonces.check(begin, &other, "r").is_none(), "{other}");
        }
        for other in ["", "0", &text[1..], &text[..63], &format!("{text}0"), "ä"] {
            assert!(nonces.check(begin, other, "r").is_none(), "{other}");
        }
        let mut others = Nonces::new([8; 32], Duration::from_mins(5));
        assert!(others.check(begin, &text, "r").is_none());
    }

    #[test]
    fn a_count_is_good_once() {
        let (mut nonces, now) = nonces();
        let text = nonces.issue(now, "r");
        let nonce = nonces.check(now, &text, "r").unwrap();
        for (count, is_good) in [
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (3, false),
            (60, true),
            (4, true),
            (4, false),
            (200, true),
            (60, false),
            (136, true),
            (135, false),
            (136, false),
            (u32::MAX, true),
            (u32::MAX, false),
            (0, false),
            (200, false),
        ] {
            assert_eq!(nonces.take(now, nonce, count), is_good, "{count}");
        }
    }

    #[test]
    fn what_is_forgotten_holds_no_more() {
        let (mut nonces, begin) = nonces();
        let mut texts = Vec::new();
        for millis in 0..=MOST_NONCES as u64 {
            let now = begin + Duration::from_millis(millis);
            let text = nonces.issue(now, "r");
            let nonce = nonces.check(now, &text, "r").unwrap();
            assert!(nonces.take(now, nonce, 1));
            texts.push(text);
        }
        assert_eq!(nonces.used.len(), MOST_NONCES);
        let now = begin + Duration::from_millis(MOST_NONCES as u64);
        assert!(nonces.check(now, &texts[0], "r").is_none());
        assert!(nonces.check(now, &texts[1], "r").is_some());
        let later = now + Duration::from_mins(6);
        let text = nonces.issue(later, "r");
        let nonce = nonces.check(later, &text, "r").unwrap();
        assert!(nonces.take(later, nonce, 1));
        assert_eq!(nonces.used.len(), 1);
    }
}
