//! Runs what the fuzzers have collected, the torture messages, and octets drawn by chance.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use offhook_fuzz::{TARGETS, Target};

#[test]
fn the_corpus() {
    for target in TARGETS {
        let files = files(&root().join("corpus").join(target.name));
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            run(target, &fs::read(&file).unwrap(), &file.display());
        }
    }
}

#[test]
fn the_corpus_is_of_targets_and_small() {
    let mut octets = 0;
    for folder in files(&root().join("corpus")) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(TARGETS.iter().any(|it| it.name == name), "{name}");
        let sizes = files(&folder).into_iter();
        octets += sizes.map(|it| it.metadata().unwrap().len()).sum::<u64>();
    }
    assert!(octets < 1 << 20, "{octets} octets");
}

#[test]
fn the_torture_messages() {
    let torture = root().join("../message/tests/torture");
    let rfcs = ["rfc4475", "rfc5118"].map(|rfc| torture.join(rfc));
    for file in rfcs.iter().flat_map(|rfc| files(rfc)) {
        let octets = fs::read(&file).unwrap();
        for target in TARGETS {
            run(target, &octets, &file.display());
        }
    }
}

#[test]
fn octets_drawn_by_chance() {
    let mut random = Random(0x0FF4_00C4);
    for target in TARGETS {
        for round in 0..ROUNDS {
            let length = random.next() % 400;
            let octets: Vec<u8> = (0..length)
                .map(|_| random.next().to_le_bytes()[0])
                .collect();
            run(target, &octets, &format_args!("round {round}"));
        }
    }
}

fn run(target: &Target, octets: &[u8], what: &dyn std::fmt::Display) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(octets)));
    let name = target.name;
    assert!(outcome.is_ok(), "{name}: {what}: {}", octets.escape_ascii());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|it| panic!("{}: {it}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The xorshift generator: the same octets in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 20
    }
}

const ROUNDS: usize = 500;
