//! `offhook register`, `offhook call` with a password, and the accounts of `offhook serve`.

use std::{iter, net::TcpListener};

use serde_json::Value;

use crate::{
    peer::{CHALLENGE, NameServer, Peer},
    program::{File, Program, offhook},
};

fn register(peer: &Peer, arguments: &[&str]) -> Program {
    let aor = format!("sip:alice@{}", peer.address());
    let mut program = Program::start(offhook(&["register", &aor]).args(arguments));
    assert_eq!(program.expect("registering")["aor"], aor);
    program
}

#[test]
fn a_binding_is_kept_and_taken_away() {
    let peer = Peer::new();
    let mut program = register(&peer, &["--expires", "2"]);
    let request = peer.challenge("REGISTER");
    assert_eq!(request.header("Expires"), "2");
    let (from, to) = (request.header("From"), request.header("To"));
    assert_eq!(
        to, "<sip:alice@127.0.0.1>",
        "who it is, not how to get there"
    );
    assert!(from.starts_with("<sip:alice@127.0.0.1>;tag="), "{from}");
    peer.grant(&request, 2);
    let line = program.expect("registered");
    assert_eq!(
        (&line["status"], &line["expires"]),
        (&200.into(), &2.into())
    );
    assert_eq!(line["bindings"][0]["expires"], 2);

    let request = peer.expect("REGISTER");
    assert!(request.header("Authorization").contains("nc=00000002"));
    peer.grant(&request, 100);
    assert_eq!(program.expect("refreshed")["expires"], 100);

    peer.begin("INVITE", request.from, "");
    peer.expect("SIP/2.0 480");

    program.interrupt();
    let request = peer.expect("REGISTER");
    assert_eq!(request.header("Expires"), "0");
    peer.respond(&request, "200 OK", "");
    assert_eq!(program.expect("unregistered")["status"], 200);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_registrar_that_refuses_ends_it_with_1() {
    let peer = Peer::new();
    for (status, headers) in [
        ("403 Forbidden", ""),
        ("503 Service Unavailable", "Retry-After: 60\r\n"),
    ] {
        let mut program = register(&peer, &[]);
        peer.respond(&peer.challenge("REGISTER"), status, headers);
        let line = program.expect("refused");
        assert!(status.starts_with(&line["status"].to_string()), "{line}");
        assert_eq!(line["retry_in"], Value::Null, "it is not tried again");
        assert_eq!(program.exit_code(), Some(1));
    }
}

#[test]
fn a_registrar_that_says_nothing_ends_it_with_3() {
    let peer = Peer::new();
    let mut program = register(&peer, &[]);
    peer.expect("REGISTER");
    program.interrupt();
    program.expect("failed");
    assert_eq!(program.exit_code(), Some(3));
}

#[test]
fn a_second_signal_ends_it_at_once_and_a_refusal_is_told() {
    let peer = Peer::new();
    for is_answered in [false, true] {
        let mut program = register(&peer, &[]);
        peer.grant(&peer.challenge("REGISTER"), 100);
        program.expect("registered");
        program.interrupt();
        // The first signal has come: two that wait at once are one.
        let request = peer.expect("REGISTER");
        assert_eq!(request.header("Expires"), "0");
        if is_answered {
            peer.respond(&request, "403 Forbidden", "");
            assert_eq!(program.expect("refused")["status"], 403);
            assert_eq!(program.exit_code(), Some(1));
        } else {
            program.interrupt();
            let line = program.expect("failed");
            assert_eq!(
                line["cause"],
                "we did not wait for an answer to our leaving"
            );
            assert_eq!(program.exit_code(), Some(130));
        }
    }
}

#[test]
fn what_cannot_be_registered_exits_with_2() {
    for arguments in [
        &["sip:example.com"][..],
        &["tel:1"],
        &["sip:a@b", "--expires", "0"],
        &["sip:a@b", "--registrar", "b"],
        &["sip:alice@nobody.invalid"],
    ] {
        let output = offhook(&["register"]).args(arguments).output();
        assert_eq!(
            output.expect("it ends").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_call_answers_challenges_and_goes_through_its_proxy() {
    let peer = Peer::new();
    let proxy = format!("sip:{}", peer.address());
    let call = [
        "call",
        "sip:bob@example.invalid",
        "--bare",
        "--proxy",
        &proxy,
    ];
    let mut program = Program::start(offhook(&call).args(["--user", "alice"]));
    program.expect("calling");
    let invite = peer.expect("INVITE");
    assert!(
        invite
            .text
            .starts_with("INVITE sip:bob@example.invalid SIP/2.0\r\n")
    );
    assert_eq!(invite.header("Route"), format!("<{proxy};lr>"));
    let challenge = CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate");
    peer.respond(&invite, "407 Proxy Authentication Required", &challenge);
    let invite = peer.expect("INVITE");
    assert!(invite.header("Proxy-Authorization").contains("nc=00000001"));
    let elsewhere = "Contact: <sip:carol@elsewhere.invalid>\r\n";
    peer.respond(&invite, "302 Moved Temporarily", elsewhere);
    assert_eq!(program.expect("redirected")["status"], 302);
    let invite = peer.expect("INVITE");
    let start = "INVITE sip:carol@elsewhere.invalid SIP/2.0\r\n";
    assert!(invite.text.starts_with(start), "{}", invite.text);
    assert_eq!(invite.header("Route"), format!("<{proxy};lr>"));
    peer.respond(&invite, "486 Busy Here", "");
    assert_eq!(program.expect("rejected")["status"], 486);
    assert_eq!(program.exit_code(), Some(1));
}

#[test]
fn a_load_answers_challenges_and_goes_through_its_proxy() {
    let peer = Peer::new();
    let proxy = format!("sip:{}", peer.address());
    let load = ["load", "sip:bob@example.invalid", "--calls", "1"];
    let arguments = ["--proxy", &proxy, "--user", "alice"];
    let mut program = Program::start(offhook(&load).args(arguments));
    let challenge = CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate");
    let invite = peer.expect("INVITE");
    peer.respond(&invite, "407 Proxy Authentication Required", &challenge);
    let invite = peer.expect("INVITE");
    assert_eq!(invite.header("Route"), format!("<{proxy};lr>"));
    assert!(invite.header("Proxy-Authorization").contains("nc=00000001"));
    peer.respond(&invite, "486 Busy Here", "");
    let summary = iter::repeat_with(|| program.line()).find(|line| line["event"] == "summary");
    assert_eq!(summary.expect("it sums up")["failures"]["486"], 1);
}

#[test]
fn a_password_on_the_command_line_is_warned_of_and_not_shown() {
    let peer = Peer::new();
    let uri = format!("sip:bob@{}", peer.address());
    let secret = ["--user", "alice", "--password", "pa55word"];
    let mut command = offhook(&["call", &uri, "--bare", "--timeout", "0", "--log", "trace"]);
    let output = command.args(secret).output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("can read --password"), "{told}");
    assert!(!told.contains("pa55word"), "{told}");
}

#[test]
fn an_account_is_registered_and_its_calls_take_its_route() {
    let peer = Peer::new();
    let text = format!(
        "listen = ['udp:127.0.0.1:0']\n[[account]]\naor = 'sip:alice@{}'\n\
         password_env = 'OFFHOOK_PASSWORD'\nroute = 'decline'\n",
        peer.address()
    );
    let file = File::new("account", &text);
    let path = file.0.to_str().expect("a UTF-8 path");
    let mut program = Program::start(&mut offhook(&["serve", "--config", path]));
    let listening = program.expect("listening");
    program.expect("registering");
    let request = peer.challenge("REGISTER");
    let address = listening["address"].as_str().expect("an address");
    let contact = request.header("Contact");
    assert_eq!(contact, format!("<sip:alice@{address}>;expires=600"));
    peer.grant(&request, 600);
    program.expect("registered");

    let uri = format!("sip:alice@{address}");
    let mut call = Program::start(&mut offhook(&["call", &uri, "--bare"]));
    call.expect("calling");
    assert_eq!(call.expect("rejected")["status"], 603);
    assert_eq!(call.exit_code(), Some(1));

    program.interrupt();
    let request = peer.expect("REGISTER");
    assert_eq!(request.header("Expires"), "0");
    peer.respond(&request, "200 OK", "");
    program.expect("unregistered");
    assert_eq!(program.exit_code(), Some(0));
}

/// RFC 3263 §4: it may have moved.
#[test]
fn a_registrar_that_has_failed_is_looked_up_again() {
    let names = NameServer::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = listener.local_addr().expect("its address").port();
    drop(listener);
    let text = format!(
        "listen = ['tcp:127.0.0.1:0']\ndns = '{}'\n\
         [[account]]\naor = 'sip:alice@registrar.example:{closed};transport=tcp'\n",
        names.address()
    );
    let file = File::new("moved", &text);
    let path = file.0.to_str().expect("a UTF-8 path");
    let mut program = Program::start(&mut offhook(&["serve", "--config", path]));
    program.expect("listening");
    names.answer();
    program.expect("registering");
    assert_eq!(
        program.expect("failed")["cause"],
        "the request could not be delivered"
    );
    names.answer();
}

#[test]
fn a_route_asks_its_callers_who_they_are() {
    let text = "listen = ['udp:127.0.0.1:0']\nrealm = 'lab'\n\
        [[user]]\nname = 'alice'\npassword = 's3cret'\n\
        [[route]]\nuser = 'private'\nanswer = 'bare'\nauthenticate = true\n";
    let file = File::new("users", text);
    let path = file.0.to_str().expect("a UTF-8 path");
    let mut server = Program::start(&mut offhook(&["serve", "--config", path]));
    let listening = server.expect("listening");
    let address = listening["address"].as_str().expect("an address");
    let uri = format!("sip:private@{address}");
    let call = |user: &[&str]| {
        let call = ["call", &uri, "--bare", "--duration", "0"];
        let mut call = Program::start(offhook(&call).args(user));
        call.expect("calling");
        call
    };
    let mut known = call(&["--user", "alice"]);
    known.expect("established");
    known.expect("ended");
    for user in [
        &["--user", "bob"][..],
        &["--user", "alice", "--password", "guess"],
        &[],
    ] {
        assert_eq!(call(user).expect("rejected")["status"], 401, "{user:?}");
    }
}
