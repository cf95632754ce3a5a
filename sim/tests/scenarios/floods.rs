//! Sources that ask too much, and honest calls at the same time: RFC 3261 §26.3.2.4, RFC 5390.

use offhook_core::{Config, Limits, Transport};
use offhook_sim::{Direction, Draft, Policy, Simulation, milliseconds};

fn server(limits: Limits) -> Simulation {
    let config = Config {
        limits,
        ..Config::default()
    };
    Simulation::with_config(Policy::new().answer(), config)
}

/// What the server sent to an address, by status.
fn statuses(call: &Simulation, peer: &str) -> Vec<u16> {
    let sent = call.trace().packets();
    let sent = sent.filter(|packet| packet.direction == Direction::FromServer);
    sent.filter(|packet| packet.peer.to_string() == peer)
        .filter_map(offhook_sim::Packet::status)
        .collect()
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|it| **it == status).count()
}

/// The request number `number` of a source, unlike all others.
fn request(method: &str, peer: &str, number: usize) -> Draft {
    let call_id = format!("{number}@{peer}");
    let branch = format!("z9hG4bK-{number}-{method}");
    let draft = match method {
        "INVITE" => Draft::invite(),
        method => Draft::new(method),
    };
    let draft = draft.set("Call-ID", &call_id);
    draft.via(Transport::Udp, peer, &branch)
}

/// A whole call, which must not be refused.
fn place_call(call: &mut Simulation, peer: &str, number: usize) {
    let invite = request("INVITE", peer, number);
    call.send_from(peer, invite.bytes());
    let ok = call.receive("200 OK");
    assert_eq!(ok.peer.to_string(), peer);
    call.send_from(peer, invite.in_dialog("ACK", &ok).bytes());
    call.send_from(peer, invite.in_dialog("BYE", &ok).bytes());
    call.receive("200 OK");
}

/// Ends the scenario. What came of each packet was looked at before.
fn finish(mut call: Simulation) {
    call.run_out();
    call.finish_here();
}

#[test]
fn a_scan_is_shed_and_its_neighbours_behind_the_nat_are_not() {
    for method in ["OPTIONS", "REGISTER", "BYE", "CANCEL", "DANCE"] {
        let mut call = server(Limits::default());
        let scanner = "203.0.113.9:40000";
        for number in 0..1000 {
            call.send_from(scanner, request(method, scanner, number).bytes());
            if number % 100 == 0 {
                place_call(&mut call, "203.0.113.9:40001", number);
                place_call(&mut call, "203.0.113.10:5060", number);
            }
            call.run_until(milliseconds(number as u64));
        }
        let answers = statuses(&call, scanner);
        assert_eq!(count(&answers, 503), 4, "{method}");
        // 200 at once, and 20 in this second.
        let served = answers.len() - 4;
        assert!((200..=220).contains(&served), "{method}: {served}");
        assert_eq!(call.counts().totals.shed, 1000 - answers.len() as u64);
        // Another port is another source.
        let other = "203.0.113.9:40002";
        call.send_from(other, request("OPTIONS", other, 0).bytes());
        call.receive("200 OK");
        finish(call);
    }
}

/// A server with many calls is one source. What it sends in them, and nobody serves, is not held against it.
#[test]
fn requests_that_are_refused_inside_a_call_are_not_counted() {
    let mut call = server(Limits::default());
    let exchange = "203.0.113.9:5060";
    let invite = request("INVITE", exchange, 0);
    call.send_from(exchange, invite.bytes());
    let ok = call.receive("200 OK");
    call.send_from(exchange, invite.in_dialog("ACK", &ok).bytes());
    for number in 2..1000 {
        let info = invite.in_dialog("INFO", &ok).cseq(number);
        let branch = format!("z9hG4bK-info-{number}");
        let info = info.via(Transport::Udp, exchange, &branch);
        call.send_from(exchange, info.bytes());
        call.receive("405 Method Not Allowed");
    }
    call.send_from(exchange, request("OPTIONS", exchange, 1).bytes());
    call.receive("200 OK");
    let bye = invite.in_dialog("BYE", &ok).cseq(1000);
    call.send_from(exchange, bye.bytes());
    call.receive("200 OK");
    finish(call);
}

