//! baresip calls over TLS with a tone and hears it come back; the certificate is replaced meanwhile.

use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Baresip, Offhook, Scratch, Signal};

#[test]
fn echo_over_tls() -> Result<()> {
    let Some(offhook) = Offhook::find(&["baresip", "openssl"])? else {
        return Ok(());
    };
    // The certificate for development lies in here.
    let state = Scratch::new("state")?;
    let mut command = Command::new(offhook.binary());
    command.env("STATE_DIRECTORY", state.path());
    let server = offhook.serve_by(command, &["--listen", "tls:127.0.0.1:0"])?;
    let address = server.listening("tls")?;

    let baresip = Baresip::call(&format!("sip:echo@{address};transport=tls"))?;
    let established = baresip.wait_until_established();
    established.with_context(|| server.process().tail())?;
    let old = certificate(&state)?;
    ensure!(
        shown_to_openssl(address)? == old,
        "it is the one in the file"
    );
    for file in ["certificate.pem", "key.pem"] {
        fs::remove_file(state.file(file))?;
    }
    // Another program on the same machine makes new ones.
    let mut other = Command::new(offhook.binary());
    other.env("STATE_DIRECTORY", state.path());
    let other = offhook.serve_by(other, &["--listen", "tls:127.0.0.1:0"])?;
    other.stop()?;
    let new = certificate(&state)?;
    ensure!(new != old, "there is a new one");
    let is_read = |line: &str| line.contains("read again");
    server.process().ask(Signal::HangUp, ESTABLISHED, is_read)?;
    ensure!(shown_to_openssl(address)? == new, "the old one is shown");

    baresip.wait_for_duration(4)?;
    let heard = baresip.expect_tone(AUDIBLE);
    heard.with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()?;
    server.stop()
}

fn certificate(state: &Scratch) -> Result<Vec<String>> {
    first_certificate(&fs::read_to_string(state.file("certificate.pem"))?)
}

/// The certificate of the next handshake.
fn shown_to_openssl(address: SocketAddr) -> Result<Vec<String>> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]);
    let output = command.stdin(Stdio::null()).output()?;
    first_certificate(&String::from_utf8_lossy(&output.stdout))
}

/// Its lines.
fn first_certificate(text: &str) -> Result<Vec<String>> {
    let (_, rest) = text
        .split_once("-----BEGIN CERTIFICATE-----")
        .with_context(|| format!("no certificate in {text:?}"))?;
    let base64 = rest.split("-----END").next().unwrap_or_default();
    Ok(base64.split_whitespace().map(str::to_owned).collect())
}

/// Seconds on end; a busy machine tears the tone here and there.
const AUDIBLE: f64 = 0.5;
const ESTABLISHED: Duration = Duration::from_mins(1);
