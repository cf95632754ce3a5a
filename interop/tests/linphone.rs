//! linphone, a softphone of another lineage than baresip, holds and resumes a call, over UDP and over TCP.

use std::thread;

use anyhow::{Context, Result, anyhow};
use offhook_interop::{Linphone, Offhook, Server, Transport};

#[test]
fn it_holds_and_resumes_and_is_held_and_resumed() -> Result<()> {
    let Some(offhook) = Offhook::find(&["linphonec"])? else {
        return Ok(());
    };
    let server = &offhook.serve()?;
    let over = |transport| -> Result<()> {
        hold(server, transport)?;
        be_held(server, transport)
    };
    thread::scope(|scope| {
        let runs =
            [Transport::Udp, Transport::Tcp].map(|transport| scope.spawn(move || over(transport)));
        runs.map(|run| run.join().map_err(|_| anyhow!("a run panicked"))?)
            .into_iter()
            .collect::<Result<()>>()
    })
    .with_context(|| server.process().tail())?;
    server.wait_until_calls_are_over()
}

/// The tone comes back before the hold and after it.
fn hold(server: &Server, transport: Transport) -> Result<()> {
    let linphone = Linphone::start()?;
    let call = format!("call {}", server.uri_over("echo", transport));
    linphone.command(&call, &["Media streams established"])?;
    linphone.wait_for_tone(AUDIBLE)?;
    linphone.command("pause", &["a=sendonly", "a=recvonly", "is now paused"])?;
    linphone.forget()?;
    linphone.command("resume", &["a=sendrecv", "Media streams established"])?;
    linphone.wait_for_tone(AUDIBLE)?;
    linphone.command("terminate", &["ended (No error)"])?;
    linphone.quit()
}

/// It sees our hold as one, and its end, by the state that it gives the call.
fn be_held(server: &Server, transport: Transport) -> Result<()> {
    let linphone = Linphone::start()?;
    let call = format!("call {}", server.uri_over("hold", transport));
    let states = [
        "to LinphoneCallPausedByRemote",
        "LinphoneCallPausedByRemote to LinphoneCallStreamsRunning",
    ];
    linphone.command(&call, &states)?;
    linphone.command("terminate", &["ended (No error)"])?;
    linphone.quit()
}

/// In seconds.
const AUDIBLE: f64 = 0.5;
