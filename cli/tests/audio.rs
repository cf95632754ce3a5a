//! What callers hear: `offhook call` against the routes of `offhook serve`, measured in the recordings.

use std::{
    f64::consts::TAU,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::ensure;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// A running `offhook serve` with a directory of its own, which goes with it.
struct Server {
    child: Child,
    address: String,
    directory: PathBuf,
}

impl Server {
    fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("offhook-audio-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let configuration = format!(
            "recordings = {{ directory = '{}', most = 1 }}\n\
             [[route]]\nuser = 'record'\nanswer = 'record'\nhangup_after = '2s'\n\
             [[route]]\nuser = 'menu'\nanswer = 'menu'\n\
             choices = {{ 1 = 'echo', 2 = 'hangup', 3 = 'sip:busy@{{here}}' }}\n",
            directory.join("kept").display()
        );
        let file = directory.join("offhook.toml");
        fs::write(&file, configuration).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args(["serve", "--log", "warn", "--listen", "udp:127.0.0.1:0"])
            .arg("--config")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let address = line.trim().rsplit(' ').next().expect("an address");
        Self {
            child,
            address: address.to_owned(),
            directory,
        }
    }

    fn call(&self, user: &str, heard: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
        command.args(["call", &format!("sip:{user}@{}", self.address)]);
        command.args(["--log", "warn", "--record"]);
        command.arg(self.directory.join(heard)).args(arguments);
        command
    }

    /// Calls this user, and gives what was heard and what was printed.
    fn hear(&self, user: &str, arguments: &[&str]) -> (Sound, String) {
        let mut call = self.call(user, "heard.wav", arguments);
        let Output { status, stdout, .. } = call.output().expect("it ends");
        let printed = String::from_utf8(stdout).expect("UTF-8");
        assert!(status.success(), "{printed}");
        (Sound::read(&self.directory.join("heard.wav")), printed)
    }

    /// Ends it in good order, with all written that is to be kept.
    fn stop(&mut self) {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &process]).status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Sound {
    rate: u32,
    samples: Vec<i16>,
}

impl Sound {
    fn read(file: &Path) -> Self {
        let reader = WavReader::open(file).expect("a recording");
        let rate = reader.spec().sample_rate;
        let samples = reader.into_samples().map(|it| it.expect("a sample"));
        Self {
            rate,
            samples: samples.collect(),
        }
    }

    fn seconds(&self) -> f64 {
        f64::from(u32::try_from(self.samples.len()).expect("few")) / f64::from(self.rate)
    }

    /// The windows of 50 ms in which this tone is loud and there is little else, or half of the power where
    /// there are two.
    fn windows(&self, frequency: f64, share: f64) -> usize {
        let windows = self.samples.chunks_exact(self.rate as usize / 20);
        windows
            .filter(|it| self.share(it, frequency) > share)
            .count()
    }

    /// The part of the power that is at this frequency (Goertzel); none where it is quiet.
    fn share(&self, samples: &[i16], frequency: f64) -> f64 {
        let coefficient = 2.0 * (TAU * frequency / f64::from(self.rate)).cos();
        let (mut before, mut last, mut energy) = (0.0, 0.0, 0.0);
        for &sample in samples {
            let sample = f64::from(sample);
            (before, last) = (last, sample + coefficient * last - before);
            energy += sample * sample;
        }
        let count = f64::from(u32::try_from(samples.len()).expect("few"));
        let power = last * last + before * before - coefficient * last * before;
        if energy / count < 250_000.0 {
            return 0.0;
        }
        2.0 * power / (energy * count)
    }
}

/// What is late is not said at all, so on a machine that is busy with other things speech has gaps. A call that does not
/// sound as it should is made again, and only what never does is a defect.
fn sounds_right(call: impl Fn() -> anyhow::Result<()>) {
    let failures = (0..ATTEMPTS).map_while(|_| call().err());
    let failures: Vec<_> = failures.map(|it| it.to_string()).collect();
    assert!(failures.len() < ATTEMPTS, "{failures:#?}");
}

const ATTEMPTS: usize = 6;

#[test]
fn a_melody_is_played_and_then_the_callee_hangs_up() {
    for codec in ["PCMA", "opus"] {
        sounds_right(|| {
            let (heard, printed) = Server::start().hear("play", &["--codec", codec]);
            assert!(printed.contains("the callee hung up"), "{printed}");
            let seconds = heard.seconds();
            ensure!((2.5..4.0).contains(&seconds), "{codec}: {seconds} s");
            for note in [523.25, 659.26, 783.99] {
                let windows = heard.windows(note, 0.7);
                ensure!((4..16).contains(&windows), "{codec} {note} Hz: {windows}");
            }
            ensure!(heard.windows(440.0, 0.5) == 0, "{codec}: another tone");
            Ok(())
        });
    }
}

