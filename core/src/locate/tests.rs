use std::fmt::Write;

use offhook_message::{Uri, UriBuf};

use super::*;

const ALL: [Transport; 5] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
    Transport::Wss,
];

fn target(uri: &str) -> Target {
    let uri: UriBuf = uri.parse().unwrap();
    let Uri::Sip(sip) = uri.as_uri() else {
        panic!("{uri} is a SIP URI");
    };
    Target::of_uri(&sip).unwrap()
}

/// A zone: each line is a name, a kind and the data.
fn look_up(zone: &str, question: &Question) -> Vec<Record> {
    let lines = zone.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let is_asked = fields.next()? == question.name;
        is_asked.then(|| fields.collect::<Vec<_>>())
    });
    let records = lines.filter_map(|fields| match (&fields[..], question.kind) {
        (["NAPTR", order, preference, flags, services, replacement], RecordKind::Naptr) => {
            Some(Record::Naptr(Naptr {
                order: order.parse().unwrap(),
                preference: preference.parse().unwrap(),
                flags: (*flags).to_owned(),
                services: (*services).to_owned(),
                regexp: String::new(),
                replacement: (*replacement).to_owned(),
            }))
        }
        (["SRV", priority, weight, port, target], RecordKind::Srv) => Some(Record::Srv(Srv {
            priority: priority.parse().unwrap(),
            weight: weight.parse().unwrap(),
            port: port.parse().unwrap(),
            target: (*target).to_owned(),
        })),
        (["A" | "AAAA", address], RecordKind::Address) => {
            Some(Record::Address(address.parse().unwrap()))
        }
        _ => None,
    });
    records.collect()
}

/// What was asked, and where that leads.
fn locate(zone: &str, uri: &str, transports: &[Transport]) -> (Vec<String>, Vec<String>) {
    let mut locating = Locating::new(target(uri), transports, [7; 32]);
    let mut asked = Vec::new();
    for _ in 0..4 {
        let questions = locating.questions();
        if questions.is_empty() {
            break;
        }
        asked.extend(questions.iter().map(|question| question.name.clone()));
        let answers = questions.into_iter().map(|question| {
            let records = look_up(zone, &question);
            (question, records)
        });
        locating.answer(&answers.collect::<Vec<_>>());
    }
    assert!(locating.questions().is_empty());
    let destinations = locating.destinations().iter();
    let texts = destinations.map(|it| format!("{} {}", it.transport, it.address));
    (asked, texts.collect())
}

fn found(zone: &str, uri: &str, transports: &[Transport]) -> Vec<String> {
    locate(zone, uri, transports).1
}

/// The example of RFC 3263 §4.1, with addresses and with the other servers.
const EXAMPLE: &str = "
    example.com NAPTR 50 50 s SIPS+D2T _sips._tcp.example.com.
    example.com NAPTR 90 50 s SIP+D2T _sip._tcp.example.com
    example.com NAPTR 100 50 s SIP+D2U _sip._udp.example.com.
    _sips._tcp.example.com SRV 0 1 5061 server1.example.com.
    _sip._tcp.example.com SRV 0 1 5060 server1.example.com.
    _sip._tcp.example.com SRV 1 2 5070 server2.example.com.
    _sip._udp.example.com SRV 0 1 5060 server2.example.com.
    server1.example.com A 192.0.2.1
    server2.example.com AAAA 2001:db8::2
    server2.example.com A 192.0.2.2
    example.com A 192.0.2.9";

#[test]
fn the_example_goes_where_the_rfc_says() {
    let (asked, found) = locate(
        EXAMPLE,
        "sip:user@example.com",
        &[Transport::Udp, Transport::Tcp],
    );
    assert_eq!(
        asked,
        [
            "example.com",
            "_sip._tcp.example.com",
            "server1.example.com",
            "server2.example.com",
        ]
    );
    assert_eq!(
        found,
        [
            "tcp 192.0.2.1:5060",
            "tcp [2001:db8::2]:5070",
            "tcp 192.0.2.2:5070",
        ]
    );
}

#[test]
fn the_preferred_transport_is_the_best_that_we_have() {
    for (uri, transports, expected) in [
        ("sip:example.com", &ALL[..], "tls 192.0.2.1:5061"),
        ("sip:example.com", &ALL[..1], "udp [2001:db8::2]:5060"),
        ("sips:example.com", &ALL[..], "tls 192.0.2.1:5061"),
        // No service of theirs is secure and ours, so that the domain is all that is left.
        ("sips:example.com", &ALL[..2], "tls 192.0.2.9:5061"),
    ] {
        let found = found(EXAMPLE, uri, transports);
        assert_eq!(found[0], expected, "{uri} by {transports:?}");
    }
}

