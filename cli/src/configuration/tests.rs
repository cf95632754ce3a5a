use offhook::{Transport, message::Rejection};

use super::*;
use crate::answering::{Choice, Menu, melody};

fn route(user: &str, ring: Option<u64>, outcome: Outcome) -> Route {
    Route {
        user: user.to_owned(),
        ring: ring.map(Duration::from_secs),
        outcome,
        authenticate: false,
    }
}

fn answer(media: Media) -> Answer {
    Answer {
        media,
        early: None,
        hangup_after: None,
        hold_after: None,
        resume_after: None,
        session_expires: None,
        transfer: None,
    }
}

fn reject(code: u16) -> Outcome {
    Outcome::Reject(Rejection::new(code).unwrap())
}

#[test]
fn the_default_routes() {
    let routes = Configuration::read(None).unwrap().routes;
    let echo = || Outcome::Answer(answer(Media::Echo));
    let early = Answer {
        early: Some(Duration::from_secs(2)),
        ..answer(Media::Echo)
    };
    let hangup = Answer {
        hangup_after: Some(Duration::from_secs(2)),
        ..answer(Media::Echo)
    };
    let timer = Answer {
        session_expires: Some(90),
        ..answer(Media::Echo)
    };
    let hold = Answer {
        hold_after: Some(Duration::from_secs(2)),
        resume_after: Some(Duration::from_secs(4)),
        ..answer(Media::Echo)
    };
    let record = Answer {
        hangup_after: Some(Duration::from_secs(30)),
        ..answer(Media::Record)
    };
    let menu = Menu {
        sound: melody(),
        choices: [('1', Choice::Echo), ('2', Choice::HangUp)]
            .map(|(key, choice)| (key.try_into().unwrap(), choice))
            .into(),
    };
    for expected in [
        route("*", None, echo()),
        route("echo", None, echo()),
        route("ring", Some(3), echo()),
        route("early", None, Outcome::Answer(early)),
        route("busy", None, reject(486)),
        route("decline", None, reject(603)),
        route("silent", Some(60), reject(480)),
        route("hangup", None, Outcome::Answer(hangup)),
        route("timer", None, Outcome::Answer(timer)),
        route("hold", None, Outcome::Answer(hold)),
        route("play", None, Outcome::Answer(answer(Media::Play(melody())))),
        route("record", None, Outcome::Answer(record)),
        route("dtmf", None, Outcome::Answer(answer(Media::Dtmf))),
        route("menu", None, Outcome::Answer(answer(Media::Menu(menu)))),
        route("bridge", None, Outcome::Answer(answer(Media::Bridge))),
        route("bare", Some(0), Outcome::Answer(answer(Media::Bare))),
    ] {
        assert_eq!(routes.of(Some(&expected.user)), &expected);
    }

    let Outcome::Redirect(targets) = &routes.of(Some("moved")).outcome else {
        panic!("`moved` does not redirect");
    };
    let local = "[2001:db8::1]:5070".parse().unwrap();
    let contacts = targets.iter().map(|target| {
        let contact = target.contact(Transport::Tcp, local).unwrap();
        (contact.uri.to_string(), contact.q.map(|q| q.to_string()))
    });
    let Outcome::Answer(transferring) = &routes.of(Some("transfer")).outcome else {
        panic!("`transfer` does not answer");
    };
    let (after, target) = transferring.transfer.as_ref().unwrap();
    let contact = target.contact(Transport::Udp, local).unwrap();
    assert_eq!(*after, Duration::from_secs(1));
    assert_eq!(contact.uri.to_string(), "sip:echo@[2001:db8::1]:5070");
    let expected = [("echo", "0.9"), ("ring", "0.5")].map(|(user, q)| {
        let uri = format!("sip:{user}@[2001:db8::1]:5070;transport=tcp");
        (uri, Some(q.to_owned()))
    });
    assert_eq!(contacts.collect::<Vec<_>>(), expected);
}

