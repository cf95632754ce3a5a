//! A third of all packets is lost, in both directions. Calls get through or end cleanly, and the server forgets them.

use std::{thread, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use offhook_interop::{Offhook, Report, Server, Sipp, Transport};

#[test]
fn a_third_of_all_packets_lost() -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = offhook.serve()?;
    let reports = thread::scope(|scope| {
        let runs = [
            ("loss_call", "echo", 200),
            ("loss_busy", "busy", 100),
            ("loss_cancel", "silent", 100),
        ];
        let runs = runs.map(|(scenario, user, calls)| {
            let server = &server;
            scope.spawn(move || lossy(server, scenario, user, calls))
        });
        runs.map(|run| run.join().map_err(|_| anyhow!("a run panicked"))?)
    });
    for report in reports {
        check(&report.with_context(|| server.process().tail())?)?;
    }
    let idle_after = server.wait_until_idle(FORGOTTEN)?;
    println!("nothing was left {idle_after:?} after the last call");
    server.stop()
}

fn lossy(server: &Server, scenario: &str, user: &str, calls: u32) -> Result<Report> {
    Sipp::calling(user, server.address(Transport::Udp), Transport::Udp)?
        .scenario(scenario)
        .calls(calls)
        .rate(calls / 4)
        .option("-lost", "33")
        // As often as RFC 3261 §17.1.1.2 and §17.1.2.2 send in 64·T1, T2 included. SIPp's defaults give up earlier.
        .option("-max_invite_retrans", "6")
        .option("-max_non_invite_retrans", "10")
        .option("-T2", "4000")
        .limit(Duration::from_secs(150))
        .run()
}

/// A call may fail because SIPp gave up sending, which one call in 2,000 does; never because the server said something
/// that does not belong.
fn check(report: &Report) -> Result<()> {
    let statistics = &report.statistics;
    let failed = statistics.failed()?;
    let ended = statistics.successful()? + failed;
    ensure!(
        ended == statistics.created()?,
        "calls without an end: {}",
        report.account()
    );
    ensure!(
        statistics.retransmissions()? > 0,
        "nothing was lost: {}",
        report.account()
    );
    let gave_up = ["MaxUDPRetrans", "TimeoutOnRecv"];
    let is_clean = statistics
        .failures()?
        .iter()
        .all(|(reason, _)| gave_up.contains(reason));
    ensure!(is_clean, "a call ended in disorder: {}", report.account());
    ensure!(
        failed * 50 <= ended,
        "more than 2 % of the calls failed: {}",
        report.account()
    );
    println!("{statistics}");
    Ok(())
}

/// 64·T1 is 32 s: the longest that a transaction waits for anything (RFC 3261 §17).
const FORGOTTEN: Duration = Duration::from_secs(42);
