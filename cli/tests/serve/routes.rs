//! The routes of the default configuration, as a caller meets them.

use std::{
    fs,
    time::{Duration, Instant},
};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::{
    caller::{Caller, wait_until_free},
    program::{PATIENCE, Program, file},
};

#[test]
fn echo_answers_at_once_and_returns_the_audio() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "echo");
    let answer = caller.establish();
    assert_eq!(answer.header("Content-Type"), "application/sdp");
    assert!(
        answer.body().contains("c=IN IP4 127.0.0.1\r\n"),
        "{answer:?}"
    );
    assert!(caller.hears_itself(answer.audio_port()));
    caller.hang_up();
    wait_until_free(answer.audio_port());
}

#[test]
fn any_other_user_is_echo() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "somebody");
    let answer = caller.establish();
    assert!(caller.hears_itself(answer.audio_port()));
    caller.hang_up();
}

#[test]
fn ring_rings_for_three_seconds() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "ring");
    let since = Instant::now();
    caller.invite();
    let ringing = caller.expect(180, "INVITE");
    assert_eq!(ringing.body(), "");
    let answer = caller.expect(200, "INVITE");
    assert_lasted(since, 3);
    caller.ack("");
    assert!(caller.hears_itself(answer.audio_port()));
    caller.hang_up();
}

#[test]
fn early_answers_after_two_seconds_what_it_has_said_before() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "early");
    let since = Instant::now();
    caller.invite();
    let progress = caller.expect(183, "INVITE");
    let answer = caller.expect(200, "INVITE");
    assert_lasted(since, 2);
    assert_eq!(answer.body(), progress.body());
    assert_eq!(answer.header("To"), progress.header("To"));
    caller.ack("");
    caller.hang_up();
}

#[test]
fn early_audio_is_heard_before_the_answer_and_ends_when_the_caller_gives_up() {
    let route = "[[route]]\nuser = 'early'\nanswer = 'echo'\nearly = '60m'\n";
    let program = Program::configured(route);
    let mut caller = Caller::udp(program.udp(), "early");
    caller.invite();
    let progress = caller.expect(183, "INVITE");
    assert!(caller.hears_itself(progress.audio_port()));
    caller.give_up();
    wait_until_free(progress.audio_port());
}

#[test]
fn busy_and_decline_refuse() {
    let program = Program::serve(&[]);
    for (user, status) in [("busy", 486), ("decline", 603)] {
        let mut caller = Caller::udp(program.udp(), user);
        caller.invite();
        caller.expect(status, "INVITE");
        caller.ack_refusal();
    }
}

#[test]
fn hold_holds_and_resumes() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "hold");
    let since = Instant::now();
    let answer = caller.establish();
    let hold = caller.expect_request("INVITE");
    assert_lasted(since, 2);
    assert!(hold.body().contains("a=sendonly\r\n"), "{hold:?}");
    assert_eq!(hold.audio_port(), answer.audio_port());
    let answer_to_hold = caller.description("RTP/AVP 0") + "a=recvonly\r\n";
    caller.accept(&hold, &answer_to_hold);
    caller.expect_request("ACK");
    assert!(!caller.hears_itself_within(answer.audio_port(), Duration::from_secs(1)));

    let resume = caller.expect_request("INVITE");
    assert_lasted(since, 4);
    assert!(resume.body().contains("a=sendrecv\r\n"), "{resume:?}");
    let resumed = caller.description("RTP/AVP 0");
    caller.accept(&resume, &resumed);
    caller.expect_request("ACK");
    assert!(caller.hears_itself(answer.audio_port()));
    caller.hang_up();
}

#[test]
fn timer_insists_on_a_session_timer() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "timer");
    let answer = caller.establish();
    // This caller does not know session timers.
    assert_eq!(answer.header("Session-Expires"), "90;refresher=uas");
    caller.hang_up();
}

