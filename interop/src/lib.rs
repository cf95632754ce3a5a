//! Runs the `offhook` program against peers that nobody here wrote: SIPp, baresip, linphone, Kamailio, and SIP.js
//! and `JsSIP` in Node and Chromium.
//!
//! This library starts the peers and reads what they report; the runs themselves are in `tests/`, one file per topic,
//! SIPp's scenarios in `scenarios/`, and what runs in Node and Chromium in `browser/`. Everything stays on the
//! loopback interface.
//!
//! `cargo xtask interop [FILTER]` builds the program and starts the runs. Started by plain `cargo test`, without
//! the environment variable `OFFHOOK_BIN`, each run says on standard error that it was skipped.
#![forbid(unsafe_code)]

mod baresip;
mod browser;
mod caller;
mod kamailio;
mod linphone;
mod log;
mod name_server;
mod node;
mod offhook;
mod port;
mod process;
mod scratch;
mod sipp;
mod sipp_callee;
mod statistics;
mod transport;
mod wave;
mod wire;

pub use self::{
    baresip::Baresip,
    browser::Browser,
    caller::{Caller, Response},
    kamailio::Kamailio,
    linphone::Linphone,
    name_server::NameServer,
    node::node,
    offhook::{Counts, Offhook, Server},
    port::{free_port, wait_for_udp_port},
    process::{Process, Signal, is_installed},
    scratch::Scratch,
    sipp::{Report, Sipp},
    sipp_callee::SippCallee,
    statistics::Statistics,
    transport::Transport,
    wave::{Wave, longest_tone, tone},
};
