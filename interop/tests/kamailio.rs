//! Calls through Kamailio, which record-routes: what we send inside a dialog takes the way of its route set
//! (RFC 3261 §12.2.1.1).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offhook_interop::{Kamailio, Offhook, Server, Sipp, Transport};

#[test]
fn our_bye_follows_the_route_set_over_udp() -> Result<()> {
    hangup(Transport::Udp, Transport::Udp)
}

#[test]
fn our_bye_follows_the_route_set_over_tcp() -> Result<()> {
    hangup(Transport::Tcp, Transport::Tcp)
}

/// Kamailio record-routes twice, once for each side.
#[test]
fn our_bye_follows_the_route_set_from_tcp_to_udp() -> Result<()> {
    hangup(Transport::Udp, Transport::Tcp)
}

/// SIPp calls over `theirs`, Kamailio passes the call on over `ours`, and the server hangs up.
fn hangup(theirs: Transport, ours: Transport) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp", "kamailio"])? else {
        return Ok(());
    };
    let (server, kamailio) = (offhook.serve()?, Kamailio::start()?);
    call(&server, &kamailio, theirs, ours)
        .with_context(|| format!("{}\n{}", kamailio.process().tail(), server.process().tail()))
}

fn call(server: &Server, kamailio: &Kamailio, theirs: Transport, ours: Transport) -> Result<()> {
    let sipp = Sipp::calling("hangup", kamailio.address(), theirs)?
        .scenario("proxied_hangup")
        .key("uri", &server.uri_over("hangup", ours))
        .calls(1);
    sipp.run_clean()?;

    let is_bye = |line: &str| line.contains("inside BYE");
    let bye = kamailio.process().wait_for_line(LOGGED, is_bye)?;
    let (target, route) = bye.split_once(" Route ").context("no Route in the log")?;
    ensure!(
        target.contains("inside BYE sip:sipp@127.0.0.1:"),
        "not SIPp's Contact: {bye}"
    );
    let proxy = format!("sip:{}", kamailio.address());
    let hops = route.matches(&proxy).count();
    let expected = if theirs == ours { 1 } else { 2 };
    ensure!(
        hops == expected && route.contains(";lr"),
        "the Route set has not {expected} times the proxy: {bye}"
    );
    server.wait_until_calls_are_over()
}

const LOGGED: Duration = Duration::from_mins(1);
