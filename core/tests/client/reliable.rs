//! Reliable provisional responses
//! ([RFC 3262 §4, §5](https://www.rfc-editor.org/rfc/rfc3262#section-4)).

use offhook_core::message::Body;
use offhook_core::{Config, OutgoingInviteEvent, Reliability, SessionTimerConfig};

use crate::support::{Answer, Bench, UDP, request};

#[test]
fn each_is_acknowledged_once_and_in_order() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = |rseq| Answer::new("180 Ringing").reliable(rseq);
    bench.answer(&invite, &ringing(700));
    let session = bench.progressed().unwrap();
    let prack = bench.one("PRACK");
    assert_eq!(prack.header("RAck"), "700 1 INVITE");
    assert_eq!(prack.header("CSeq"), "2 PRACK");
    assert_eq!(prack.request().uri_bytes(), b"sip:bob@192.0.2.2:5062");
    bench.answer(&prack, &Answer::bare("200 OK"));
    for wrong in [700, 702, 699] {
        bench.answer(&invite, &ringing(wrong));
        assert!(bench.sent().is_empty(), "{wrong}");
        bench.no_event();
    }
    bench.answer(&invite, &ringing(701));
    assert_eq!(bench.progressed(), Some(session));
    let prack = bench.one("PRACK");
    assert_eq!(prack.header("RAck"), "701 1 INVITE");
    assert_eq!(prack.header("CSeq"), "3 PRACK");
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    assert_eq!(bench.one("ACK").header("CSeq"), "1 ACK");
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    assert_eq!(bench.one("BYE").header("CSeq"), "4 BYE");
}

#[test]
fn each_branch_counts_for_itself() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(5));
    bench.answer(
        &invite,
        &Answer::new("180 Ringing").reliable(9).tag("carol"),
    );
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(6));
    let racks: Vec<_> = bench
        .sent()
        .iter()
        .map(|prack| prack.header("RAck").to_owned())
        .collect();
    assert_eq!(racks, ["5 1 INVITE", "9 1 INVITE", "6 1 INVITE"]);
}

/// RFC 3262 §3: a callee that waits for no PRACK makes us send no more than eight at a time.
#[test]
fn many_that_are_not_waited_for_open_no_more_than_eight_transactions() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = |rseq| Answer::new("180 Ringing").reliable(rseq);
    for rseq in 1..100 {
        bench.answer(&invite, &ringing(rseq));
    }
    let pracks = bench.sent();
    assert_eq!(pracks.len(), 8);
    for _ in 0..8 {
        bench.progressed();
    }
    bench.no_event();
    bench.answer(&pracks[3], &Answer::bare("200 OK"));
    bench.answer(&invite, &ringing(9));
    bench.progressed();
    assert_eq!(bench.one("PRACK").header("RAck"), "9 1 INVITE");
}

/// The same where the table of transactions is full.
#[test]
fn one_that_finds_no_room_is_not_taken() {
    let mut config = Config::default();
    config.limits.transactions = 2;
    let mut bench = Bench::with(config);
    let (_, invite) = bench.call();
    let ringing = |rseq| Answer::new("180 Ringing").reliable(rseq);
    bench.answer(&invite, &ringing(1));
    bench.progressed();
    let prack = bench.one("PRACK");
    bench.answer(&prack, &Answer::bare("200 OK"));
    bench.answer(&invite, &ringing(2));
    assert!(bench.sent().is_empty());
    bench.no_event();
    bench.pass(5_000); // Timer K
    bench.answer(&invite, &ringing(2));
    bench.progressed();
    bench.one("PRACK");
}

/// The second does not come before the PRACK of the first, which answers its offer.
#[test]
fn an_offer_that_waits_is_not_lost_for_another() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    let progress = |rseq| {
        let progress = Answer::new("183 Session Progress");
        progress.reliable(rseq).sdp("offer")
    };
    bench.answer(&invite, &progress(1));
    let session = bench.progressed().unwrap();
    bench.answer(&invite, &progress(2));
    bench.no_event();
    bench
        .act(|core, now| {
            core.session(now, session)
                .unwrap()
                .prack(&Body::sdp("answer"))
        })
        .unwrap();
    let prack = bench.one("PRACK");
    assert_eq!(prack.header("RAck"), "1 1 INVITE");
    bench.answer(&prack, &Answer::bare("200 OK"));
    bench.answer(&invite, &progress(2));
    bench.progressed();
    assert_eq!(bench.one("PRACK").header("RAck"), "2 1 INVITE");
}

