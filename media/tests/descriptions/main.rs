//! Descriptions and media through the public API.

mod answers;
mod audio;
mod echo;
mod hold;
mod offers;
mod support;
