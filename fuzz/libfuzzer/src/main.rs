//! One program for all targets, for it takes minutes to build: the environment variable `OFFHOOK_FUZZ` names the target.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use offhook_fuzz::TARGETS;

static RUN: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("OFFHOOK_FUZZ").unwrap_or_default();
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.unwrap_or_else(|| panic!("OFFHOOK_FUZZ names no target: {name:?}"));
        let _ = RUN.set(target.run);
    },
    |octets: &[u8]| {
        if let Some(run) = RUN.get() {
            run(octets);
        }
    }
);
