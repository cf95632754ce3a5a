//! What a caller hears and wants before its call is answered. The routes here answer after a minute: nothing of this comes
//! with the 200.

use crate::{
    caller::{Caller, wait_until_free},
    message::Message,
    program::Program,
};

fn serve() -> Program {
    Program::configured(
        r#"
        listen = ["udp:127.0.0.1:0"]

        [[route]]
        user = "ring"
        ring = "60s"
        answer = "echo"

        [[route]]
        user = "early"
        early = "60s"
        answer = "echo"
        "#,
    )
}

/// The PRACK of a response, with this description.
fn acknowledge(caller: &mut Caller, response: &Message, number: u32, description: &str) {
    let headers = format!("RAck: {} 1 INVITE\r\n", response.header("RSeq"));
    describe(caller, "PRACK", number, &headers, description);
    caller.expect(200, "PRACK");
}

fn describe(caller: &mut Caller, method: &str, number: u32, headers: &str, description: &str) {
    let headers = match description {
        "" => headers.to_owned(),
        _ => format!("{headers}Content-Type: application/sdp\r\n"),
    };
    caller.request(method, number, &headers, description);
}

/// RFC 3262 §5: our offer is in the first reliable response, the answer in the PRACK, and then there is audio.
#[test]
fn a_caller_without_an_offer_hears_itself_before_the_answer() {
    let program = serve();
    // One that takes reliable responses gets the offer where there is early audio, and one that takes no others in any.
    for (user, header, status) in [
        ("early", "Supported: 100rel\r\n", 183),
        ("early", "Require: 100rel\r\n", 183),
        ("ring", "Require: 100rel\r\n", 180),
    ] {
        let mut caller = Caller::udp(program.udp(), user);
        caller.invite_saying(header, "");
        let offer = caller.expect(status, "INVITE");
        let answer = caller.description("RTP/AVP 0");
        acknowledge(&mut caller, &offer, 2, &answer);
        assert!(caller.hears_itself(offer.audio_port()), "{user}, {header}");
        caller.give_up();
        wait_until_free(offer.audio_port());
    }
}

/// RFC 3262 §5, RFC 3311 §5.2, RFC 6086
#[test]
fn what_the_caller_wants_before_the_answer_is_served() {
    let program = serve();
    let mut caller = Caller::udp(program.udp(), "early");
    let offer = caller.description("RTP/AVP 0");
    caller.invite_saying(
        "Supported: 100rel\r\nContent-Type: application/sdp\r\n",
        &offer,
    );
    let progress = caller.expect(183, "INVITE");
    acknowledge(&mut caller, &progress, 2, "");
    assert!(caller.hears_itself(progress.audio_port()));

    let hold = caller.description("RTP/AVP 0") + "a=sendonly\r\n";
    describe(&mut caller, "UPDATE", 3, "", &hold);
    let answer = caller.expect(200, "UPDATE");
    assert!(answer.body().contains("a=recvonly\r\n"), "{answer:?}");
    let offer = caller.description("RTP/AVP 0");
    describe(&mut caller, "UPDATE", 4, "", &offer);
    let resumed = caller.expect(200, "UPDATE");
    assert!(resumed.body().contains("a=sendrecv\r\n"), "{resumed:?}");
    assert!(caller.hears_itself(resumed.audio_port()));
    describe(&mut caller, "UPDATE", 5, "", "");
    assert_eq!(caller.expect(200, "UPDATE").body(), "");
    let offer = caller.description("RTP/AVP 18");
    describe(&mut caller, "UPDATE", 6, "", &offer);
    caller.expect(488, "UPDATE");

    let relay = "Content-Type: application/dtmf-relay\r\n";
    caller.request("INFO", 7, relay, "Signal=5\r\nDuration=160\r\n");
    caller.expect(200, "INFO");
    caller.request("INFO", 8, "Info-Package: nobody\r\n", "");
    caller.expect(469, "INFO");
    caller.give_up();
    wait_until_free(progress.audio_port());
}

#[test]
fn an_answer_that_is_of_no_use_ends_the_call() {
    let program = serve();
    let mut caller = Caller::udp(program.udp(), "early");
    caller.invite_saying("Supported: 100rel\r\n", "");
    let offer = caller.expect(183, "INVITE");
    let answer = caller.description("RTP/AVP 18");
    acknowledge(&mut caller, &offer, 2, &answer);
    caller.expect(488, "INVITE");
    caller.ack_refusal();
    wait_until_free(offer.audio_port());
}
