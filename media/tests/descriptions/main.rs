//! Descriptions and media through the public API.

mod answers;
mod audio;
mod echo;
mod hold;
mod offers;
#[cfg(feature = "sdes")]
mod sdes;
mod support;
