//! Signals, the log, and that nothing is left behind.

use crate::{
    caller::{Caller, wait_until_free},
    program::Program,
};

#[test]
fn sigterm_and_sigint_end_an_idle_program() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::serve(&["--drain", "3600"]);
        program.signal(signal);
        assert_eq!(program.exit().0, Some(0));
    }
}

#[test]
fn a_call_in_progress_gets_bye_when_it_has_had_its_time() {
    let mut program = Program::serve(&["--drain", "1"]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.establish();
    program.signal("TERM");
    caller.expect_bye();
    let (code, log) = program.exit();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("we hung up"), "{log}");
}

/// As behind a `tee` that ended with the same Ctrl-C, or in a terminal that is closed.
#[test]
fn calls_go_on_when_nobody_reads_the_log() {
    let mut program = Program::unheard(&["--drain", "3600"]);
    let mut first = Caller::udp(program.udp(), "echo");
    first.establish();
    let mut second = Caller::udp(program.udp(), "echo");
    second.establish();
    first.hang_up();
    program.wait_for("sessions", 1);
    program.signal("TERM");
    second.hang_up();
    assert_eq!(program.exit().0, Some(0));
}

#[test]
fn a_call_in_progress_goes_on_and_a_new_one_gets_503() {
    let mut program = Program::serve(&["--drain", "3600"]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.establish();
    program.signal("TERM");

    let refusal = loop {
        let mut late = Caller::udp(program.udp(), "busy");
        late.invite();
        let refusal = late.response("INVITE");
        late.ack_refusal();
        match refusal.status() {
            Some(486) => {}
            Some(503) => break refusal,
            _ => panic!("{refusal:?}"),
        }
    };
    let retry_after = refusal.header("Retry-After");
    assert!(retry_after.parse::<u32>().is_ok(), "{retry_after}");

    // It gets no BYE.
    caller.hang_up();
    assert_eq!(program.exit().0, Some(0));
}

#[test]
fn the_audio_stops_with_the_last_byes_though_nobody_answers_them() {
    // Who is too late to answer a BYE that is given up after seconds has seen nothing, and tries again.
    assert!((0..10).any(|_| stops_before_its_bye_is_answered()));
}

fn stops_before_its_bye_is_answered() -> bool {
    let mut program = Program::serve(&["--drain", "0"]);
    let mut caller = Caller::udp(program.udp(), "echo");
    let answer = caller.establish();
    assert!(caller.hears_itself(answer.audio_port()));
    program.signal("TERM");
    let bye = caller.expect_request("BYE");
    wait_until_free(answer.audio_port());
    caller.accept(&bye, "");
    let (code, log) = program.exit();
    assert_eq!(code, Some(0), "{log}");
    log.contains("cause=\"we hung up\"")
}

#[test]
fn a_call_that_is_not_answered_yet_gets_480() {
    let mut program = Program::serve(&["--drain", "0"]);
    let mut caller = Caller::udp(program.udp(), "silent");
    caller.invite();
    caller.expect(180, "INVITE");
    program.signal("TERM");
    caller.expect(480, "INVITE");
    caller.ack_refusal();
    assert_eq!(program.exit().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut program = Program::serve(&["--drain", "3600"]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.establish();
    program.signal("INT");
    program.signal("TERM");
    assert_eq!(program.exit().0, Some(130));
}

#[test]
fn nothing_is_left_when_the_calls_are_over() {
    let mut program = Program::serve(&[]);
    let idle = program.count("tasks");
    let mut talking = Caller::udp(program.udp(), "echo");
    talking.establish();
    let mut ringing = Caller::tcp(program.tcp(), "silent");
    ringing.invite();
    ringing.expect(180, "INVITE");
    assert_eq!(program.count("invites"), 1);
    assert!(program.count("tasks") > idle);

    talking.hang_up();
    ringing.give_up();
    drop(ringing);
    program.wait_for("sessions", 0);
    program.wait_for("invites", 0);
    program.wait_for("tasks", idle);
}

#[test]
fn each_call_leaves_one_line_in_the_log() {
    let mut program = Program::serve(&[]);
    let mut answered = Caller::udp(program.udp(), "echo");
    answered.establish();
    answered.hang_up();
    let mut refused = Caller::udp(program.udp(), "busy");
    refused.invite();
    refused.expect(486, "INVITE");
    refused.ack_refusal();
    let mut cancelled = Caller::udp(program.udp(), "silent");
    cancelled.invite();
    cancelled.expect(180, "INVITE");
    cancelled.give_up();
    program.signal("TERM");

    let (code, log) = program.exit();
    assert_eq!(code, Some(0), "{log}");
    for (caller, user, verdict) in [
        (&answered, "echo", 200),
        (&refused, "busy", 486),
        (&cancelled, "silent", 487),
    ] {
        let call_id = format!("call_id=\"{}\"", caller.call_id());
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&call_id)).collect();
        assert_eq!(lines.len(), 1, "{log}");
        for part in [
            "INFO".to_owned(),
            "caller=\"sip:caller@127.0.0.1\"".to_owned(),
            format!("user=\"{user}\""),
            format!("verdict={verdict}"),
            "duration=".to_owned(),
        ] {
            assert!(lines[0].contains(&part), "no {part} in {}", lines[0]);
        }
    }
}
