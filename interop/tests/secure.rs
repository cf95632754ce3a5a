//! baresip calls over TLS with a tone and hears it come back; the certificate is replaced meanwhile.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Offhook, Scratch, Signal};

#[test]
fn echo_over_tls() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip"])? else {
        return Ok(());
    };
    // The certificate for development lies in here.
    let state = Scratch::new("state")?;
    let mut command = Command::new(offhook.binary());
    command.env("STATE_DIRECTORY", state.path());
    let server = offhook.serve_by(command, &["--listen", "tls:127.0.0.1:0"])?;
    let start = "listening tls ";
    let is_tls = |line: &str| line.starts_with(start);
    let line = server.process().wait_for_line(ESTABLISHED, is_tls)?;
    let address = line.trim_start_matches(start);

    let baresip = Baresip::call(&format!("sip:echo@{address};transport=tls"))?;
    let established = baresip.wait_until_established();
    established.with_context(|| server.process().tail())?;
    let key = fs::read(state.file("key.pem"))?;
    for file in ["certificate.pem", "key.pem"] {
        fs::remove_file(state.file(file))?;
    }
    // Another program on the same machine makes new ones.
    let mut other = Command::new(offhook.binary());
    other.env("STATE_DIRECTORY", state.path());
    let other = offhook.serve_by(other, &["--listen", "tls:127.0.0.1:0"])?;
    other.stop()?;
    ensure!(
        fs::read(state.file("key.pem"))? != key,
        "there is a new key"
    );
    let is_read = |line: &str| line.contains("read again");
    server.process().ask(Signal::HangUp, ESTABLISHED, is_read)?;

    baresip.wait_for_duration(4)?;
    let heard = baresip.heard()?;
    ensure!(
        heard >= AUDIBLE,
        "the tone came back for {heard:.1} s on end\n{}",
        server.process().tail()
    );
    server.wait_until_calls_are_over()?;
    server.stop()
}

const AUDIBLE: f64 = 2.0;
const ESTABLISHED: Duration = Duration::from_secs(10);
