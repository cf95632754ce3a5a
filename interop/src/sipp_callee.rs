use std::{path::Path, process::Command, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    port::{free_port, wait_for_udp_port},
    process::Process,
    scratch::Scratch,
};

/// SIPp as the callee of one call.
pub struct SippCallee {
    process: Process,
    scratch: Scratch,
    uri: String,
}

impl SippCallee {
    /// Plays `interop/scenarios/NAME.xml`, with what `[KEY]` in it stands for.
    pub fn start(scenario: &str, keys: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new("callee")?;
        let port = free_port()?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scenarios")
            .join(scenario)
            .with_extension("xml");
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(file);
        command.args(["-nostdin", "-i", "127.0.0.1", "-mi", "127.0.0.1"]);
        command.args(["-p", &port.to_string(), "-m", "1"]);
        command.args(["-timeout", "60", "-timeout_error", "-max_socket", "500"]);
        command
            .arg("-trace_logs")
            .arg("-log_file")
            .arg(scratch.file(LOG));
        command
            .arg("-trace_msg")
            .arg("-message_file")
            .arg(scratch.file(MESSAGES));
        for (key, value) in keys {
            command.args(["-key", key, value]);
        }
        let process = Process::start(format!("sipp as {scenario}"), &mut command)?;
        wait_for_udp_port(port, PATIENCE)?;
        Ok(Self {
            process,
            scratch,
            uri: format!("sip:sipp@127.0.0.1:{port}"),
        })
    }

    /// A request URI for it.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Waits until the call has run through the scenario, and returns what that has logged.
    ///
    /// # Errors
    /// It has not, with the last messages on the wire.
    pub fn finish(mut self) -> Result<String> {
        let status = self.process.wait(PATIENCE)?;
        ensure!(
            status.success(),
            "{status}\n{}\n{}",
            self.process.tail(),
            self.scratch.tail(MESSAGES, 120)
        );
        Ok(std::fs::read_to_string(self.scratch.file(LOG)).unwrap_or_default())
    }
}

const LOG: &str = "log.txt";
const MESSAGES: &str = "messages.log";
/// Longer than it lives.
const PATIENCE: Duration = Duration::from_secs(80);