/// Nor is a BYE that comes too late, and finds no room for a transaction: each gets its 500.
#[test]
fn a_late_bye_is_answered_however_often_and_not_counted() {
    let limits = Limits {
        transactions: 20,
        ..Limits::default()
    };
    let mut call = server(limits);
    let exchange = "203.0.113.9:5060";
    let invite = request("INVITE", exchange, 0);
    call.send_from(exchange, invite.bytes());
    let ok = call.receive("200 OK");
    call.send_from(exchange, invite.in_dialog("ACK", &ok).bytes());
    for number in 0..500 {
        let branch = format!("z9hG4bK-bye-{number}");
        let late = invite.in_dialog("BYE", &ok).cseq(0);
        let late = late.via(Transport::Udp, exchange, &branch);
        call.send_from(exchange, late.bytes());
    }
    call.send_from(exchange, request("OPTIONS", exchange, 1).bytes());
    let bye = invite.in_dialog("BYE", &ok).cseq(1000);
    call.send_from(exchange, bye.bytes());
    call.run_until(milliseconds(0));
    let answers = statuses(&call, exchange);
    assert_eq!([500, 200].map(|status| count(&answers, status)), [500, 3]);
    finish(call);
}

/// What one call asks for leaves room for the others, of whatever address it says to come.
#[test]
fn one_call_does_not_fill_the_table() {
    for method in ["OPTIONS", "UPDATE", "PRACK", "BYE"] {
        let limits = Limits {
            transactions: 400,
            ..Limits::default()
        };
        let mut call = server(limits);
        let (flood, friend) = ("203.0.113.66:5060", "203.0.113.1:5060");
        let honest = request("INVITE", friend, 0);
        call.send_from(friend, honest.bytes());
        let honest_ok = call.receive("200 OK");
        call.send_from(friend, honest.in_dialog("ACK", &honest_ok).bytes());
        let invite = request("INVITE", flood, 1);
        call.send_from(flood, invite.bytes());
        let ok = call.receive("200 OK");
        call.send_from(flood, invite.in_dialog("ACK", &ok).bytes());
        for number in 0..800 {
            // A BYE that comes too late does not end the session by itself.
            let cseq = if method == "BYE" { 0 } else { 10 + number };
            let branch = format!("z9hG4bK-{number}");
            let inside = invite.in_dialog(method, &ok).cseq(cseq);
            let inside = inside.set("RAck", "1 1 INVITE");
            let inside = inside.via(Transport::Udp, flood, &branch);
            call.send_from(&format!("10.0.0.{}:5060", number % 250), inside.bytes());
        }
        call.run_until(milliseconds(0));
        let taken = call.counts().server_transactions;
        assert!((200..210).contains(&taken), "{method}: {taken}");
        call.send_from(friend, honest.in_dialog("UPDATE", &honest_ok).bytes());
        let updated = call.receive("200 OK");
        assert_eq!(updated.header("CSeq"), Some("2 UPDATE"));
        place_call(&mut call, "203.0.113.2:5060", 2);
        for (peer, invite, ok) in [(friend, honest, honest_ok), (flood, invite, ok)] {
            let bye = invite.in_dialog("BYE", &ok).cseq(9999);
            call.send_from(peer, bye.bytes());
            call.receive("200 OK");
        }
        finish(call);
    }
}

