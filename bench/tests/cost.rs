//! What messages and calls take of memory. The figures are exact, so a change that costs more fails here.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use offhook_bench::{Exchange, OFFER, Pair, Tag, describe, invite, read_top_headers, response};
use offhook_core::message::{Message, Request, parse};

fn parsed() -> Request {
    match parse(invite(1)) {
        Ok(Message::Request(request)) => request,
        other => panic!("a request, not {other:?}"),
    }
}

#[test]
fn an_invite_is_read_without_memory() {
    let octets = invite(1);
    assert!((1000..1200).contains(&octets.len()), "{}", octets.len());
    let taken = measure(|| {
        let Ok(Message::Request(request)) = parse(octets) else {
            panic!("a request");
        };
        assert!(read_top_headers(&request).is_ok());
    });
    assert_eq!(taken.count_total, 0);
}

#[test]
fn a_response_takes_one_piece_of_memory() {
    let request = parsed();
    let mut octets = None;
    let taken = measure(|| octets = Some(response(&request)));
    assert_eq!(taken.count_total, 1);
    assert_eq!(
        taken.bytes_total,
        octets.map_or(0, |octets| octets.len() as u64)
    );
}

#[test]
fn a_call_takes_few_pieces_of_memory() {
    let mut exchange = Exchange::new();
    hold_and_end(&mut exchange);
    let taken = measure(|| (0..CALLS).for_each(|number| exchange.call(number)));
    assert_pieces("a call taken", &taken, TAKEN);

    let mut pair = Pair::new();
    (0..CALLS).for_each(|_| pair.call());
    pair.pass(FORGOTTEN);
    let taken = measure(|| (0..CALLS).for_each(|_| pair.call()));
    assert_pieces("a call placed and taken", &taken, PLACED_AND_TAKEN);
}

/// With its share of the tables. They grow by doubling, and are nearly full here.
#[test]
fn what_is_held_is_small() {
    let mut exchange = Exchange::new();
    let early = measure(|| (0..CALLS).for_each(|number| exchange.ring(number)));
    assert_octets("an early dialog with its transaction", &early, CALLS, EARLY);

    let mut exchange = Exchange::new();
    let held = measure(|| {
        for number in 0..CALLS {
            exchange.establish(number);
            // So few transactions live at once that their table is no part of the figure.
            exchange.pass(APART);
        }
        exchange.pass(FORGOTTEN);
    });
    assert_octets("a confirmed dialog", &held, CALLS, CONFIRMED);
    assert_eq!(exchange.core.counts().sessions, CALLS);

    let mut exchange = Exchange::new();
    let ended = measure(|| (0..CALLS).for_each(|number| exchange.call(number)));
    let transactions = exchange.core.counts().server_transactions;
    assert_eq!(transactions, 2 * CALLS);
    assert_octets("a transaction", &ended, transactions, TRANSACTION);
}

#[test]
fn descriptions_are_small_and_take_few_pieces_of_memory() {
    let mut handler = None;
    let taken = measure(|| handler = Some(describe(OFFER)));
    assert_octets("descriptions that are held", &taken, 1, DESCRIBED);
    let pieces = taken.count_total;
    println!("descriptions: {pieces} pieces of memory");
    assert!(pieces <= DESCRIBING, "{pieces} pieces");
}

/// Once the tables have their size, calls that are over leave nothing behind, to the octet.
#[test]
fn what_was_held_is_given_back() {
    let mut exchange = Exchange::new();
    // A hash table that was nearly full grows once more when it is filled again.
    (0..2).for_each(|_| hold_and_end(&mut exchange));
    let left = measure(|| hold_and_end(&mut exchange));
    assert_eq!(left.bytes_current, 0);
    assert_eq!(left.count_current, 0);
    let counts = exchange.core.counts();
    assert_eq!(
        (counts.invites, counts.sessions, counts.server_transactions),
        (0, 0, 0)
    );
    assert_eq!(counts.timers, 0);
}

fn establish(exchange: &mut Exchange) -> Vec<Tag> {
    (0..CALLS)
        .map(|number| exchange.establish(number))
        .collect()
}

/// All calls at once, until the last of them is forgotten.
fn hold_and_end(exchange: &mut Exchange) {
    let tags = establish(exchange);
    for (number, tag) in tags.iter().enumerate() {
        exchange.hang_up(number, tag);
    }
    exchange.pass(FORGOTTEN);
}

fn assert_pieces(what: &str, taken: &AllocationInfo, most: u64) {
    let calls = CALLS as u64;
    let (pieces, octets) = (
        taken.count_total.div_ceil(calls),
        taken.bytes_total.div_ceil(calls),
    );
    println!("{what}: {pieces} pieces of memory, {octets} octets");
    assert!(pieces <= most, "{what}: {pieces} pieces, more than {most}");
}

fn assert_octets(what: &str, taken: &AllocationInfo, count: usize, most: u64) {
    let octets = taken.bytes_current.unsigned_abs().div_ceil(count as u64);
    println!("{what}: {octets} octets");
    assert!(octets <= most, "{what}: {octets} octets, more than {most}");
}

/// A little less than seven eighths of a power of two, which is what a hash table holds before it grows.
const CALLS: usize = 1_750;
const APART: Duration = Duration::from_millis(400);
/// Longer than any transaction lives.
const FORGOTTEN: Duration = Duration::from_secs(40);
/// With one for each message of the caller.
const TAKEN: u64 = 12;
const PLACED_AND_TAKEN: u64 = 27;
const EARLY: u64 = 3_147;
const CONFIRMED: u64 = 592;
const TRANSACTION: u64 = 522;
/// With the handler itself, and a key where SRTP is built in.
const DESCRIBED: u64 = 304;
const DESCRIBING: u64 = 26;
