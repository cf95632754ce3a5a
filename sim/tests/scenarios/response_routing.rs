//! Where responses go: RFC 3261 §18.2.1, §18.2.2, RFC 3581 §4.

use offhook_core::Transport;
use offhook_sim::{Draft, Packet, Policy, SERVER, Simulation};

/// Sends OPTIONS with this Via from this address; the answer.
fn answer(transport: Transport, via: &str, from: &str) -> Packet {
    let mut call = Simulation::new(Policy::new()).over(transport);
    call.send_from(from, Draft::new("OPTIONS").set("Via", via).bytes());
    let answer = call.receive("200 OK");
    call.finish_here();
    answer
}

#[test]
fn to_the_address_of_the_packet_and_the_port_of_sent_by() {
    let from = "203.0.113.1:40000";
    for (sent_by, to, received) in [
        ("203.0.113.1:5070", "203.0.113.1:5070", ""),
        ("203.0.113.1", "203.0.113.1:5060", ""),
        (
            "192.168.0.5:5070",
            "203.0.113.1:5070",
            ";received=203.0.113.1",
        ),
        (
            "phone.example.com",
            "203.0.113.1:5060",
            ";received=203.0.113.1",
        ),
    ] {
        let via = format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK1");
        let answer = answer(Transport::Udp, &via, from);
        assert_eq!(answer.peer.to_string(), to, "{sent_by}");
        let expected = format!("{via}{received}");
        assert_eq!(answer.header("Via"), Some(expected.as_str()));
        assert_eq!(answer.flow.local, SERVER, "from where the request came to");
    }
}

/// RFC 3581 §4: rport asks for the port the packet came from, and gets `received` too.
#[test]
fn rport_asks_for_the_port_of_the_packet() {
    let via = "SIP/2.0/UDP 203.0.113.1:5070;rport;branch=z9hG4bK1";
    let answer = answer(Transport::Udp, via, "203.0.113.1:40000");
    assert_eq!(answer.peer.to_string(), "203.0.113.1:40000");
    let via = answer.header("Via").unwrap_or_default();
    assert!(via.contains(";rport=40000"), "{via}");
    assert!(via.contains(";received=203.0.113.1"), "{via}");
    assert!(via.contains(";branch=z9hG4bK1"), "{via}");
}

/// Whatever a client writes into `received` and `rport` itself is replaced.
#[test]
fn what_the_client_says_of_its_address_is_replaced() {
    let via = "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1;received=192.0.2.99;rport=1";
    let answer = answer(Transport::Udp, via, "203.0.113.1:40000");
    assert_eq!(answer.peer.to_string(), "203.0.113.1:40000");
    let via = answer.header("Via").unwrap_or_default();
    assert!(!via.contains("192.0.2.99"), "{via}");
    assert!(
        via.contains(";rport=40000") && via.contains(";received=203.0.113.1"),
        "{via}"
    );
}

/// RFC 3261 §25.1: a quoted pair does not end a string.
#[test]
fn what_follows_the_topmost_value_stays() {
    for string in [r#""""#, r#""\"""#, r#""\\""#, r#"",\",""#] {
        let via = format!(
            "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1;rport;x={string},SIP/2.0/UDP b;branch=z9hG4bK2"
        );
        let answer = answer(Transport::Udp, &via, "203.0.113.1:40000");
        let expected = format!(
            "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1;x={string};rport=40000;received=203.0.113.1,SIP/2.0/UDP b;branch=z9hG4bK2"
        );
        assert_eq!(answer.header_lines("Via"), [expected]);
    }
}

#[test]
fn maddr_names_another_address() {
    let via = "SIP/2.0/UDP 203.0.113.1:5070;maddr=203.0.113.9;branch=z9hG4bK1";
    let answer = answer(Transport::Udp, via, "203.0.113.1:40000");
    assert_eq!(answer.peer.to_string(), "203.0.113.9:5070");
}

/// On a stream: over the connection; where that is gone, to the port of sent-by.
#[test]
fn on_a_stream_over_the_connection() {
    for (sent_by, fallback) in [
        ("203.0.113.1:5070", "203.0.113.1:5070"),
        ("192.168.0.5", "203.0.113.1:5060"),
        ("203.0.113.1;rport", "203.0.113.1:5060"),
    ] {
        let via = format!("SIP/2.0/TCP {sent_by};branch=z9hG4bK1");
        let answer = answer(Transport::Tcp, &via, "203.0.113.1:40000");
        assert_eq!(answer.peer.to_string(), "203.0.113.1:40000", "{sent_by}");
        assert_eq!(answer.flow.remote.to_string(), fallback, "{sent_by}");
    }
}

#[test]
fn an_ipv6_peer_is_answered_too() {
    let via = "SIP/2.0/UDP [2001:db8::9]:5070;rport;branch=z9hG4bK1";
    let answer = answer(Transport::Udp, via, "[2001:db8::9]:40000");
    assert_eq!(answer.peer.to_string(), "[2001:db8::9]:40000");
    let via = answer.header("Via").unwrap_or_default();
    assert!(via.contains(";received=2001:db8::9"), "{via}");
}

/// §8.2.6.2: all Via values in their order, and only the topmost is touched.
#[test]
fn the_other_vias_are_copied_as_they_are() {
    let mut call = Simulation::new(Policy::new());
    let request = Draft::new("OPTIONS")
        .set(
            "Via",
            "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1,SIP/2.0/TCP  second.example.com ; branch=2",
        )
        .add("Via", "SIP / 2.0 / UDP third.example.com;branch=3");
    call.send(&request);
    let answer = call.receive("200 OK");
    let vias = answer.header_lines("Via");
    assert_eq!(
        vias[0],
        "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=203.0.113.1,SIP/2.0/TCP  second.example.com ; branch=2"
    );
    assert_eq!(vias[1], "Via: SIP / 2.0 / UDP third.example.com;branch=3");
    assert_eq!(vias.len(), 2);
    call.finish_here();
}

/// A link-local address means nothing without its scope.
#[test]
fn the_scope_of_a_link_local_address_stays() {
    let via = "SIP/2.0/UDP [fe80::1]:5070;branch=z9hG4bK1";
    let answer = answer(Transport::Udp, via, "[fe80::1%4]:40000");
    assert_eq!(answer.peer.to_string(), "[fe80::1%4]:5070");
}
