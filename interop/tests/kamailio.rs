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
    let uri = server.uri_over("hangup", transport);
    let sipp = Sipp::calling("hangup", kamailio.address(), transport)?
        .scenario("proxied_hangup")
        .key("uri", &uri)
        .calls(1);
    sipp.run()?.clean().with_context(account)?;
    server.wait_until_calls_are_over()
}
