//! The torture messages of RFC 4475 and RFC 5118: what is made of each, by the parser, by the core in virtual time, and
//! over real sockets. `docs/torture.md` is the table of it.

mod cases;
mod sockets;
mod verdict;
mod virtual_time;

use std::fmt::Write;
use std::path::Path;

use cases::{Case, cases};
use offhook::Transport;
use verdict::{Stream, agrees};

#[tokio::test]
async fn the_table_is_true() {
    let mut table = HEAD.to_owned();
    let mut wrong = Vec::new();
    for case in cases() {
        let (parsed, datagram, stream) = (
            parsed(&case),
            virtual_time::received(&case, Transport::Udp),
            virtual_time::received(&case, Transport::Tcp),
        );
        let waits = stream.stream == Stream::Waits;
        for (way, expected, received) in [
            ("datagram", &datagram, sockets::over_udp(&case).await),
            ("stream", &stream, sockets::over_tcp(&case, waits).await),
        ] {
            if *expected != received {
                wrong.push(format!(
                    "{}, {way}: {received} over a socket, {expected} in virtual time",
                    case.name
                ));
            }
            if !agrees(&case, way, expected) {
                wrong.push(format!(
                    "{}, {way}: {expected} where it should be: {}",
                    case.name, case.expected
                ));
            }
        }
        let Case {
            name,
            section,
            class,
            expected,
            ..
        } = case;
        let _ = writeln!(
            table,
            "| {name} | {section} | {class} | {expected} | {parsed} | {datagram} | {stream} |"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    compare(&table);
}

/// Whether the parser takes it, over a datagram.
fn parsed(case: &Case) -> String {
    match offhook::message::parse(case.bytes.clone()) {
        Ok(_) => "taken".to_owned(),
        Err(malformed) => malformed.to_string(),
    }
}

fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/torture.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if written != table {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture.md");
        std::fs::write(&new, table).unwrap();
        panic!(
            "docs/torture.md differs from what happens. Where that is right: cp {} docs/",
            new.display()
        );
    }
}

const HEAD: &str = "\
# Torture messages

What becomes of the messages of [RFC 4475](https://www.rfc-editor.org/rfc/rfc4475) and
[RFC 5118](https://www.rfc-editor.org/rfc/rfc5118). `offhook/tests/torture` writes this table and fails when it is not true.

*Parser* is the verdict on the syntax of the message as a whole; single headers are read when they are asked for.
*Datagram* and *stream* are the final answers of a user agent whose application is busy when it is called, which is 486,
and takes every REGISTER and MESSAGE for an address of SIP, which is 200. They are the same in the core in virtual time and
over UDP and TCP on the loopback interface, where the topmost Via names our socket and nothing else is changed.
*Waits* is a message whose end does not come; the connection is closed when it has waited too long. *Closed* is a
stream whose next message nobody could find.

| message | section | class | expected | parser | datagram | stream |
|---|---|---|---|---|---|---|
";
