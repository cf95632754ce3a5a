use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    port::free_port,
    process::Process,
    scratch::Scratch,
    wave::{Wave, longest_tone, tone},
};

/// baresip without sound card and without a user: it plays a tone and records what it hears.
///
/// Its log has every message of SIP, line by line, and ten times a second the duration of the call and the bit rates of
/// its audio out and in: `[0:00:05] audio=64000/64000 (bit/s)`. The rates are those of the last full three seconds.
pub struct Baresip {
    process: Process,
    control: TcpStream,
    scratch: Scratch,
    address: String,
}

impl Baresip {
    /// Calls `uri` with PCMU.
    pub fn call(uri: &str) -> Result<Self> {
        Self::call_with(uri, "PCMU")
    }

    /// Calls `uri` with a codec as baresip names it: `G722`, `opus/48000/2`.
    pub fn call_with(uri: &str, codec: &str) -> Result<Self> {
        Self::call_by(uri, &format!(";audio_codecs={codec}"))
    }

    /// Calls `uri` over SRTP alone, with a key in the offer.
    pub fn call_encrypted(uri: &str) -> Result<Self> {
        Self::call_by(uri, ";audio_codecs=PCMU;mediaenc=srtp-mand")
    }

    fn call_by(uri: &str, account: &str) -> Result<Self> {
        let baresip = Self::start(&format!("calling {uri}"), account)?;
        baresip.command("dial", uri)?;
        Ok(baresip)
    }

    /// Calls `uri`, and says that it is `user` where it is asked.
    pub fn call_as(uri: &str, user: &str, password: &str) -> Result<Self> {
        let account = format!(";audio_codecs=PCMU;auth_user={user};auth_pass={password}");
        let baresip = Self::start(&format!("calling {uri} as {user}"), &account)?;
        baresip.command("dial", uri)?;
        Ok(baresip)
    }

    /// Answers calls.
    pub fn answer() -> Result<Self> {
        Self::start("answering", ";audio_codecs=PCMU;answermode=auto")
    }

    fn start(what: &str, account: &str) -> Result<Self> {
        let scratch = Scratch::new("baresip")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let control = (Ipv4Addr::LOCALHOST, free_port()?);
        let folder = scratch.path().display();
        scratch.write("in.wav", tone(8000, Self::TONE, LIFE).to_bytes())?;
        scratch.write(
            "accounts",
            format!("<sip:baresip@{address}>;regint=0{account}\n"),
        )?;
        scratch.write("contacts", "")?;
        scratch.write(
            "config",
            format!(
                "sip_listen {address}\n\
                 net_interface 127.0.0.1\n\
                 sip_verify_server no\n\
                 audio_source aufile,{folder}/in.wav\n\
                 audio_player aufile,{folder}/out.wav\n\
                 audio_alert none\n\
                 snd_path {folder}\n\
                 module_path /usr/lib/baresip/modules\n\
                 ausrc_srate 8000\n\
                 ausrc_channels 1\n\
                 auplay_srate 8000\n\
                 auplay_channels 1\n\
                 module g711.so\n\
                 module g722.so\n\
                 module opus.so\n\
                 module srtp.so\n\
                 module aufile.so\n\
                 module sndfile.so\n\
                 module_app account.so\n\
                 module_app contact.so\n\
                 module_app menu.so\n\
                 module_app ctrl_tcp.so\n\
                 ctrl_tcp_listen 127.0.0.1:{}\n",
                control.1
            ),
        )?;
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(scratch.path());
        command.args(["-t", &LIFE.to_string()]);
        let process = Process::start(format!("baresip {what}"), &mut command)?;
        process.wait_for_line(PATIENCE, |line| line.contains("baresip is ready"))?;
        let control = TcpStream::connect(control).context("baresip takes no commands")?;
        Ok(Self {
            process,
            control,
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

    /// Gives a command of its menu.
    pub fn command(&self, command: &str, parameters: &str) -> Result<()> {
        let json = format!(r#"{{"command":"{command}","params":"{parameters}"}}"#);
        write!(&self.control, "{}:{json},", json.len())
            .with_context(|| format!("baresip takes no command\n{}", self.process.tail()))
    }

    /// Waits until a call is established and audio has come.
    pub fn wait_until_established(&self) -> Result<()> {
        for line in ["Call established", "incoming rtp for 'audio' established"] {
            self.process
                .wait_for_line(PATIENCE, |printed| printed.contains(line))?;
        }
        Ok(())
    }

    /// Waits until the call has lasted `seconds`, less than a minute.
    pub fn wait_for_duration(&self, seconds: u32) -> Result<()> {
        let duration = format!("[0:00:{seconds:02}]");
        let limit = PATIENCE + Duration::from_secs(seconds.into());
        self.process
            .wait_for_line(limit, |line| line.contains(&duration))
            .map(drop)
    }

    /// Hangs up and quits, and returns for how long, in seconds on end, it heard its own kind of tone.
    pub fn heard(self) -> Result<f64> {
        self.heard_tone(Self::TONE)
    }

    /// Hangs up and quits.
    ///
    /// # Errors
    /// It did not hear its own kind of tone for `seconds` on end.
    pub fn expect_tone(self, seconds: f64) -> Result<()> {
        let heard = self.heard()?;
        ensure!(
            heard >= seconds,
            "the tone came back for {heard:.1} s on end"
        );
        Ok(())
    }

    /// As [`Baresip::heard`], for a tone of another `frequency` in Hz.
    pub fn heard_tone(mut self, frequency: f64) -> Result<f64> {
        self.command("quit", "")?;
        self.process.wait(PATIENCE)?;
        let mut longest: f64 = 0.0;
        for entry in fs::read_dir(self.scratch.path())? {
            let path = entry?.path();
            // The module `sndfile` writes what was decoded to `dump-TIME-dec.wav`.
            if path.to_string_lossy().ends_with("-dec.wav") {
                longest = longest.max(longest_tone(&Wave::read(&path)?, frequency));
            }
        }
        Ok(longest)
    }

    /// The frequency of the tone that it plays, in Hz.
    pub const TONE: f64 = 440.0;
}

/// How long it lives, in seconds, if nothing ends it before.
const LIFE: u32 = 150;
const PATIENCE: Duration = Duration::from_mins(1);
