//! Unlikely numbers for session ids and synchronization sources.

use std::hash::{BuildHasher, RandomState};

/// A number that nobody else is likely to choose.
///
/// The standard library's hash keys come from the operating system once per thread and differ at each call. That is
/// enough for numbers which must be distinct; they protect nothing.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}
