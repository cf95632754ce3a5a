//! Keys of tables whose text a peer chooses.

use std::hash::{BuildHasher, Hash, Hasher};
use std::io::Write;

use siphasher::sip128::{Hash128, Hasher128, SipHasher13};

/// A keyed 128-bit hash that stands for the text it was made from: a Call-ID with two tags, a
/// branch with its sent-by.
///
/// The key is secret and random, so a peer cannot choose two texts that meet, and by chance two of
/// 2^40 live texts meet with probability 2^-48. So a table keeps 16 bytes for a key and copies no
/// text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// 64 of its bits, as a tag or a shard number.
    pub(crate) fn half(self) -> u64 {
        self.0[0]
    }
}

/// It is random already, so half of it is its hash.
impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.half());
    }
}

/// Makes [`Fingerprint`]s with one secret key.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprinter {
    hasher: SipHasher13,
}

impl Fingerprinter {
    pub(crate) fn new([first, second]: [u64; 2]) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(first, second),
        }
    }

    /// The fingerprint of `parts`, each with its length, so that no two lists of parts run together.
    pub(crate) fn of<const N: usize>(&self, parts: [&[u8]; N]) -> Fingerprint {
        // To hash one text is twice as fast as to hash it part by part.
        let mut text = [0; ORDINARY];
        let mut room = text.as_mut_slice();
        let is_written = parts.iter().try_for_each(|part| {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            room.write_all(&length.to_ne_bytes())?;
            room.write_all(part)
        });
        let left = room.len();
        let hash = match (is_written, text.get(..ORDINARY - left)) {
            (Ok(()), Some(text)) => self.hasher.hash(text),
            _ => self.hash_by_part(parts),
        };
        Fingerprint([hash.h1, hash.h2])
    }

    fn hash_by_part<const N: usize>(&self, parts: [&[u8]; N]) -> Hash128 {
        let mut hasher = self.hasher;
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish128()
    }
}

/// A map from fingerprints.
pub(crate) type ByFingerprint<V> = std::collections::HashMap<Fingerprint, V, Already>;

/// A hasher that passes 64 bits on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Already(u64);

impl BuildHasher for Already {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// What the parts of nearly every key have together, in octets.
const ORDINARY: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let fingerprinter = Fingerprinter::new([1, 2]);
        assert_ne!(
            fingerprinter.of([b"ab", b"c"]),
            fingerprinter.of([b"a", b"bc"])
        );
        assert_eq!(
            fingerprinter.of([b"ab", b"c"]),
            fingerprinter.of([b"ab", b"c"])
        );
    }

    #[test]
    fn another_key_gives_other_fingerprints() {
        assert_ne!(
            Fingerprinter::new([1, 2]).of([b"a"]),
            Fingerprinter::new([1, 3]).of([b"a"])
        );
    }
}
