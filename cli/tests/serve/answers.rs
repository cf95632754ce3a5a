//! Who offers, who answers, and what is not acceptable (RFC 3261 section 13.2.1).

use std::{num::NonZeroUsize, thread};

use crate::{
    caller::{Caller, wait_until_free},
    program::Program,
};

#[test]
fn without_an_offer_ours_is_in_the_200_and_the_answer_in_the_ack() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.invite_with("");
    let offer = caller.expect(200, "INVITE");
    let answer = caller.description("RTP/AVP 0");
    caller.ack(&answer);
    assert!(caller.hears_itself(offer.audio_port()));
    caller.hang_up();
    wait_until_free(offer.audio_port());
}

#[test]
fn on_all_addresses_the_answer_names_the_one_that_was_called() {
    let mut program = Program::start(&["--listen", "udp:0.0.0.0:0"]);
    let line = program.line();
    let (_, port) = line.rsplit_once(':').expect("a port");
    let other = format!("127.0.0.2:{port}").parse().expect("an address");
    let mut caller = Caller::udp(other, "echo");
    let answer = caller.establish();
    assert!(
        answer.body().contains("c=IN IP4 127.0.0.2\r\n"),
        "{answer:?}"
    );
    caller.hang_up();
}

#[test]
fn our_offer_waits_for_the_200() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "early");
    caller.invite_with("");
    assert_eq!(caller.expect(183, "INVITE").body(), "");
    let offer = caller.expect(200, "INVITE");
    let answer = caller.description("RTP/AVP 0");
    caller.ack(&answer);
    assert!(caller.hears_itself(offer.audio_port()));
    caller.hang_up();
}

#[test]
fn an_ack_without_a_usable_answer_ends_the_call() {
    let program = Program::serve(&[]);
    for answer in ["", "v=0 and no more", "m=audio"] {
        let mut caller = Caller::udp(program.udp(), "echo");
        caller.invite_with("");
        let offer = caller.expect(200, "INVITE");
        caller.ack(answer);
        caller.expect_bye();
        wait_until_free(offer.audio_port());
    }
}

#[test]
fn an_offer_without_common_audio_gets_488_and_a_warning() {
    let program = Program::serve(&[]);
    for user in ["echo", "ring", "early", "bare"] {
        let mut caller = Caller::udp(program.udp(), user);
        let offer = caller.description("RTP/AVP 18");
        caller.invite_with(&offer);
        let refusal = caller.expect(488, "INVITE");
        caller.ack_refusal();
        let warning = refusal.header("Warning");
        let agent = format!("305 {} \"", program.udp());
        assert!(warning.starts_with(&agent), "{warning}");
    }
}

#[test]
fn an_offer_that_is_no_description_gets_400() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.invite_with("hello");
    caller.expect(400, "INVITE");
    caller.ack_refusal();
}

#[test]
fn the_call_past_the_bound_gets_503_and_the_next_one_is_answered() {
    let mut program = Program::configured("max_calls = 1\n");
    let mut established = Vec::new();
    // Each processor has its share of the bound, one call at least.
    let refusal = loop {
        let mut caller = Caller::udp(program.udp(), "echo");
        caller.invite();
        let response = caller.response("INVITE");
        if response.status() != Some(200) {
            caller.ack_refusal();
            break response;
        }
        caller.ack("");
        established.push(caller);
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        assert!(established.len() <= processors, "no bound");
    };
    assert_eq!(refusal.status(), Some(503), "{refusal:?}");
    let retry_after = refusal.header("Retry-After");
    assert!(retry_after.parse::<u32>().is_ok(), "{retry_after}");

    established.iter_mut().for_each(Caller::hang_up);
    program.wait_for("sessions", 0);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.establish();
    caller.hang_up();
}
