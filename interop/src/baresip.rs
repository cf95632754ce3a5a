use std::{fs, process::Command, time::Duration};

use anyhow::Result;

use crate::{
    port::free_port,
    process::Process,
    scratch::Scratch,
    wave::{Wave, tone},
};

/// baresip without sound card and without a user: it plays a tone and records what it hears.
pub struct Baresip {
    process: Process,
    scratch: Scratch,
    address: String,
}

impl Baresip {
    /// Calls `uri` and hangs up `seconds` after its start.
    pub fn call(uri: &str, seconds: u32) -> Result<Self> {
        let dial = format!("/dial {uri}");
        Self::start(&format!("calling {uri}"), seconds, "", &["-e", &dial])
    }

    /// Answers calls until it ends, `seconds` after its start.
    pub fn answer(seconds: u32) -> Result<Self> {
        let baresip = Self::start("answering", seconds, ";answermode=auto", &[])?;
        let is_ready = |line: &str| line.contains("baresip is ready");
        baresip.process.wait_for_line(LIMIT, is_ready)?;
        Ok(baresip)
    }

    fn start(what: &str, seconds: u32, account: &str, arguments: &[&str]) -> Result<Self> {
        let scratch = Scratch::new("baresip")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let folder = scratch.path().display();
        scratch.write("in.wav", tone(8000, Self::TONE, seconds).to_bytes())?;
        scratch.write(
            "accounts",
            format!("<sip:baresip@{address}>;regint=0;audio_codecs=PCMU{account}\n"),
        )?;
        scratch.write("contacts", "")?;
        scratch.write(
            "config",
            format!(
                "sip_listen {address}\n\
                 net_interface 127.0.0.1\n\
                 audio_source aufile,{folder}/in.wav\n\
                 audio_player aufile,{folder}/out.wav\n\
                 audio_alert none\n\
                 snd_path {folder}\n\
                 module_path /usr/lib/baresip/modules\n\
                 module g711.so\n\
                 module aufile.so\n\
                 module sndfile.so\n\
                 module_app account.so\n\
                 module_app contact.so\n\
                 module_app menu.so\n"
            ),
        )?;
        let mut command = Command::new("baresip");
        command.arg("-f").arg(scratch.path()).args(arguments);
        command.args(["-t", &seconds.to_string()]);
        let process = Process::start(format!("baresip {what}"), &mut command)?;
        Ok(Self {
            process,
            scratch,
            address,
        })
    }

    /// A request URI for it.
    pub fn uri(&self) -> String {
        format!("sip:baresip@{}", self.address)
    }

    /// The process, for its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits until it has hung up, and returns what it heard: a recording for each time that the audio was started.
    pub fn heard(&mut self) -> Result<Vec<Wave>> {
        self.process.wait(LIMIT)?;
        let mut heard = Vec::new();
        for entry in fs::read_dir(self.scratch.path())? {
            let path = entry?.path();
            // The module `sndfile` writes what was decoded to `dump-TIME-dec.wav`.
            if path.to_string_lossy().ends_with("-dec.wav") {
                heard.push(Wave::read(&path)?);
            }
        }
        Ok(heard)
    }

    /// The frequency of the tone that it plays, in Hz.
    pub const TONE: f64 = 440.0;
}

const LIMIT: Duration = Duration::from_mins(1);
