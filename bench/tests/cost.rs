//! What messages and calls take of memory. The figures are exact, so a change that costs more fails here.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use offhook_bench::{Exchange, invite, read_top_headers, response};
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
    let mut exchange = warm();
    let taken = taken_by_each(&mut exchange, Exchange::call);
    println!("a call: {taken:?}");
    assert!(taken.count_total <= CALL, "{taken:?}");
}

#[test]
fn what_is_held_is_small_and_is_given_back() {
    let mut exchange = warm();
    let ringing = taken_by_each(&mut exchange, Exchange::ring);
    println!("an early dialog: {} octets", ringing.bytes_current);
    assert!(ringing.bytes_current <= EARLY, "{ringing:?}");

    let mut exchange = warm();
    let held = measure(|| {
        for number in CALLS..2 * CALLS {
            exchange.establish(number);
        }
        exchange.pass(FORGOTTEN);
    });
    let octets = held.bytes_current / i64::try_from(CALLS).unwrap_or(1);
    println!("a held call: {octets} octets");
    assert!(octets <= HELD, "{octets}");
    assert_eq!(exchange.core.counts().sessions, CALLS);
}

/// A server whose tables have grown to their size.
fn warm() -> Exchange {
    let mut exchange = Exchange::new();
    for number in 0..CALLS {
        exchange.call(number);
    }
    exchange.pass(FORGOTTEN);
    assert_eq!(exchange.core.counts().server_transactions, 0);
    exchange
}

fn taken_by_each<T>(
    exchange: &mut Exchange,
    mut step: impl FnMut(&mut Exchange, usize) -> T,
) -> AllocationInfo {
    let all = measure(|| {
        for number in CALLS..2 * CALLS {
            step(exchange, number);
        }
    });
    let calls = CALLS as u64;
    AllocationInfo {
        count_total: all.count_total.div_ceil(calls),
        count_current: all.count_current,
        bytes_total: all.bytes_total / calls,
        bytes_current: all.bytes_current / i64::try_from(calls).unwrap_or(1),
        ..all
    }
}

const CALLS: usize = 1000;
/// Longer than any transaction lives.
const FORGOTTEN: Duration = Duration::from_secs(40);
/// With the pieces that the four messages of the caller take.
const CALL: u64 = 28;
const EARLY: i64 = 3300;
const HELD: i64 = 580;
