//! linphone, a softphone of another lineage than baresip, holds and resumes a call, over UDP and over TCP.

use std::{thread, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{Linphone, Offhook, Server, Transport};

#[test]
fn it_holds_and_resumes() -> Result<()> {
    let Some(offhook) = Offhook::find(&["linphonec"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    thread::scope(|scope| {
        let server = &server;
        let runs = [Transport::Udp, Transport::Tcp]
            .map(|transport| scope.spawn(move || hold(server, transport)));
        runs.into_iter()
            .try_for_each(|run| run.join().map_err(|_| anyhow!("a run panicked"))?)
    })
    .with_context(|| server.process().tail())?;
    server.wait_until_idle(FORGOTTEN)?;
    server.stop()
}

/// The tone comes back before the hold and after it.
fn hold(server: &Server, transport: Transport) -> Result<()> {
    let linphone = Linphone::start()?;
    let call = format!("call {}", server.uri_over("echo", transport));
    linphone.command(&call, &["Media streams established"])?;
    linphone.wait_for_recording(AUDIBLE)?;
    linphone.command("pause", &["a=sendonly", "a=recvonly", "is now paused"])?;
    hears_the_tone(&linphone)?;
    linphone.command("resume", &["a=sendrecv", "Media streams established"])?;
    linphone.wait_for_recording(AUDIBLE)?;
    linphone.command("terminate", &["ended (No error)"])?;
    hears_the_tone(&linphone)?;
    linphone.quit()
}

/// Half a second is for the tone's way there and back.
fn hears_the_tone(linphone: &Linphone) -> Result<()> {
    let heard = linphone.heard()?;
    let tail = || linphone.process().tail();
    ensure!(
        heard >= f64::from(AUDIBLE) - 0.5,
        "the tone came back for {heard:.1} s on end\n{}",
        tail()
    );
    Ok(())
}

const AUDIBLE: u32 = 2;
/// 64·T1 is 32 s: the longest that a transaction waits for anything (RFC 3261 §17).
const FORGOTTEN: Duration = Duration::from_secs(42);
