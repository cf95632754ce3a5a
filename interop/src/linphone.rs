use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    port::free_port,
    process::Process,
    scratch::Scratch,
    wave::{Wave, longest_tone, tone},
};

/// linphonec without sound card and without a user: it plays a tone and records what it hears.
///
/// Its log has every message of SIP, line by line.
pub struct Linphone {
    process: Process,
    scratch: Scratch,
    address: String,
}

impl Linphone {
    /// Starts it on a port of its own.
    pub fn start() -> Result<Self> {
        let scratch = Scratch::new("linphone")?;
        let (port, audio) = (free_port()?, free_port()?);
        let folder = scratch.path().display();
        // It keeps its databases there, and makes no folders.
        fs::create_dir_all(scratch.file(".local/share/linphone"))?;
        scratch.write("in.wav", tone(8000, Self::TONE, 60).to_bytes())?;
        // Its buffer for Opus leaps while it adapts, which would break the tone; its buffer for PCMU does not.
        // As if behind a NAT with the address 127.0.0.1: it would describe the address of a real interface.
        scratch.write(
            "linphonerc",
            format!(
                "[sip]\nbind_address=127.0.0.1\nuse_ipv6=0\nipv6_migration_done=1\nsip_port={port}\n\
                 sip_tcp_port={port}\nsip_tls_port=-1\nguess_hostname=0\ncontact=sip:linphone@127.0.0.1\n\
                 [net]\nfirewall_policy=nat_address\nnat_address=127.0.0.1\n\
                 [rtp]\nbind_address=127.0.0.1\naudio_rtp_port={audio}\n\
                 [audio_codec_0]\nmime=opus\nrate=48000\nchannels=2\nenabled=0\n\
                 [video]\nenabled=0\ncapture=0\ndisplay=0\nautomatically_initiate=0\n"
            ),
        )?;
        let mut command = Command::new("linphonec");
        command.env("HOME", scratch.path());
        command.arg("-c").arg(scratch.file("linphonerc"));
        command.args(["-d", "6"]);
        let process = Process::start_with_input("linphonec", &mut command)?;
        let files = [
            "soundcard use files".to_owned(),
            format!("play {folder}/in.wav"),
            format!("record {folder}/{RECORDING}"),
        ];
        for command in files {
            process.write_line(&command)?;
        }
        let address = format!("127.0.0.1:{port}");
        Ok(Self {
            process,
            scratch,
            address,
        })
    }

    /// A request URI for it.
    pub fn uri(&self) -> String {
        format!("sip:linphone@{}", self.address)
    }

    /// The process, for its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Gives a command, and waits until a line after it contains each of `awaited`.
    pub fn command(&self, command: &str, awaited: &[&str]) -> Result<()> {
        self.process
            .lines_after(|process| process.write_line(command), PATIENCE, awaited)
    }

    /// Waits until it has heard its own kind of tone for `seconds` on end since the audio was started the last time, or
    /// since [`Linphone::forget`].
    pub fn wait_for_tone(&self, seconds: f64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard();
            if heard >= seconds {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "linphone heard {heard:.1} s of the tone on end\n{}",
                self.process.tail()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Takes the recording away. The audio must have stopped.
    pub fn forget(&self) -> Result<()> {
        Ok(fs::remove_file(self.scratch.file(RECORDING))?)
    }

    /// The header of the recording, with its rate, is written when the audio stops.
    fn heard(&self) -> f64 {
        let recording = fs::read(self.scratch.file(RECORDING)).unwrap_or_default();
        let samples = recording.get(WAVE_HEADER..).unwrap_or_default();
        let samples: Vec<i16> = samples
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let heard = RATES.map(|rate| {
            let samples = samples.clone();
            longest_tone(&Wave { rate, samples }, Self::TONE)
        });
        heard.into_iter().fold(0.0, f64::max)
    }

    /// Ends it.
    pub fn quit(mut self) -> Result<()> {
        self.process.write_line("quit")?;
        self.process.wait(PATIENCE).map(drop)
    }

    /// The frequency of the tone that it plays, in Hz.
    pub const TONE: f64 = 440.0;
}

const RECORDING: &str = "out.wav";
const WAVE_HEADER: usize = 44;
/// The recording has the rate that linphone plays with: that of the codec, or a higher one.
const RATES: [u32; 3] = [48_000, 16_000, 8_000];
const PATIENCE: Duration = Duration::from_mins(1);
