//! Tables by a name that a core gave.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table by a name that a core gave. No peer chooses one, so no secret is needed to spread them.
pub(crate) type ById<Id, V> = HashMap<Id, V, BuildHasherDefault<Spread>>;

/// Multiplies the place and the generation of a name into all bits of a hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        // The table takes its places from the low bits, and the product is best spread in the high ones.
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(GOLDEN_RATIO);
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn neighbours_have_hashes_far_apart() {
        let spread = BuildHasherDefault::<Spread>::default();
        let hashes = (0..1000_u32).map(|place| spread.hash_one((place, 0_u32)));
        let (low, high): (HashSet<_>, HashSet<_>) =
            hashes.map(|hash| (hash % 1024, hash >> 57)).unzip();
        assert!(low.len() > 500, "{}", low.len());
        assert_eq!(high.len(), 128);
    }
}
