//! SIP.js and `JsSIP` in a real Chromium call over WebSocket, with WebRTC audio that is measured in the page.

use std::{
    io::{self, Write},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Error, Result, ensure};
use offhook_interop::{Baresip, Browser, Offhook, Scratch, Server};

macro_rules! scenarios {
    ($($scheme:ident $library:ident: $($name:ident)*;)*) => {
        $(
            mod $scheme {
                $(
                    #[test]
                    fn $name() -> anyhow::Result<()> {
                        let scenario = concat!(stringify!($library), "/", stringify!($name));
                        super::super::run(stringify!($scheme), scenario)
                    }
                )*
            }
        )*
    };
}

mod sipjs {
    scenarios!(
        ws sipjs: echo ring early busy moved cancel hold keys_by_info keys_by_rtp transfer hangup;
        wss sipjs: echo ring early busy moved cancel hold keys_by_info keys_by_rtp transfer hangup;
    );
}

mod jssip {
    scenarios!(
        ws jssip: echo hold keys_by_info keys_by_rtp;
        wss jssip: echo hold keys_by_info keys_by_rtp;
    );
}

/// Chromium speaks Opus, baresip PCMU, and each hears the tone of the other.
#[test]
fn bridge() -> Result<()> {
    let Some(offhook) = Offhook::find(&["node", "chromium", "baresip"])? else {
        return Ok(());
    };
    let browser = Browser::shared()?;
    let server = serve(&offhook, "ws")?;
    let baresip = Baresip::call(&server.uri("bridge"))?;
    baresip.wait_until_established()?;
    browser
        .run("sipjs/bridge", &url(&server, "ws")?)
        .with_context(|| server.process().tail())?;
    let heard = baresip.heard_tone(BROWSER_TONE)?;
    ensure!(heard >= AUDIBLE, "the browser's tone came for {heard:.1} s");
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Also where its name points to the server (DNS rebinding).
#[test]
fn a_page_of_elsewhere_needs_leave_to_call() -> Result<()> {
    let Some(offhook) = Offhook::find(&["node", "chromium"])? else {
        return Ok(());
    };
    let browser = Browser::shared()?;
    let server = serve(&offhook, "ws")?;
    let port = server.listening("ws")?.port();
    for (page, host, scenario) in [
        ("page.example", "127.0.0.1", "is_refused"),
        ("page.example", "page.example", "is_refused"),
        ("localhost", "127.0.0.1", "opens"),
    ] {
        let url = format!("ws://{host}:{port}");
        browser
            .run_from(page, &format!("websocket/{scenario}"), &url)
            .with_context(|| server.process().tail())?;
    }
    let is_told = |line: &str| line.contains("see allow_origin") && line.contains("page.example");
    server.process().wait_for_line(STEP, is_told)?;
    server.stop()?;

    let listen = ["--listen", "ws:127.0.0.1:0", "--allow-origin", "*"];
    let server = offhook.serve_by(Command::new(offhook.binary()), &listen)?;
    browser
        .run_from("page.example", "websocket/opens", &url(&server, "ws")?)
        .with_context(|| server.process().tail())?;
    server.stop()
}

fn run(scheme: &str, scenario: &str) -> Result<()> {
    let Some(offhook) = Offhook::find(&["node", "chromium"])? else {
        return Ok(());
    };
    let browser = Browser::shared()?;
    let server = serve(&offhook, scheme)?;
    let url = url(&server, scheme)?;
    let mut outcome = browser.run(scenario, &url);
    for _ in 1..RUNS {
        let Some(error) = outcome.as_ref().err().filter(|error| is_torn(error)) else {
            break;
        };
        // Past the harness, which keeps what a test prints that passes.
        writeln!(io::stderr(), "REPEATED: {scenario}: {error:#}")?;
        outcome = browser.run(scenario, &url);
    }
    outcome.with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

/// Whether a page heard other keys than were pressed, as `sound.js` says it. A busy machine tears their tones; any other
/// failure is a defect at once.
fn is_torn(error: &Error) -> bool {
    let told = error.to_string();
    let first = told.lines().next().unwrap_or_default();
    TORN.iter().any(|torn| first.contains(torn))
}

#[test]
fn only_torn_keys_are_given_another_run() {
    let is_torn = |told: &'static str| is_torn(&Error::msg(told));
    assert!(is_torn(
        "page.evaluate: Error: not the keys 12: heard []\n    at Ear"
    ));
    assert!(is_torn(
        "page.evaluate: Error: waited 30000 ms for the keys 12; heard []"
    ));
    assert!(!is_torn(
        "page.evaluate: Error: there was no BYE\nnot the keys"
    ));
    assert!(!is_torn("not over after 90000 ms"));
}

fn serve(offhook: &Offhook, scheme: &str) -> Result<Server> {
    let scratch = Scratch::new("browser")?;
    let mut command = Command::new(offhook.binary());
    // Where the certificate for development is kept. It is read at the start.
    command.env("XDG_STATE_HOME", scratch.path());
    // What is heard early must be heard in this time.
    let route = "[[route]]\nuser = 'early'\nanswer = 'echo'\nearly = '8s'\n";
    let file = scratch.write("offhook.toml", route)?;
    let file = file.to_str().context("the path is no UTF-8")?;
    let listener = format!("{scheme}:127.0.0.1:0");
    offhook.serve_by(command, &["--listen", &listener, "--config", file])
}

fn url(server: &Server, scheme: &str) -> Result<String> {
    Ok(format!("{scheme}://{}", server.listening(scheme)?))
}

/// How often a scenario is run at the most.
const RUNS: usize = 3;
const TORN: [&str; 2] = ["not the keys ", " ms for the keys "];
/// What the pages say, in Hz.
const BROWSER_TONE: f64 = 1000.0;
/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
const STEP: Duration = Duration::from_mins(1);
