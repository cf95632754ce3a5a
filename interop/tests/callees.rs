//! `offhook call` and callees that ask for credentials, send the call elsewhere, or answer reliably: SIPp as the callee.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use offhook_interop::{Offhook, SippCallee};

/// SIPp checks MD5 by itself; for the others OpenSSL computes what is right.
#[test]
fn each_algorithm_is_answered() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp", "openssl"])? else {
        return Ok(());
    };
    for (algorithm, digest) in [
        ("MD5", "md5"),
        ("SHA-256", "sha256"),
        ("SHA-512-256", "sha512-256"),
    ] {
        let challenge = |nonce: &str| {
            let line = format!("WWW-Authenticate: Digest realm=\"lab\", nonce=\"{nonce}\"");
            format!("{line}, algorithm={algorithm}, qop=\"auth,auth-int\"")
        };
        let (first, second) = (challenge("n1"), challenge("n2"));
        let keys = [
            ("challenge", first.as_str()),
            ("second_challenge", second.as_str()),
        ];
        let callee = SippCallee::start("callee_authentication", &keys)?;
        let output = call(&offhook, callee.uri())?;
        exits_with(0, &output)?;
        let log = callee.finish()?;
        for method in ["INVITE", "BYE"] {
            is_right(&log, method, digest).with_context(|| log.clone())?;
        }
        if algorithm == "MD5" {
            ensure!(log.contains("SIPp takes them: true"), "{log}");
        }
    }
    Ok(())
}

#[test]
fn a_redirection_is_followed_to_the_preferred_place() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let reliable = SippCallee::start("callee_reliable", &[])?;
    let moved = SippCallee::start("callee_redirection", &[("elsewhere", reliable.uri())])?;
    let output = call(&offhook, moved.uri())?;
    exits_with(0, &output)?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(
        told.contains("302 Moved Temporarily, to sip:sipp@"),
        "{told}"
    );
    moved.finish()?;
    reliable.finish().map(drop)
}

#[test]
fn a_reliable_183_is_acknowledged() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let callee = SippCallee::start("callee_reliable", &[])?;
    let output = call(&offhook, callee.uri())?;
    exits_with(0, &output)?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(told.contains("183 Session Progress"), "{told}");
    callee.finish().map(drop)
}

fn call(offhook: &Offhook, uri: &str) -> Result<Output> {
    let mut command = Command::new(offhook.binary());
    command.args(["call", uri, "--bare", "--duration", "0", "--user", "alice"]);
    Ok(command.env("OFFHOOK_PASSWORD", "secret").output()?)
}

/// Whether the response in the logged credentials is that of RFC 7616 §3.4.1.
fn is_right(log: &str, method: &str, digest: &str) -> Result<()> {
    let start = format!("credentials {method} ");
    let line = log.lines().find_map(|line| line.strip_prefix(&start));
    let line = line.context("no credentials")?;
    let param = |name: &str| {
        let mut params = line.split([',', ' ']).filter_map(|it| it.split_once('='));
        let value = params.find(|(key, _)| *key == name).map(|(_, value)| value);
        let value = value.with_context(|| format!("no {name}: {line}"))?;
        Ok::<_, anyhow::Error>(value.trim_matches('"'))
    };
    let hash = |text: String| hash(digest, &text);
    let first = hash(format!("{}:{}:secret", param("username")?, param("realm")?))?;
    let second = hash(format!("{method}:{}", param("uri")?))?;
    let (nonce, count) = (param("nonce")?, param("nc")?);
    let (client_nonce, qop) = (param("cnonce")?, param("qop")?);
    let right = hash(format!(
        "{first}:{nonce}:{count}:{client_nonce}:{qop}:{second}"
    ))?;
    ensure!(
        param("response")? == right,
        "{right} would be right: {line}"
    );
    Ok(())
}

/// What OpenSSL computes.
fn hash(digest: &str, text: &str) -> Result<String> {
    let mut command = Command::new("openssl");
    command.args(["dgst", &format!("-{digest}"), "-r"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut openssl = command.spawn()?;
    let mut input = openssl.stdin.take().context("no input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = openssl.wait_with_output()?;
    let line = String::from_utf8(output.stdout)?;
    let hash = line.split_whitespace().next().context("no hash")?;
    Ok(hash.to_owned())
}

fn exits_with(code: i32, output: &Output) -> Result<()> {
    ensure!(
        output.status.code() == Some(code),
        "{} instead of {code}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
