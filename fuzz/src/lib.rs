//! What must hold for any octets. A [`Target`] takes them and panics where something does not.
//!
//! `cargo xtask fuzz TARGET SECONDS` lets libFuzzer look for such octets; what it has collected lies in `corpus/TARGET`,
//! and the tests of this crate run all of it.

#![forbid(unsafe_code)]

mod application;
mod core;
mod description;
mod dice;
mod digest;
mod headers;
mod message;
mod multipart;
mod stream;
mod uri;

/// Something that takes octets from the wire.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, and its folder in `corpus`.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "message",
        run: message::run,
    },
    Target {
        name: "stream",
        run: stream::run,
    },
    Target {
        name: "uri",
        run: uri::run,
    },
    Target {
        name: "headers",
        run: headers::run,
    },
    Target {
        name: "multipart",
        run: multipart::run,
    },
    Target {
        name: "sdp",
        run: description::run,
    },
    Target {
        name: "digest",
        run: digest::run,
    },
    Target {
        name: "core",
        run: core::run,
    },
    Target {
        name: "application",
        run: application::run,
    },
];
