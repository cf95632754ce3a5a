//! The scanner that every open SIP port meets, `SIPVicious`, and honest calls at the same time.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use offhook_interop::{Caller, Offhook, Process, Server, Transport};

#[test]
fn svmap_finds_a_user_agent() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    for method in ["OPTIONS", "INVITE", "REGISTER"] {
        let mut svmap = scan("svmap", &server, &["-m", method])?;
        svmap.wait(PATIENCE)?;
        call(&server)?;
    }
    server.stop()
}

#[test]
fn svwar_looks_for_extensions() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    let arguments = ["--force", "-e1000-3999", "-t", "0.0005", "-m", "OPTIONS"];
    let begun = Instant::now();
    let mut svwar = scan("svwar", &server, &arguments)?;
    let mut calls = 0;
    while svwar.is_running()? {
        call(&server)?;
        calls += 1;
    }
    let counts = server.counts()?;
    let [shed, refused] = [counts.value("shed")?, counts.value("overload")?];
    let lasted = begun.elapsed();
    println!("svwar in {lasted:?}: {shed} not answered, {refused} refused, {calls} honest calls");
    // A source may send 200 at once, and 20 in each second more.
    let most = 200 + 20 * (lasted.as_secs() + 1);
    ensure!(
        most + refused + shed >= 3000,
        "more than {most} of 3000 OPTIONS are served: {counts}"
    );
    ensure!(calls >= 3, "only {calls} calls");
    server.stop()
}

/// It gives up when it hears 405.
#[test]
fn svwar_finds_no_registrar() -> Result<()> {
    let Some(server) = serve()? else {
        return Ok(());
    };
    let mut svwar = scan("svwar", &server, &["--force", "-e1000-3999"])?;
    svwar.wait(PATIENCE)?;
    ensure!(server.counts()?.value("requests")? < 100);
    call(&server)?;
    server.stop()
}

fn serve() -> Result<Option<Server>> {
    let offhook = Offhook::find(&["svmap", "svwar"])?;
    offhook.map(|offhook| offhook.serve()).transpose()
}

fn scan(program: &str, server: &Server, arguments: &[&str]) -> Result<Process> {
    let address = server.address(Transport::Udp);
    let mut command = Command::new(program);
    command.args(["-b", "127.0.0.1", "-p", &address.port().to_string()]);
    command.args(arguments).arg(address.ip().to_string());
    Process::start(program, &mut command)
}

/// An honest call from the address of the scanner, by another port.
fn call(server: &Server) -> Result<()> {
    Caller::open(Transport::Udp, server.address(Transport::Udp))?.call("bare")
}

const PATIENCE: Duration = Duration::from_mins(2);
