//! Calls through Kamailio, which record-routes: what we send inside a dialog takes the way of its route set.

use anyhow::{Context, Result};
use offhook_interop::{Kamailio, Offhook, Sipp, Transport};

#[test]
fn our_bye_follows_the_route_set_over_udp() -> Result<()> {
    hangup(Transport::Udp)
}

#[test]
fn our_bye_follows_the_route_set_over_tcp() -> Result<()> {
    hangup(Transport::Tcp)
}

fn hangup(transport: Transport) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp", "kamailio"])? else {
        return Ok(());
    };
    let (server, kamailio) = (offhook.serve()?, Kamailio::start()?);
    let account = || format!("{}\n{}", kamailio.process().tail(), server.process().tail());
    let parameter = transport.as_str().to_lowercase();
    let target = format!("{};transport={parameter}", server.address(transport));
    let sipp = Sipp::calling("hangup", kamailio.address(), transport)?
        .scenario("proxied_hangup")
        .key("target", &target)
        .calls(1);
    sipp.run()?.clean().with_context(account)?;
    Ok(())
}