#[test]
fn the_default_settings() {
    let configuration = Configuration::read(None).unwrap();
    assert_eq!(
        configuration.listen,
        ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "ws:127.0.0.1:5066"]
    );
    assert!(configuration.allow_origin.is_empty());
    assert_eq!(configuration.drain, Duration::from_secs(5));
    assert_eq!(configuration.max_calls, 10_000);
    assert_eq!(
        configuration.max_transactions,
        offhook::Limits::default().transactions
    );
}

#[test]
fn a_listed_setting_replaces_the_default_and_the_rest_stays() {
    let configuration = Configuration::parse(
        "max_calls = 2\nrtp_ports = '10000-20000'\n\
         [[route]]\nuser = 'echo'\nreject = 404\n\
         [[route]]\nuser = 'bob'\nring = '500ms'\nanswer = 'bare'\nhangup_after = '1m'\n",
    )
    .unwrap();
    assert_eq!(configuration.max_calls, 2);
    assert_eq!(configuration.drain, Duration::from_secs(5));

    let routes = configuration.routes;
    assert_eq!(routes.of(Some("echo")), &route("echo", None, reject(404)));
    assert_eq!(routes.of(Some("busy")), &route("busy", None, reject(486)));
    let bob = routes.of(Some("bob"));
    assert_eq!(bob.ring, Some(Duration::from_millis(500)));
    let expected = Answer {
        hangup_after: Some(Duration::from_mins(1)),
        ..answer(Media::Bare)
    };
    assert_eq!(bob.outcome, Outcome::Answer(expected));
}

