//! Descriptions and media through the public API.

mod answers;
mod echo;
mod offers;
mod support;