#[test]
fn requests_inside_a_call_are_answered() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.establish();
    let relay = "Content-Type: application/dtmf-relay\r\n";
    let requests = [
        ("INFO", relay, "Signal=5\r\nDuration=160\r\n", 200),
        ("INFO", "", "", 200),
        ("INFO", "Content-Type: text/plain\r\n", "hello", 415),
        ("INFO", "Info-Package: unheard-of\r\n", "", 469),
        ("MESSAGE", "Content-Type: text/plain\r\n", "hello", 200),
        ("OPTIONS", "", "", 200),
        ("SUBSCRIBE", "Event: dialog\r\n", "", 405),
        ("DANCE", "", "", 501),
    ];
    for (number, (method, headers, body, status)) in (2..).zip(requests) {
        caller.request(method, number, headers, body);
        caller.expect(status, method);
    }
    caller.hang_up();
}

#[test]
fn transfer_refers_the_caller_to_echo() {
    let program = Program::serve(&[]);
    for (mut caller, here) in [
        (
            Caller::udp(program.udp(), "transfer"),
            program.udp().to_string(),
        ),
        (
            Caller::tcp(program.tcp(), "transfer"),
            format!("{};transport=tcp", program.tcp()),
        ),
    ] {
        let since = Instant::now();
        caller.establish();
        let refer = caller.expect_request("REFER");
        assert_lasted(since, 1);
        assert_eq!(refer.header("Refer-To"), format!("<sip:echo@{here}>"));
        caller.accept(&refer, "");
        caller.hang_up();
    }
}

#[test]
fn moved_names_the_address_the_call_came_in_on() {
    let program = Program::serve(&[]);
    let (udp, tcp) = (program.udp(), program.tcp());
    let mut callers = [
        (Caller::udp(udp, "moved"), udp.to_string()),
        (Caller::tcp(tcp, "moved"), format!("{tcp};transport=tcp")),
    ];
    for (caller, here) in &mut callers {
        caller.invite();
        let moved = caller.expect(302, "INVITE");
        caller.ack_refusal();
        assert_eq!(
            moved.headers("Contact").join(", ").replace(",<", ", <"),
            format!("<sip:echo@{here}>;q=0.9, <sip:ring@{here}>;q=0.5")
        );
    }
}

#[test]
fn silent_rings_until_the_caller_gives_up() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "silent");
    caller.invite();
    caller.expect(180, "INVITE");
    caller.give_up();
}

#[test]
fn a_wait_that_ends_in_480() {
    let program = Program::configured("[[route]]\nuser = 'silent'\nring = '1s'\nreject = 480\n");
    let mut caller = Caller::udp(program.udp(), "silent");
    let since = Instant::now();
    caller.invite();
    caller.expect(180, "INVITE");
    caller.expect(480, "INVITE");
    assert_lasted(since, 1);
    caller.ack_refusal();
}

#[test]
fn hangup_says_bye_after_two_seconds() {
    let program = Program::serve(&[]);
    for mut caller in [
        Caller::udp(program.udp(), "hangup"),
        Caller::tcp(program.tcp(), "hangup"),
    ] {
        let since = Instant::now();
        let answer = caller.establish();
        caller.expect_bye();
        assert_lasted(since, 2);
        wait_until_free(answer.audio_port());
    }
}

#[test]
fn bare_has_no_audio() {
    let program = Program::serve(&[]);
    let mut caller = Caller::udp(program.udp(), "bare");
    caller.invite();
    caller.expect(180, "INVITE");
    let answer = caller.expect(200, "INVITE");
    assert!(answer.body().contains("a=inactive\r\n"), "{answer:?}");
    caller.ack("");
    caller.hang_up();
}

#[test]
fn a_users_route_stands_before_the_built_in_one() {
    let program = Program::configured(
        "[[route]]\nuser = 'echo'\nreject = 404\n\n[[route]]\nuser = 'a b'\nring = '0s'\nreject = 600\n",
    );
    let mut caller = Caller::udp(program.udp(), "echo");
    caller.invite();
    caller.expect(404, "INVITE");
    caller.ack_refusal();

    let mut caller = Caller::udp(program.udp(), "a%20b");
    caller.invite();
    caller.expect(180, "INVITE");
    caller.expect(600, "INVITE");
    caller.ack_refusal();

    let mut caller = Caller::udp(program.udp(), "busy");
    caller.invite();
    caller.expect(486, "INVITE");
    caller.ack_refusal();
}

