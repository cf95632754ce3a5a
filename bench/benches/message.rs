//! Reading and writing one message.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use offhook_bench::{invite, read_top_headers, response};
use offhook_core::message::{Message, parse};

fn messages(criterion: &mut Criterion) {
    let octets = invite(1);
    criterion.bench_function("parse an INVITE", |bencher| {
        bencher.iter(|| parse(black_box(octets.clone())).is_ok());
    });
    criterion.bench_function("parse an INVITE with its top headers", |bencher| {
        bencher.iter(|| {
            let Ok(Message::Request(request)) = parse(black_box(octets.clone())) else {
                panic!("a request");
            };
            read_top_headers(&request)
        });
    });
    let Ok(Message::Request(request)) = parse(octets) else {
        panic!("a request");
    };
    criterion.bench_function("write a response", |bencher| {
        bencher.iter(|| response(black_box(&request)));
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
