//! Where a request goes whose next hop has a name, and what becomes of one that cannot go: RFC 3261
//! §8.1.2, §8.1.3.1, §18.4.

use std::net::SocketAddr;

use offhook_core::message::Rejection;
use offhook_core::{Input, Transport};
use offhook_sim::{Draft, PEER, Policy, Simulation, milliseconds, seconds};

fn policy() -> Policy {
    Policy::new().answer().wait(seconds(1)).hang_up()
}

/// A call whose Contact has a name instead of an address, up to the BYE.
fn begin(call: &mut Simulation) {
    let invite = Draft::invite().set("Contact", "<sip:alice@phone.example.com:5080>");
    call.establish(&invite);
    call.run_until(seconds(1));
}

#[test]
fn a_name_is_looked_up_and_the_first_address_is_used() {
    let addresses: [SocketAddr; 2] = [
        "203.0.113.7:5080".parse().expect("an address"),
        "203.0.113.8:5080".parse().expect("an address"),
    ];
    let mut call = Simulation::new(policy()).host("phone.example.com", &addresses);
    begin(&mut call);
    let bye = call.receive("BYE");
    assert_eq!(bye.peer, addresses[0]);
    call.expect(
        "
        ...
        1.0                 * Resolve phone.example.com
        1.0   <------------ BYE
        ",
    );
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        1.0   200 OK        ------->
        1.0                 * Ended LocalBye
        ",
    );
    call.finish();
}

/// RFC 3263 §4.3. It is repeated as often as any (RFC 3261 §17.1.2.2).
#[test]
fn the_next_address_is_used_when_one_cannot_be_reached() {
    let addresses: [SocketAddr; 2] = [
        "203.0.113.7:5080".parse().expect("an address"),
        "203.0.113.8:5080".parse().expect("an address"),
    ];
    let mut call = Simulation::new(policy()).host("phone.example.com", &addresses);
    call.cut_off(addresses[0]);
    begin(&mut call);
    let bye = call.receive("BYE");
    assert_eq!(bye.peer, addresses[1]);
    call.run_until(seconds(3));
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        ...
        1.0                 * Resolve phone.example.com
        1.0   x-------- BYE
        1.0   <------------ BYE
        1.5   <------------ BYE
        2.5   <------------ BYE
        3.0   200 OK        ------->
        3.0                 * Ended LocalBye
        ",
    );
    call.finish();
}

#[test]
fn a_name_without_an_address_ends_the_session() {
    let mut call = Simulation::new(policy()).host("phone.example.com", &[]);
    begin(&mut call);
    call.expect(
        "
        ...
        1.0                 * Resolve phone.example.com
        1.0                 * Ended ByeUnanswered
        ",
    );
    call.finish();
}

/// Timer F runs while nobody knows the address.
#[test]
fn a_name_that_is_never_resolved_ends_the_session_after_32_seconds() {
    let mut call = Simulation::new(policy());
    begin(&mut call);
    call.expect("...");
    let resolve = call.unresolved().expect("the core asked");
    assert_eq!(
        (resolve.host.as_str(), resolve.port),
        ("phone.example.com", Some(5080))
    );
    assert_eq!(resolve.transport, Transport::Udp);
    let transaction = resolve.transaction;
    call.expect("33.0   * Ended ByeUnanswered");
    let late = Input::Resolved {
        transaction,
        flows: Vec::new(),
    };
    call.core(|core, now| core.handle(now, late));
    call.finish();
}

#[test]
fn a_bye_that_cannot_be_delivered_ends_the_session() {
    let mut call = Simulation::new(policy());
    let invite = Draft::invite();
    call.establish(&invite);
    call.expect("...");
    call.cut_off(PEER.parse().expect("an address"));
    call.expect(
        "
        1.0                 * Terminating LocalBye
        1.0   x------------ BYE
        1.0                 * Ended ByeUnanswered
        ",
    );
    call.finish();
}

