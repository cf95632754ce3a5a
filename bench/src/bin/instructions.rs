//! Does one thing so many times, for a tool that counts instructions: `instructions THING[:COUNT] TIMES`.
//!
//! Everything happens in virtual time and from fixed seeds, so two runs take the same way. What the start and the end of
//! the program take is in the count: who subtracts the count for fewer times is rid of it. `cargo xtask instructions` does.

#![forbid(unsafe_code)]

use std::env::args;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use offhook_bench::{OFFER, Pair, Shards, describe, invite, read_top_headers, response};
use offhook_core::message::{Message, Request, parse};

fn main() {
    let arguments: Vec<String> = args().skip(1).collect();
    let [thing, times] = &arguments[..] else {
        panic!("instructions THING[:COUNT] TIMES");
    };
    let times = times.parse().expect("a number of times");
    let (thing, count) = thing.split_once(':').unwrap_or((thing, "0"));
    let count = count.parse().expect("a number behind the colon");
    match thing {
        "parse" => {
            let octets = invite(1);
            for _ in 0..times {
                black_box(read_top_headers(&parsed(octets.clone())).is_ok());
            }
        }
        "respond" => {
            let request = parsed(invite(1));
            for _ in 0..times {
                black_box(response(black_box(&request)));
            }
        }
        "describe" => {
            for _ in 0..times {
                black_box(describe(black_box(OFFER)));
            }
        }
        "take" => take(&mut Shards::new(1), 0, times),
        "take-with-held" => take(&mut holding(count), count, times),
        "take-with-shards" => take(&mut Shards::new(count), 0, times),
        "place-and-take" => {
            let mut pair = Pair::new();
            for _ in 0..times {
                pair.call();
                pair.pass(BETWEEN);
            }
            pair.pass(FORGOTTEN);
        }
        _ => panic!("{thing:?} is unknown here"),
    }
}

/// One shard with so many calls, whose transactions are forgotten.
fn holding(count: usize) -> Shards {
    let mut shards = Shards::new(1);
    for number in 0..count {
        let server = shards.server(number);
        server.establish(number);
        server.pass(BETWEEN);
    }
    shards.server(0).pass(FORGOTTEN);
    shards
}

/// So many calls from `first` on, until they are forgotten.
fn take(shards: &mut Shards, first: usize, times: usize) {
    for number in first..first + times {
        let server = shards.server(number);
        server.call(number);
        server.pass(BETWEEN);
    }
    for server in &mut shards.servers {
        server.pass(FORGOTTEN);
    }
}

fn parsed(octets: Bytes) -> Request {
    match parse(black_box(octets)) {
        Ok(Message::Request(request)) => request,
        other => panic!("a request, not {other:?}"),
    }
}

const BETWEEN: Duration = Duration::from_millis(1);
/// Longer than any transaction lives.
const FORGOTTEN: Duration = Duration::from_secs(40);