#[test]
fn what_is_played_comes_back_from_an_echo() {
    sounds_right(|| {
        let arguments = ["--tone", "--dtmf", "42#", "--duration", "3"];
        let (heard, _) = Server::start().hear("echo", &arguments);
        let windows = heard.windows(440.0, 0.9);
        ensure!(windows > 20, "{windows}");
        Ok(())
    });
}

#[test]
fn what_a_caller_says_is_kept_until_there_is_enough_of_it() {
    sounds_right(|| {
        let mut server = Server::start();
        for _ in 0..2 {
            let (heard, printed) = server.hear("record", &["--tone", "--codec", "G722"]);
            assert!(printed.contains("the callee hung up"), "{printed}");
            let beep = heard.windows(1000.0, 0.9);
            ensure!((2..=5).contains(&beep), "a beep: {beep}");
        }
        server.stop();
        let files: Vec<_> = fs::read_dir(server.directory.join("kept"))
            .expect("a directory")
            .map(|entry| entry.expect("a file").path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let kept = Sound::read(&files[0]);
        let (seconds, windows) = (kept.seconds(), kept.windows(440.0, 0.9));
        ensure!((1.5..2.2).contains(&seconds), "{seconds} s");
        ensure!(windows >= 28, "{windows}");
        Ok(())
    });
}

#[test]
fn keys_come_back_as_tones() {
    let arguments = ["--dtmf", "1D", "--duration", "2", "--codec"];
    for codec in ["PCMU", "opus"] {
        sounds_right(|| {
            let (heard, _) = Server::start().hear("dtmf", &[&arguments[..], &[codec]].concat());
            for frequency in [697.0, 1209.0, 941.0, 1633.0] {
                let windows = heard.windows(frequency, 0.35);
                ensure!(
                    (1..=3).contains(&windows),
                    "{codec} {frequency} Hz: {windows}"
                );
            }
            for frequency in [770.0, 852.0, 1336.0, 1477.0] {
                let windows = heard.windows(frequency, 0.2);
                ensure!(windows == 0, "{codec} {frequency} Hz: {windows}");
            }
            Ok(())
        });
    }
}

#[test]
fn a_menu_is_left_by_its_keys() {
    let server = Server::start();
    sounds_right(|| {
        let (heard, _) = server.hear("menu", &["--tone", "--duration", "3", "--dtmf", "91"]);
        ensure!(heard.windows(523.25, 0.7) > 0, "no menu");
        ensure!(heard.windows(440.0, 0.9) > 20, "no echo behind it");
        Ok(())
    });
    let (_, printed) = server.hear("menu", &["--dtmf", "2"]);
    assert!(printed.contains("the callee hung up"), "{printed}");
}

#[test]
fn two_callers_hear_each_other_whatever_their_codecs() {
    let server = Server::start();
    let file = server.directory.join("tone.wav");
    let spec = WavSpec {
        channels: 1,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(&file, spec).expect("a file");
    for n in 0..10 * 44_100 {
        let sample = (TAU * 1500.0 * f64::from(n) / 44_100.0).sin() * 8192.0;
        #[expect(clippy::cast_possible_truncation, reason = "it fits")]
        writer.write_sample(sample as i16).expect("room");
    }
    writer.finalize().expect("room");
    let play = file.to_str().expect("UTF-8");

    sounds_right(|| {
        let first = ["--tone", "--codec", "opus"];
        let mut waiting = server.call("bridge", "first.wav", &first);
        let waiting = waiting.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut waiting = Waiting::new(waiting);
        waiting.until("established");
        let second = ["--play", play, "--duration", "3", "--codec", "PCMU"];
        let (heard, _) = server.hear("bridge", &second);
        waiting.until("the callee hung up");
        waiting.0.wait().expect("it ends");

        let windows = heard.windows(440.0, 0.9);
        ensure!(windows > 20, "the second hears {windows}");
        let first = Sound::read(&server.directory.join("first.wav"));
        let windows = first.windows(1500.0, 0.9);
        ensure!(windows > 40, "the first hears {windows}");
        ensure!(first.windows(440.0, 0.5) == 0, "it hears itself");
        Ok(())
    });
}

/// A call that goes on, and its lines.
struct Waiting(Child, BufReader<std::process::ChildStdout>);

impl Waiting {
    fn new(mut call: Child) -> Self {
        let stdout = call.stdout.take().expect("a pipe");
        Self(call, BufReader::new(stdout))
    }

    fn until(&mut self, wanted: &str) {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            let octets = self.1.read_line(&mut line).expect("a line");
            assert!(octets > 0, "no line {wanted:?}");
        }
    }
}