/// §17.2.4: the application hears of a response that does not arrive, and the call goes on.
#[test]
fn a_response_that_cannot_be_delivered_is_reported() {
    let mut call = Simulation::new(Policy::new().wait(seconds(1)).ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    call.cut_off(PEER.parse().expect("an address"));
    call.expect(
        "
          0.0   INVITE        ------->
          0.0                 * Invite
          0.2   x-------- 100 Trying
          0.2                 * Undelivered
          1.0   x------- 180 Ringing
          1.0                 * Undelivered
        ",
    );
    assert_eq!(call.counts().invites, 1);
    call.expect("...");
    call.run_out();
    call.finish_here();
}

/// RFC 3263 §5: where the connection is gone and nobody is at the address, the name in Via says more.
#[test]
fn the_answer_to_a_client_that_moved_goes_where_its_name_is() {
    let elsewhere: SocketAddr = "203.0.113.8:5080".parse().expect("an address");
    let policy = Policy::new().wait(seconds(1)).answer();
    let mut call = Simulation::new(policy)
        .over(Transport::Tcp)
        .host("client.example.com", &[elsewhere]);
    let invite = Draft::invite().via(
        Transport::Tcp,
        "client.example.com:5080",
        "z9hG4bK776asdhds",
    );
    call.send(&invite);
    call.run_until(milliseconds(500));
    call.cut_off(PEER.parse().expect("an address"));
    call.run_until(milliseconds(1600));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.2   <------------ 100 Trying
        1.0   x-------- 200 OK
        1.0                 * Resolve client.example.com
        1.5   <------------ 200 OK
        ",
    );
    hang_up_from(&mut call, &invite, elsewhere);
    call.expect(
        "
        1.6   ACK           ------->
        1.6   BYE           ------->
        1.6                 * Confirmed
        1.6   <------------ 200 OK
        1.6                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// A response that is repeated may be the first that finds nobody.
#[test]
fn a_repeated_answer_to_a_client_that_moved_goes_where_its_name_is() {
    let elsewhere: SocketAddr = "203.0.113.8:5080".parse().expect("an address");
    let host = "client.example.com:5080";
    let invite = Draft::invite().via(Transport::Tcp, host, "z9hG4bK776asdhds");
    let mut call = Simulation::new(Policy::new().answer())
        .over(Transport::Tcp)
        .host("client.example.com", &[elsewhere]);
    call.send(&invite);
    call.receive("200 OK");
    call.cut_off(PEER.parse().expect("an address"));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.5   x-------- 200 OK
        0.5                 * Resolve client.example.com
        1.5   <------------ 200 OK
        ",
    );
    hang_up_from(&mut call, &invite, elsewhere);
    call.receive("200 OK");
    call.finish_here();

    let policy = Policy::new().ring_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.reject(Rejection::BUSY_HERE))
        .over(Transport::Tcp)
        .host("client.example.com", &[elsewhere]);
    let invite = invite.set("Supported", "100rel");
    call.send(&invite);
    call.receive("180 Ringing");
    call.cut_off(PEER.parse().expect("an address"));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.5   x------- 180 Ringing
        0.5                 * Resolve client.example.com
        0.5   <------- 180 Ringing
        ",
    );
    let ringing = call.receive("180 Ringing");
    assert_eq!(ringing.peer, elsewhere);
    call.send_from(&elsewhere.to_string(), invite.prack(&ringing).bytes());
    call.receive("200 OK");
    call.run_until(seconds(1));
    let ack = invite.ack(&call.receive("486 Busy Here"));
    call.send_from(&elsewhere.to_string(), ack.bytes());
    call.finish_here();
}

/// §18.2.2 and RFC 7118 §5.4: on an open stream the name in a Contact need not exist.
#[test]
fn an_open_stream_needs_no_address() {
    let mut call = Simulation::new(policy()).over(Transport::Ws);
    let invite = Draft::invite()
        .via(Transport::Ws, "df7jal23ls0d.invalid", "z9hG4bK56sdasks")
        .set("Contact", "<sip:alice@df7jal23ls0d.invalid;transport=ws>");
    call.send(&invite);
    let ok = call.receive("200 OK");
    assert_eq!(ok.peer.to_string(), PEER);
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    assert_eq!(bye.peer.to_string(), PEER);
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
}

/// The caller has the 200 elsewhere, acknowledges it and hangs up.
fn hang_up_from(call: &mut Simulation, invite: &Draft, elsewhere: SocketAddr) {
    let ok = call.receive("200 OK");
    assert_eq!(ok.peer, elsewhere);
    for method in ["ACK", "BYE"] {
        let request = invite.in_dialog(method, &ok);
        call.send_from(&elsewhere.to_string(), request.bytes());
    }
}
