//! An answer without a transaction is the same each time: RFC 3261 §8.2.7.

use offhook_core::Config;
use offhook_sim::{Draft, Policy, Simulation, seconds};

#[test]
fn the_tag_of_a_stateless_answer_is_stable() {
    let mut call = Simulation::new(Policy::new());
    for request in [
        Draft::invite().set("Require", "nonsense"),
        Draft::new("BYE"),
        Draft::new("OPTIONS"),
        Draft::new("REGISTER"),
        Draft::new("INVITE")
            .without("Call-ID")
            .branch("z9hG4bK-no-call-id"),
    ] {
        call.send(&request);
        call.run_until(seconds(1));
        call.send(&request);
        call.run_until(seconds(2));
        let mut answers = call
            .trace()
            .packets()
            .rev()
            .filter(|p| p.status().is_some());
        let (second, first) = (answers.next(), answers.next());
        assert_eq!(first.map(|p| &p.bytes), second.map(|p| &p.bytes));
        assert!(first.is_some_and(|answer| answer.to_tag().is_some()));
    }
    assert_eq!(call.counts().server_transactions, 0);
    call.finish_here();
}

#[test]
fn other_requests_get_other_tags() {
    let mut call = Simulation::with_config(Policy::new(), Config::default());
    let mut tags = Vec::new();
    for number in 0..10 {
        let request = Draft::new("OPTIONS").branch(&format!("z9hG4bK-{number}"));
        call.send(&request);
        tags.extend(call.receive("200 OK").to_tag().map(str::to_owned));
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 10);
    call.finish_here();
}
