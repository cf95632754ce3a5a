//! Calls spread over sixteen cores, as on a machine with as many processors.

use allocation_counter::measure;
use offhook_bench::Shards;

#[test]
fn the_calls_are_spread_evenly() {
    let mut shards = Shards::new(SHARDS);
    for number in 0..CALLS {
        shards.server(number).establish(number);
    }
    let held = shards.servers.iter().map(|it| it.core.counts().sessions);
    let held: Vec<usize> = held.collect();
    println!("{held:?}");
    assert_eq!(held.iter().sum::<usize>(), CALLS);
    let (fewest, most) = (held.iter().min(), held.iter().max());
    let even = CALLS / SHARDS;
    assert!(fewest >= Some(&(even - even / 10)), "{held:?}");
    assert!(most <= Some(&(even + even / 10)), "{held:?}");
}

#[test]
fn a_call_costs_the_same_among_many() {
    let [alone, among] = [1, SHARDS].map(|count| {
        let mut shards = Shards::new(count);
        let mut call = |number: usize| shards.server(number).call(number);
        (0..FEW).for_each(&mut call);
        measure(|| (FEW..2 * FEW).for_each(call)).count_total
    });
    println!("pieces of memory: {alone} by one core, {among} by {SHARDS}");
    assert!(among <= alone + alone / 100);
}

const SHARDS: usize = 16;
const CALLS: usize = 8_000;
const FEW: usize = 2_000;