#[test]
fn an_offer_in_one_is_answered_in_the_prack() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    bench.answer(
        &invite,
        &Answer::new("183 Session Progress").reliable(1).sdp("offer"),
    );
    let OutgoingInviteEvent::Progress {
        session, is_offer, ..
    } = bench.invite_event()
    else {
        panic!("progress");
    };
    assert!(is_offer);
    assert!(bench.sent().is_empty());
    let session = session.unwrap();
    let answer = |bench: &mut Bench| {
        bench.act(|core, now| {
            core.session(now, session)
                .unwrap()
                .prack(&Body::sdp("answer"))
        })
    };
    answer(&mut bench).unwrap();
    let prack = bench.one("PRACK");
    assert_eq!(
        (prack.header("RAck"), prack.body()),
        ("1 1 INVITE", "answer")
    );
    answer(&mut bench).unwrap_err();
    bench.answer(
        &invite,
        &Answer::new("180 Ringing").reliable(2).sdp("offer"),
    );
    bench.progressed();
    assert_eq!(bench.one("PRACK").body(), "", "offer and answer are done");
    bench.answer(&invite, &Answer::new("200 OK"));
    let OutgoingInviteEvent::Accept { is_offer, .. } = bench.invite_event() else {
        panic!("accepted");
    };
    assert!(!is_offer);
    bench.one("ACK");
}

/// RFC 4028 §10: what is agreed on before the 2xx is what a refresh by re-INVITE offers.
#[test]
fn what_is_agreed_on_early_is_offered_by_a_refresh() {
    let session_timer = SessionTimerConfig {
        expires: Some(90),
        ..SessionTimerConfig::default()
    };
    for update in [None, Some("update")] {
        let mut bench = Bench::with(Config {
            session_timer,
            ..Config::default()
        });
        let (_, invite) = bench.call_with(request([UDP]));
        let progress = Answer::new("183 Session Progress").reliable(1).sdp("offer");
        bench.answer(&invite, &progress);
        let session = bench.progressed().unwrap();
        bench
            .act(|core, now| {
                let mut session = core.session(now, session).unwrap();
                session.prack(&Body::sdp("answer"))
            })
            .unwrap();
        let prack = bench.one("PRACK");
        bench.answer(&prack, &Answer::new("200 OK"));
        if let Some(offer) = update {
            bench
                .act(|core, now| {
                    let mut session = core.session(now, session).unwrap();
                    session.update(Some(&Body::sdp(offer)))
                })
                .unwrap();
            let update = bench.one("UPDATE");
            bench.answer(&update, &Answer::new("200 OK").sdp("agreed"));
        }
        let accepted = Answer::new("200 OK")
            .header("Session-Expires: 90;refresher=uac")
            .header("Allow: INVITE, ACK, BYE, PRACK");
        bench.answer(&invite, &accepted);
        bench.one("ACK");
        bench.pass(45_000);
        assert_eq!(bench.one("INVITE").body(), update.unwrap_or("answer"));
    }
}

#[test]
fn an_answer_in_one_is_the_answer() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(
        &invite,
        &Answer::new("183 Session Progress")
            .reliable(1)
            .sdp("answer"),
    );
    let OutgoingInviteEvent::Progress { is_answer, .. } = bench.invite_event() else {
        panic!("progress");
    };
    assert!(is_answer);
    assert_eq!(bench.one("PRACK").body(), "");
    bench.answer(&invite, &Answer::new("200 OK").sdp("other"));
    let OutgoingInviteEvent::Accept { is_offer, .. } = bench.invite_event() else {
        panic!("accepted");
    };
    assert!(!is_offer, "what is described already is not described anew");
}

#[test]
fn an_unanswered_offer_goes_over_into_the_ack() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    bench.answer(
        &invite,
        &Answer::new("183 Session Progress").reliable(1).sdp("offer"),
    );
    bench.progressed();
    bench.answer(&invite, &Answer::new("200 OK"));
    let OutgoingInviteEvent::Accept {
        session, is_offer, ..
    } = bench.invite_event()
    else {
        panic!("accepted");
    };
    assert!(is_offer);
    bench
        .act(|core, now| {
            core.session(now, session)
                .unwrap()
                .acknowledge(&Body::sdp("answer"))
        })
        .unwrap();
    assert_eq!(bench.one("ACK").body(), "answer");
}

#[test]
fn an_unreliable_preview_of_the_answer_moves_nothing() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("183 Session Progress").sdp("answer"));
    let OutgoingInviteEvent::Progress { is_answer, .. } = bench.invite_event() else {
        panic!("progress");
    };
    assert!(!is_answer);
    assert!(bench.sent().is_empty());
    bench.answer(
        &invite,
        &Answer::new("183 Session Progress")
            .reliable(1)
            .sdp("answer"),
    );
    bench.progressed();
    bench.one("PRACK");
}

#[test]
fn where_it_is_off_nothing_is_acknowledged() {
    let mut bench = Bench::with(Config {
        reliability: Reliability::Off,
        ..Config::default()
    });
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(1));
    bench.progressed();
    assert!(bench.sent().is_empty());
}

#[test]
fn a_100_is_never_reliable() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("100 Trying").reliable(1));
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Trying { .. }
    ));
    assert!(bench.sent().is_empty());
}
