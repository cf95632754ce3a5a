//! Calls in virtual time: what of a call is neither the network nor the runtime.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use offhook_bench::Exchange;

fn calls(criterion: &mut Criterion) {
    let mut exchange = Exchange::new();
    let mut number = 0;
    criterion.bench_function("INVITE, 180, 200, ACK, BYE, 200", |bencher| {
        bencher.iter(|| {
            number += 1;
            exchange.call(number);
            exchange.pass(Duration::from_millis(1));
        });
    });
}

criterion_group!(benches, calls);
criterion_main!(benches);