#[test]
fn what_the_uri_says_is_not_asked() {
    for (uri, asked, expected) in [
        ("sip:192.0.2.7", &[][..], "udp 192.0.2.7:5060"),
        ("sip:192.0.2.7:5070", &[], "udp 192.0.2.7:5070"),
        ("sips:[2001:db8::7]", &[], "tls [2001:db8::7]:5061"),
        ("sip:192.0.2.7;transport=tcp", &[], "tcp 192.0.2.7:5060"),
        ("sip:example.com;maddr=192.0.2.7", &[], "udp 192.0.2.7:5060"),
        (
            "sip:example.com:5060",
            &["example.com"],
            "udp 192.0.2.9:5060",
        ),
        (
            "sips:example.com:5099",
            &["example.com"],
            "tls 192.0.2.9:5099",
        ),
        (
            "sip:example.com;transport=udp",
            &["_sip._udp.example.com", "server2.example.com"],
            "udp [2001:db8::2]:5060",
        ),
        (
            "sip:example.com;transport=tls",
            &["_sips._tcp.example.com", "server1.example.com"],
            "tls 192.0.2.1:5061",
        ),
        (
            "sips:example.com;transport=tcp",
            &["_sips._tcp.example.com", "server1.example.com"],
            "tls 192.0.2.1:5061",
        ),
        (
            "sip:example.com;transport=ws",
            &["example.com"],
            "ws 192.0.2.9:80",
        ),
    ] {
        let (questions, found) = locate(EXAMPLE, uri, &ALL);
        assert_eq!(questions, asked, "{uri}");
        assert_eq!(found[0], expected, "{uri}");
    }
}

#[test]
fn without_naptr_records_each_transport_has_its_servers() {
    let zone = "
        _sip._udp.example.com SRV 0 1 5062 a.example.com
        _sip._tcp.example.com SRV 0 1 5063 a.example.com
        a.example.com A 192.0.2.1";
    let (asked, servers) = locate(zone, "sip:example.com", &ALL);
    assert_eq!(
        asked,
        [
            "example.com",
            "_sip._udp.example.com",
            "_sip._tcp.example.com",
            "_sips._tcp.example.com",
            "a.example.com",
        ]
    );
    assert_eq!(servers, ["udp 192.0.2.1:5062", "tcp 192.0.2.1:5063"]);
    let secure = found(zone, "sips:example.com", &ALL);
    assert!(secure.is_empty(), "{secure:?}");
}

#[test]
fn without_srv_records_the_domain_is_the_server() {
    let zone = "example.com A 192.0.2.1";
    for (uri, transports, expected) in [
        ("sip:example.com", &ALL[..], "udp 192.0.2.1:5060"),
        ("sip:example.com", &ALL[1..], "tcp 192.0.2.1:5060"),
        ("sip:example.com", &[], "udp 192.0.2.1:5060"),
        ("sips:example.com", &ALL, "tls 192.0.2.1:5061"),
        ("sip:example.com;transport=tcp", &ALL, "tcp 192.0.2.1:5060"),
    ] {
        assert_eq!(found(zone, uri, transports), [expected], "{uri}");
    }
}

#[test]
fn records_that_mean_something_else_do_not_count() {
    let zone = "
        example.com NAPTR 1 1 u E2U+sip elsewhere.example.com
        example.com NAPTR 2 1 a SIP+D2U elsewhere.example.com
        example.com NAPTR 3 1 s SIPS+D2U elsewhere.example.com
        example.com NAPTR 4 2 S sip+d2u _sip._udp.second.example.com
        example.com NAPTR 4 1 s SIP+D2T _sip._tcp.first.example.com
        example.com NAPTR 5 1 s SIP+D2W _sip._ws.third.example.com
        _sip._udp.second.example.com SRV 0 0 5060 second.example.com
        _sip._tcp.first.example.com SRV 0 0 5060 first.example.com
        _sip._ws.third.example.com SRV 0 0 80 third.example.com
        first.example.com A 192.0.2.1
        second.example.com A 192.0.2.2
        third.example.com A 192.0.2.3";
    assert_eq!(
        found(zone, "sip:example.com", &ALL),
        ["tcp 192.0.2.1:5060", "udp 192.0.2.2:5060"]
    );
    assert_eq!(
        found(zone, "sip:example.com", &[Transport::Ws]),
        ["ws 192.0.2.3:80"]
    );
}

#[test]
fn a_service_that_is_not_there_is_nowhere() {
    let zone = "
        _sip._udp.example.com SRV 0 0 0 .
        example.com A 192.0.2.1";
    let found = found(zone, "sip:example.com;transport=udp", &ALL);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_a_domain_says_has_its_bounds() {
    let mut zone = String::new();
    for host in 0..100 {
        writeln!(
            zone,
            "example.com NAPTR 1 1 s SIP+D2U _sip._udp.{host}.example.com"
        )
        .unwrap();
        for server in 0..10 {
            writeln!(
                zone,
                "_sip._udp.{host}.example.com SRV 0 1 5060 s{server}.{host}"
            )
            .unwrap();
            for address in 0..10 {
                writeln!(zone, "s{server}.{host} A 192.0.{server}.{address}").unwrap();
            }
        }
    }
    let (asked, found) = locate(&zone, "sip:example.com", &ALL);
    assert_eq!(asked.len(), 1 + MOST_SERVICES + MOST_SERVERS);
    assert_eq!(found.len(), MOST_DESTINATIONS);
}