/// What is sent in its name does not silence a trunk that has called before.
#[test]
fn forged_datagrams_keep_no_friend_from_calling() {
    let mut call = server(Limits::default());
    let (trunk, stranger) = ("203.0.113.9:5060", "203.0.113.10:5060");
    place_call(&mut call, trunk, 0);
    for number in 0..1000 {
        for source in [trunk, stranger] {
            call.send_from(source, request("OPTIONS", source, number).bytes());
        }
    }
    place_call(&mut call, trunk, 1);
    let before = call.counts().totals.shed;
    call.send_from(stranger, request("INVITE", stranger, 1).bytes());
    call.run_until(milliseconds(0));
    assert_eq!(call.counts().totals.shed, before + 1);
    finish(call);
}

#[test]
fn a_new_port_for_each_request_does_not_help() {
    let mut call = server(Limits::default());
    place_call(&mut call, "203.0.113.9:1", 0);
    for port in 10_000..15_000 {
        let scanner = format!("203.0.113.9:{port}");
        call.send_from(&scanner, request("OPTIONS", &scanner, port).bytes());
    }
    call.run_until(milliseconds(1));
    let served = call.trace().packets().filter(|packet| {
        packet.status() == Some(200) && packet.header("CSeq") == Some("1 OPTIONS")
    });
    assert_eq!(served.count(), 16 * 200);
    place_call(&mut call, "203.0.113.9:1", 1);
    place_call(&mut call, "203.0.113.9:2", 2);
    finish(call);
}

/// The table fills up with calls that nobody acknowledges. Whoever has called before goes on; strangers do while they are few.
#[test]
fn invites_without_ack_from_one_source() {
    let limits = Limits {
        sessions: 1000,
        ..Limits::default()
    };
    let mut call = server(limits);
    let (flood, friend) = ("203.0.113.66:5060", "203.0.113.1:5060");
    place_call(&mut call, friend, 0);
    for number in 0..3000 {
        call.send_from(flood, request("INVITE", flood, number).bytes());
        if number % 100 == 50 {
            place_call(&mut call, friend, number);
            let stranger = format!("203.0.113.2:{}", 5000 + number);
            place_call(&mut call, &stranger, number);
        }
    }
    call.run_until(milliseconds(0));
    let answers = statuses(&call, flood);
    assert_eq!(count(&answers, 200), 500 + 200);
    assert_eq!(count(&answers, 503), 4);
    let totals = call.counts().totals;
    assert_eq!(totals.shed, 3000 - 704);
    finish(call);
}

/// Nobody can tell strangers apart who all call once. The last eighth is for those who called before.
#[test]
fn invites_from_many_sources() {
    let limits = Limits {
        sessions: 1000,
        ..Limits::default()
    };
    let mut call = server(limits);
    let friend = "203.0.113.1:5060";
    place_call(&mut call, friend, 0);
    for number in 0..2000 {
        let flood = format!("10.0.{}.{}:5060", number / 250, number % 250);
        call.send_from(&flood, request("INVITE", &flood, number).bytes());
        if number % 100 == 50 {
            place_call(&mut call, friend, number);
        }
    }
    call.run_until(milliseconds(0));
    assert_eq!(call.counts().sessions, 875);
    let totals = call.counts().totals;
    assert_eq!(totals.overload, 2000 - 875, "each is told once");
    finish(call);
}

#[test]
fn calls_that_are_cancelled_at_once() {
    let limits = Limits {
        transactions: 4000,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut call = Simulation::with_config(Policy::new(), config);
    let (flood, friend) = ("203.0.113.66:5060", "203.0.113.1:5060");
    for number in 0..3000 {
        let invite = request("INVITE", flood, number);
        call.send_from(flood, invite.bytes());
        call.send_from(flood, invite.cancel().bytes());
        if number % 100 == 50 {
            let invite = request("INVITE", friend, number);
            call.send_from(friend, invite.bytes());
            call.send_from(friend, invite.cancel().bytes());
            let terminated = call.receive("487 Request Terminated");
            call.send_from(friend, invite.ack(&terminated).bytes());
        }
    }
    assert!(call.counts().server_transactions < 2600);
    assert!(call.counts().totals.shed > 1500);
    finish(call);
}