#[test]
fn a_user_without_a_route_has_that_of_every_other() {
    let routes = Configuration::parse("[[route]]\nuser = '*'\nreject = 404\n")
        .unwrap()
        .routes;
    for user in [None, Some("Busy"), Some(""), Some("*")] {
        assert_eq!(routes.of(user), &route("*", None, reject(404)), "{user:?}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place() {
    for (text, expected) in [
        (
            "listen = 5060",
            r#"1: `listen`: expected one listener or more such as ["udp:0.0.0.0:5060"], found 5060"#,
        ),
        (
            "\nlisten = []",
            r#"2: `listen`: expected one listener or more such as ["udp:0.0.0.0:5060"], found []"#,
        ),
        (
            "\n\nport = 5060",
            "3: unknown field `port`, expected one of `listen`, `allow_origin`, `drain`, `max_calls`, `max_transactions`, `longest_call`, `realm`, `algorithms`, `rtp_ports`, `media_timeout`, `recordings`, `tls`, `advertise`, `dns`",
        ),
        (
            "dns = 53",
            r#"1: `dns`: expected an address such as "192.0.2.53" or "192.0.2.53:5353", found 53"#,
        ),
        (
            "allow_origin = '*'",
            r#"1: `allow_origin`: expected a list of origins such as ["https://phone.example.com"], found "*""#,
        ),
        (
            "max_calls = 0",
            "1: `max_calls`: expected a number above 0, found 0",
        ),
        (
            "max_transactions = -1",
            "1: `max_transactions`: expected a number above 0, found -1",
        ),
        (
            "drain = 5",
            r#"1: `drain`: expected a time from "0s" to "60m" such as "3s" or "500ms", found 5"#,
        ),
        (
            "drain = '5'",
            r#"1: `drain`: expected a time from "0s" to "60m" such as "3s" or "500ms", found "5""#,
        ),
        (
            "drain = \"\"\"a\nb\"\"\"",
            r#"1: `drain`: expected a time from "0s" to "60m" such as "3s" or "500ms", found """ a b""""#,
        ),
        (
            "rtp_ports = '9-1'",
            r#"1: `rtp_ports`: expected the first and the last port such as "10000-20000", an even one and the next among them, found "9-1""#,
        ),
        (
            "drain = ",
            "1: string values must be quoted, expected literal string",
        ),
        (
            "route = 'echo'",
            "1: a route begins with the line `[[route]]`, and its keys follow",
        ),
    ] {
        assert_eq!(defect(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_sound_or_a_menu_is_said() {
    for (keys, expected) in [
        (
            "answer = 'play'\nfile = '/nowhere/a.wav'",
            r#"4: route "a": `file`: /nowhere/a.wav cannot be played: "#,
        ),
        (
            "answer = 'echo'\nfile = 'Cargo.toml'",
            r#"4: route "a": `file`: Cargo.toml cannot be played: "#,
        ),
        (
            "answer = 'menu'",
            r#"1: route "a": `answer = "menu"` and `choices` need each other"#,
        ),
        (
            "answer = 'menu'\nchoices = { 12 = 'echo' }",
            r#"4: route "a": `choices`: "12" is no key; expected 0 to 9, *, # or A to D"#,
        ),
    ] {
        let defect = defect(&format!("[[route]]\nuser = 'a'\n{keys}"));
        assert!(defect.starts_with(expected), "{keys}: {defect}");
    }
}

#[test]
fn what_is_wrong_in_a_route_is_said_with_its_user() {
    for (keys, expected) in [
        (
            "ring = '3h'\nreject = 486",
            r#"3: route "a": `ring`: expected a time from "0s" to "60m" such as "3s" or "500ms", found "3h""#,
        ),
        (
            "rings = '3s'\nreject = 486",
            r#"3: route "a": unknown field `rings`, expected one of `user`, `ring`, `answer`, `file`, `choices`, `reject`, `redirect`, `early`, `hangup_after`, `hold_after`, `resume_after`, `session_expires`, `transfer_to`, `transfer_after`, `authenticate`"#,
        ),
        (
            "answer = 'tune'",
            r#"3: route "a": `answer`: unknown variant `tune`, expected one of `echo`, `bare`, `play`, `record`, `dtmf`, `menu`, `bridge`"#,
        ),
        (
            "reject = 200",
            r#"3: route "a": `reject`: expected a status from 400 to 699, found 200"#,
        ),
        (
            "reject = '486'",
            r#"3: route "a": `reject`: expected a status from 400 to 699, found "486""#,
        ),
        (
            "reject = 70000",
            r#"3: route "a": `reject`: expected a status from 400 to 699, found 70000"#,
        ),
        (
            "ring = '3s'",
            r#"1: route "a": one of `answer`, `reject` and `redirect` is needed"#,
        ),
        (
            "answer = 'echo'\nreject = 486",
            r#"1: route "a": only one of `answer`, `reject` and `redirect` can be set"#,
        ),
        (
            "early = '1s'\nreject = 486",
            r#"1: route "a": `early` needs an `answer` with audio"#,
        ),
        (
            "early = '1s'\nanswer = 'bare'",
            r#"1: route "a": `early` needs an `answer` with audio"#,
        ),
        (
            "hangup_after = '1s'\nreject = 486",
            r#"1: route "a": `hangup_after` needs `answer`"#,
        ),
        (
            "session_expires = 90\nreject = 486",
            r#"1: route "a": `session_expires` needs `answer`"#,
        ),
        (
            "session_expires = 60\nanswer = 'echo'",
            r#"3: route "a": `session_expires`: expected a number of seconds from 90 to 86400, found 60"#,
        ),
        (
            "hold_after = '1s'\nanswer = 'bare'",
            r#"1: route "a": `hold_after` needs an `answer` with audio"#,
        ),
        (
            "resume_after = '1s'\nanswer = 'echo'",
            r#"1: route "a": `resume_after` needs a shorter `hold_after`"#,
        ),
        (
            "hold_after = '1s'\nresume_after = '1s'\nanswer = 'echo'",
            r#"1: route "a": `resume_after` needs a shorter `hold_after`"#,
        ),
        (
            "redirect = []",
            r#"1: route "a": `redirect` is empty; list at least one { uri = "sip:…" }"#,
        ),
        (
            "redirect = [{ uri = 'sip:b@{there}' }]",
            r#"3: route "a": `redirect`: `uri` "sip:b@{there}" has a placeholder other than {here}"#,
        ),
        (
            "redirect = [{ uri = 'b' }]",
            r#"3: route "a": `redirect`: `uri` "b" cannot be a Contact: the URI has no scheme"#,
        ),
        (
            "redirect = [{ uri = 'sip:b@{here}', q = 1.5 }]",
            r#"3: route "a": `redirect`: `q` is 1.5; expected 0 to 1 with at most three decimals"#,
        ),
        (
            "redirect = [{ uri = 'sip:b@{here}', q = 0.1234 }]",
            r#"3: route "a": `redirect`: `q` is 0.1234; expected 0 to 1 with at most three decimals"#,
        ),
        (
            "reject = 486\n[[route]]\nuser = 'a'\nreject = 603",
            r#"4: route "a" is there twice; leave one out"#,
        ),
    ] {
        assert_eq!(
            defect(&format!("[[route]]\nuser = 'a'\n{keys}")),
            expected,
            "{keys}"
        );
    }
}

#[test]
fn a_route_needs_a_user() {
    for (text, expected) in [
        (
            "[[route]]\nanswer = 'echo'",
            "1: route without a user: missing field `user`",
        ),
        (
            "[[route]]\nuser = 5\nanswer = 'echo'",
            "2: route without a user: `user`: invalid type: integer `5`, expected a string",
        ),
        (
            "[[route]]\nuser = ''\nanswer = 'echo'",
            r#"1: route "": `user` is empty; write "*" for every user that has no route"#,
        ),
    ] {
        assert_eq!(defect(text), expected, "{text}");
    }
}

#[test]
fn an_account_has_what_it_needs_from_its_address() {
    let configuration = Configuration::parse(
        "[[account]]\naor = 'sip:100@pbx:5070;transport=tcp'\npassword = 's3cret'\nroute = 'ring'\n\
         [[account]]\naor = 'sip:200@pbx'\nregistrar = 'sip:192.0.2.1'\nproxy = 'sip:192.0.2.2'\n\
         user = 'bob'\nrealm = 'pbx'\nha1 = '939E7578ED9E3C518A452ACEE763BCE9'\nexpires = 60\n\
         [[account]]\naor = 'sip:300@pbx'\n",
    )
    .unwrap();
    let [first, second, third] = &configuration.accounts.accounts[..] else {
        panic!("three accounts");
    };
    assert_eq!(first.registrar.to_string(), "sip:pbx:5070;transport=tcp");
    assert_eq!(first.expires, 600);
    let username = |account: &crate::registering::Account| {
        let credentials = account.path.credentials.as_ref();
        credentials.map(|it| it.username().as_str().to_owned())
    };
    assert_eq!(username(first).as_deref(), Some("100"));
    assert_eq!(second.registrar.to_string(), "sip:192.0.2.1");
    let proxy = second.path.proxy.as_ref().map(ToString::to_string);
    assert_eq!(proxy.as_deref(), Some("sip:192.0.2.2;lr"));
    assert_eq!(username(second).as_deref(), Some("bob"));
    assert_eq!(second.expires, 60);
    assert_eq!(username(third), None);

    assert_eq!(configuration.route(Some("100")).user, "ring");
    assert_eq!(configuration.route(Some("200")).user, "*");
    assert!(!format!("{configuration:?}").contains("s3cret"));
}

#[test]
fn what_is_wrong_in_an_account_is_said_with_its_address_and_without_its_password() {
    for (keys, expected) in [
        (
            "password = 7654321",
            "3: account \"sip:a@b\": `password`: expected a text in quotes",
        ),
        (
            "password = 'x'\nha1 = 'y'",
            "1: account \"sip:a@b\": only one of `password`, `password_env` and `ha1` can be set",
        ),
        (
            "user = 'x'",
            "1: account \"sip:a@b\": `user` needs `password`, `password_env` or `ha1`",
        ),
        (
            "password_env = 'OFFHOOK_NO_SUCH_VARIABLE'",
            "1: account \"sip:a@b\": `password_env` names \"OFFHOOK_NO_SUCH_VARIABLE\", and there is no such variable",
        ),
        (
            "realm = 'r'\nha1 = '939e7578ed9e3c518a452acee763bce'",
            "1: account \"sip:a@b\": `ha1` is not 32 (MD5) or 64 (SHA-256) hexadecimal digits",
        ),
        (
            "ha1 = '939e7578ed9e3c518a452acee763bce9'",
            "1: account \"sip:a@b\": `ha1` needs `realm`",
        ),
        (
            "registrar = 'b'",
            "1: account \"sip:a@b\": `registrar`: the URI has no scheme; expected for example sip:echo@192.0.2.1",
        ),
        (
            "expires = 0",
            "1: account \"sip:a@b\": `expires` is 0; expected 1 to 604800 s",
        ),
        (
            "route = 'nobody'",
            "1: account \"sip:a@b\" takes the route \"nobody\", and there is none",
        ),
        (
            "[[account]]\naor = 'sip:a@b'",
            "3: account \"sip:a@b\" is there twice; leave one out",
        ),
        (
            "[[account]]\naor = 'sip:a@c'\nroute = 'ring'",
            "3: account \"sip:a@c\" has the user of another account and not its `route`: their calls cannot be told apart",
        ),
    ] {
        let text = format!("[[account]]\naor = 'sip:a@b'\n{keys}");
        assert_eq!(defect(&text), expected, "{keys}");
    }
    assert_eq!(
        defect("[[account]]\nroute = 'ring'"),
        "1: account without an aor: missing field `aor`"
    );
    assert_eq!(
        defect("[[account]]\naor = 'sip:b'"),
        "1: account \"sip:b\": `aor`: expected for example sip:alice@example.com"
    );
}

#[test]
fn a_route_may_want_to_know_its_callers() {
    let configuration = Configuration::parse(
        "realm = 'lab'\n[[route]]\nuser = 'private'\nanswer = 'echo'\nauthenticate = true\n\
         [[user]]\nname = 'alice'\npassword = 's3cret'\n\
         [[user]]\nname = 'bob'\npassword_env = 'CARGO_MANIFEST_DIR'\n",
    )
    .unwrap();
    assert!(configuration.route(Some("private")).authenticate);
    assert!(!configuration.route(Some("echo")).authenticate);
    assert!(!format!("{configuration:?}").contains("s3cret"));

    let md5 = format!("[[user]]\nname = 'a'\nha1 = '{}'\n", "0".repeat(32));
    let sha_256 = "0".repeat(64);
    for (text, expected) in [
        (
            "[[route]]\nuser = 'private'\nanswer = 'echo'\nauthenticate = true".to_owned(),
            "route \"private\" has `authenticate`, and there is no `[[user]]`",
        ),
        (
            "[[user]]\npassword = 'x'".to_owned(),
            "1: user without a name: missing field `name`",
        ),
        (
            "[[user]]\nname = 'a'".to_owned(),
            "1: user \"a\": one of `password`, `password_env` and `ha1` is needed",
        ),
        (
            format!("{md5}{md5}"),
            "4: user \"a\" is there twice; leave one out",
        ),
        (
            format!("{md5}[[user]]\nname = 'b'\nha1 = '{sha_256}'"),
            "4: user \"b\" has a hash that is none of `algorithms`, or not all users can be asked for",
        ),
        (
            "algorithms = ['SHA-1']".to_owned(),
            r#"1: `algorithms`: expected one or more of "MD5", "SHA-256" and "SHA-512-256", found ["SHA-1"]"#,
        ),
    ] {
        assert_eq!(defect(&text), expected, "{text}");
    }
}

#[test]
fn a_transfer_needs_an_answer_and_a_target() {
    for (keys, expected) in [
        (
            "transfer_to = 'sip:a@b'\nreject = 486",
            r#"1: route "a": `transfer_to` needs `answer`"#,
        ),
        (
            "transfer_after = '1s'\nanswer = 'bare'",
            r#"1: route "a": `transfer_after` needs `transfer_to`"#,
        ),
    ] {
        assert_eq!(defect(&format!("[[route]]\nuser = 'a'\n{keys}")), expected);
    }
}

/// What is said of the text, without the name of the file.
fn defect(text: &str) -> String {
    let defect = Configuration::parse(text).expect_err(text);
    let error = defect.in_file(Path::new("lab.toml")).to_string();
    let what = error.strip_prefix("lab.toml:");
    let what = what.expect("it starts with the file");
    what.trim_start().to_owned()
}