/// Timers may be late on a busy machine, never early: so this counts from before the program began to.
fn assert_lasted(since: Instant, seconds: u64) {
    let lasted = since.elapsed();
    assert!(lasted >= Duration::from_secs(seconds), "{lasted:?}");
}

#[test]
fn a_caller_that_vanishes_is_hung_up_on() {
    let mut program = Program::configured("longest_call = \"1s\"");
    for user in ["echo", "anybody"] {
        let mut caller = Caller::udp(program.udp(), user);
        caller.establish();
        caller.expect_bye();
    }
    program.wait_for("sessions", 0);
}

/// There is nothing to say, and not even that is said while nobody hears it.
#[test]
fn what_is_played_waits_until_it_is_heard() {
    let sound = file("");
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let writer = WavWriter::create(&sound, spec).expect("a file");
    writer.finalize().expect("room");
    let program = Program::configured(&format!(
        "[[route]]\nuser = 'play'\nanswer = 'play'\nfile = '{}'\n",
        sound.display()
    ));
    fs::remove_file(sound).expect("the file was read, and is there");
    let mut caller = Caller::udp(program.udp(), "play");
    let offer = caller.description("RTP/AVP 0");
    caller.invite_with(&format!("{offer}a=inactive\r\n"));
    caller.expect(200, "INVITE");
    caller.ack("");
    for number in 2..8 {
        caller.request("INFO", number, "", "");
        caller.expect(200, "INFO");
    }
    caller.request("INVITE", 8, "Content-Type: application/sdp\r\n", &offer);
    caller.expect(200, "INVITE");
    caller.request("ACK", 8, "", "");
    caller.expect_bye();
}

/// A sound that began with the 183 would be over, and the call with its ACK.
#[test]
fn what_is_played_waits_for_the_answer() {
    let program = Program::configured(
        "[[route]]\nuser = 'play'\nanswer = 'play'\nearly = '1s'\n\n\
         [[route]]\nuser = 'longer'\nanswer = 'play'\nearly = '1s'\nhangup_after = '10m'\n",
    );
    for user in ["play", "longer"] {
        let mut caller = Caller::udp(program.udp(), user);
        caller.invite();
        caller.expect(183, "INVITE");
        assert!(caller.hears_silence(), "{user}");
        caller.expect(200, "INVITE");
        caller.ack("");
        let since = Instant::now();
        while caller.hears_silence() {
            assert!(since.elapsed() < PATIENCE, "{user}");
        }
        caller.hang_up();
    }
}

#[test]
fn a_call_that_is_refused_leaves_the_bridge_as_it_is() {
    let mut program = Program::serve(&[]);
    let mut waiting = Caller::udp(program.udp(), "bridge");
    waiting.establish();
    let tasks = program.count("tasks");
    let mut refused = Caller::udp(program.udp(), "bridge");
    let offer = refused.description("RTP/AVP 18");
    refused.invite_with(&offer);
    refused.expect(488, "INVITE");
    refused.ack_refusal();
    program.wait_for("tasks", tasks);
    for number in 2..8 {
        waiting.request("INFO", number, "", "");
        waiting.expect(200, "INFO");
    }
    let mut next = Caller::udp(program.udp(), "bridge");
    next.establish();
    next.hang_up();
    waiting.expect_bye();
}

#[test]
fn nobody_joins_a_call_that_we_have_hung_up_on() {
    let mut program = Program::serve(&[]);
    let mut gone = Caller::udp(program.udp(), "bridge");
    let answer = gone.establish();
    gone.request("INFO", 2, "", "");
    gone.expect(200, "INFO");
    let tasks = program.count("tasks");
    gone.request("INVITE", 3, "", "");
    gone.expect(200, "INVITE");
    gone.request("ACK", 3, "Content-Type: application/sdp\r\n", "m=audio");
    let bye = gone.expect_request("BYE");
    wait_until_free(answer.audio_port());

    let mut waiting = Caller::udp(program.udp(), "bridge");
    waiting.establish();
    gone.accept(&bye, "");
    program.wait_for("tasks", tasks);
    for number in 2..8 {
        waiting.request("INFO", number, "", "");
        waiting.expect(200, "INFO");
    }
    let mut next = Caller::udp(program.udp(), "bridge");
    next.establish();
    next.hang_up();
    waiting.expect_bye();
}
