//! `offhook call`, and a callee that is not as it should be.

use std::{
    fs, iter,
    net::{SocketAddr, UdpSocket},
    process::Command,
    time::Duration,
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::{
    peer::{PATIENCE, Peer},
    program::{File, Program, offhook},
};

/// Where a callee hears.
struct Ear(UdpSocket);

impl Ear {
    fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").expect("a free port"))
    }

    /// An answer that names this place and these formats.
    fn description(&self, formats: &str) -> String {
        let port = self.0.local_addr().expect("its address").port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats}\r\n"
        )
    }

    /// The next packet.
    fn hear(&self) -> Vec<u8> {
        self.hear_within(PATIENCE).expect("it speaks")
    }

    /// The next packet of audio.
    fn hear_audio(&self) -> Vec<u8> {
        let mut packets = iter::repeat_with(|| self.hear());
        let audio = packets.find(|packet| PCMU.contains(&packet[1]));
        audio.expect("packets")
    }

    /// Whether nothing comes for the time of many packets.
    fn is_silent(&self) -> bool {
        self.hear_within(Duration::from_millis(300)).is_none()
    }

    fn hear_within(&self, time: Duration) -> Option<Vec<u8>> {
        self.receive_within(time).map(|(packet, _)| packet)
    }

    fn receive_within(&self, time: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        self.0.set_read_timeout(Some(time)).expect("a time");
        let mut packet = [0; 1500];
        let (length, from) = self.0.recv_from(&mut packet).ok()?;
        Some((packet[..length].to_vec(), from))
    }

    /// Says a tone of 1 kHz, a packet for each that comes.
    fn say(&self, packets: u8) {
        for number in 0..packets {
            let (_, from) = self.receive_within(PATIENCE).expect("it speaks");
            let mut packet = vec![0x80, 0, 0, number];
            packet.extend((u32::from(number) * 160).to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            packet.extend([[LOUD; 4], [LOUD ^ 0x80; 4]].concat().repeat(20));
            self.0.send_to(&packet, from).expect("it is sent");
        }
    }
}

fn call(peer: &Peer, arguments: &[&str]) -> Program {
    let uri = format!("sip:bob@{}", peer.address());
    let mut program = Program::start(offhook(&["call", &uri]).args(arguments));
    program.expect("calling");
    program
}

#[test]
fn the_audio_stops_with_our_bye_though_nobody_answers_it() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let mut program = call(&peer, &["--tone"]);
    peer.answer(&peer.expect("INVITE"), &ear.description("0"));
    program.expect("established");
    ear.hear();
    program.interrupt();
    peer.expect("BYE");
    // What was said before waits in the socket, which has no room for so many packets.
    assert!((0..1000).any(|_| ear.is_silent()), "it goes on");
}

/// The way of the audio is open before the answer, and silence goes there: what we have to say is for who answers.
#[test]
fn the_callee_is_heard_before_it_answers() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let record = File::new("heard-early", "");
    let file = record.0.to_str().expect("UTF-8");
    let mut program = call(&peer, &["--tone", "--codec", "pcmu", "--record", file]);
    let invite = peer.expect("INVITE");
    peer.describe(&invite, "183 Session Progress", &ear.description("0"));
    program.expect("progress");
    let early = ear.hear_audio();
    assert!(early[12..].iter().all(|it| *it == SILENCE), "{early:?}");
    ear.say(50);
    peer.answer(&invite, &ear.description("0"));
    program.expect("established");
    let is_tone = |packet: &Vec<u8>| packet[12..].iter().any(|it| *it != SILENCE);
    while !is_tone(&ear.hear_audio()) {}
    program.interrupt();
    peer.respond(&peer.expect("BYE"), "200 OK", "");
    program.expect("ended");
    assert_eq!(program.exit_code(), Some(0));
    let recording = WavReader::open(&record.0).expect("a recording");
    let mut samples = recording.into_samples::<i16>();
    assert!(samples.any(|it| it.expect("a sample") > 8000));
}

/// The program has no more to do than to write the recording, and that lasts: nobody reads it.
#[test]
fn the_audio_stops_when_a_callee_that_was_heard_refuses() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let record = File::new("heard-refused", "");
    let file = record.0.to_str().expect("UTF-8");
    let mut program = call(&peer, &["--record", file]);
    let invite = peer.expect("INVITE");
    peer.describe(&invite, "183 Session Progress", &ear.description("0"));
    program.expect("progress");
    ear.hear();
    fs::remove_file(&record.0).expect("it was written");
    let made = Command::new("mkfifo").arg(&record.0).status();
    assert!(made.expect("mkfifo runs").success());
    peer.respond(&invite, "486 Busy Here", "");
    program.expect("rejected");
    assert!((0..1000).any(|_| ear.is_silent()), "it goes on");
}

#[test]
fn nothing_is_said_to_a_callee_that_has_given_up_or_sent_us_on() {
    let (peer, first, second) = (Peer::new(), Ear::new(), Ear::new());
    let mut program = call(&peer, &[]);
    let (invite, headers) = (peer.expect("INVITE"), peer.describing());
    let progress = "183 Session Progress";
    for (tag, ear) in [("peer", &first), ("other", &second)] {
        peer.respond_as(tag, &invite, progress, &headers, &ear.description("0"));
        program.expect("progress");
        ear.hear();
    }
    let contact = format!("Contact: <sip:{}>\r\n", peer.address());
    peer.respond_as(
        "other",
        &invite,
        "199 Early Dialog Terminated",
        &contact,
        "",
    );
    program.expect("progress");
    assert!((0..1000).any(|_| second.is_silent()), "it goes on");
    // What was said before waits in the socket.
    while first.hear_within(Duration::from_millis(1)).is_some() {}
    first.hear();
    peer.respond(&invite, "302 Moved Temporarily", &contact);
    program.expect("redirected");
    peer.expect("INVITE");
    assert!((0..1000).any(|_| first.is_silent()), "it goes on");
}

/// What was agreed with one callee, and changed by it, binds no other that the same INVITE has reached.
#[test]
fn another_callee_answers_with_another_codec() {
    let (peer, first, second) = (Peer::new(), Ear::new(), Ear::new());
    let mut program = call(&peer, &["--tone"]);
    let invite = peer.expect("INVITE");
    let reliable = format!("{}Require: 100rel\r\nRSeq: 1\r\n", peer.describing());
    let progress = "183 Session Progress";
    peer.respond_as(
        "peer",
        &invite,
        progress,
        &reliable,
        &first.description("0"),
    );
    peer.respond(&peer.expect("PRACK"), "200 OK", "");
    program.expect("progress");
    let change = first.description("0").replace("- 1 1", "- 1 2");
    peer.request_with(&invite, "1 UPDATE", &peer.describing(), &change);
    let changed = peer.expect("SIP/2.0 200");
    assert!(changed.text.contains("RTP/AVP 0"), "{}", changed.text);

    let (headers, answer) = (peer.describing(), second.description("8"));
    peer.respond_as("other", &invite, "200 OK", &headers, &answer);
    peer.expect("ACK");
    program.expect("established");
    let mut packets = iter::repeat_with(|| second.hear()[1] & 0x7f);
    assert!(packets.by_ref().take(1000).any(|kind| kind == PCMA));
    program.interrupt();
    peer.respond(&peer.expect("BYE"), "200 OK", "");
    program.expect("ended");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_call_comes_out_as_it_did_where_its_recording_cannot_be_written() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let record = File::new("unwritable", "");
    let file = record.0.to_str().expect("UTF-8");
    let mut program = call(&peer, &["--record", file]);
    peer.answer(&peer.expect("INVITE"), &ear.description("0"));
    program.expect("established");
    fs::remove_file(&record.0).expect("it was there");
    fs::create_dir(&record.0).expect("its name is free");
    program.interrupt();
    peer.respond(&peer.expect("BYE"), "200 OK", "");
    program.expect("ended");
    let code = program.exit_code();
    fs::remove_dir(&record.0).expect("it is empty");
    assert_eq!(code, Some(0));
}

#[test]
fn a_recording_is_kept_where_no_other_takes_its_place() {
    let record = File::new("kept", "an earlier call");
    let file = record.0.to_str().expect("UTF-8");
    let uri = "sip:bob@127.0.0.1;transport=sctp";
    let placed = offhook(&["call", uri, "--record", file]).output();
    assert_eq!(placed.expect("it ends").status.code(), Some(2));
    let kept = fs::read_to_string(&record.0).expect("it is there");
    assert_eq!(kept, "an earlier call");
}

/// It is read first.
#[test]
fn what_is_played_may_be_recorded_over() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let sound = File::new("played", "");
    let file = sound.0.to_str().expect("UTF-8");
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(&sound.0, spec).expect("a file");
    for place in 0..8000 {
        let sample = if place % 8 < 4 { 8000 } else { -8000 };
        writer.write_sample(sample).expect("it is written");
    }
    writer.finalize().expect("it is written");
    let arguments = ["--play", file, "--record", file, "--codec", "pcmu"];
    let mut program = call(&peer, &arguments);
    peer.answer(&peer.expect("INVITE"), &ear.description("0"));
    program.expect("established");
    let is_sound = |packet: Vec<u8>| packet[12..].iter().any(|it| *it != SILENCE);
    assert!((0..50).any(|_| is_sound(ear.hear_audio())), "it is silent");
}

#[test]
fn only_so_many_contacts_of_a_redirection_are_tried() {
    let peer = Peer::new();
    let mut program = call(&peer, &["--bare"]);
    let nowhere = "Contact: <sip:bob@127.0.0.1;transport=sctp>\r\n".repeat(6);
    let contacts = format!("{nowhere}Contact: <sip:carol@{}>\r\n", peer.address());
    peer.respond(&peer.expect("INVITE"), "302 Moved Temporarily", &contacts);
    program.expect("rejected");
    assert_eq!(program.exit_code(), Some(1));
}

/// Else who calls us would wait for three minutes.
#[test]
fn what_comes_in_meanwhile_is_refused() {
    for verb in [&["call", "--bare", "--follow-refer"][..], &["load"]] {
        let peer = Peer::new();
        let uri = format!("sip:bob@{}", peer.address());
        let _program = Program::start(offhook(verb).arg(&uri));
        let invite = peer.expect("INVITE");
        peer.begin("INVITE", invite.from, "");
        peer.expect("SIP/2.0 480");
        if verb[0] == "call" {
            let refer_to = format!("Refer-To: <sip:carol@{}>\r\n", peer.address());
            peer.begin("REFER", invite.from, &refer_to);
            peer.expect("SIP/2.0 603");
        }
    }
}

#[test]
fn a_second_signal_ends_a_call_that_the_callee_does_not_end() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let mut program = call(&peer, &[]);
    peer.answer(&peer.expect("INVITE"), &ear.description("0"));
    program.expect("established");
    program.interrupt();
    peer.expect("BYE");
    program.interrupt();
    let line = program.expect("ended");
    assert_eq!(line["cause"], "we hung up, and did not wait for the end");
    assert_eq!(program.exit_code(), Some(130));
}

#[test]
fn a_second_signal_ends_a_load_that_the_callee_does_not_end() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let uri = format!("sip:bob@{}", peer.address());
    let load = ["load", &uri, "--calls", "1", "--hold", "3600"];
    let mut program = Program::start(&mut offhook(&load));
    peer.answer(&peer.expect("INVITE"), &ear.description("0"));
    // A report each second.
    while program.line()["up"] != 1 {}
    program.interrupt();
    // The first signal has come: two that wait at once are one.
    peer.expect("BYE");
    program.interrupt();
    let summary = iter::repeat_with(|| program.line()).find(|line| line["event"] == "summary");
    assert_eq!(summary.expect("it sums up")["up"], 1);
    assert_eq!(program.exit_code(), Some(1));
}

#[test]
fn a_signal_ends_a_call_that_follows_and_is_not_answered() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let mut program = call(&peer, &["--follow-refer"]);
    let invite = peer.expect("INVITE");
    peer.answer(&invite, &ear.description("0"));
    program.expect("established");
    let refer_to = format!("Refer-To: <sip:carol@{}>\r\n", peer.address());
    peer.request(&invite, "1 REFER", &refer_to);
    program.expect("referred");
    let follow = peer.expect("INVITE");
    peer.respond(&follow, "180 Ringing", "");
    program.expect("progress");
    peer.request(&invite, "2 BYE", "");
    while !peer.expect("SIP/2.0 200").header("CSeq").ends_with("BYE") {}
    program.interrupt();
    peer.expect("CANCEL");
    program.expect("ended");
}

#[test]
fn keys_go_by_info_where_the_audio_has_none() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let mut program = call(&peer, &["--dtmf", "1#3"]);
    let invite = peer.expect("INVITE");
    peer.answer(&invite, &ear.description("0"));
    program.expect("established");
    assert_eq!(program.expect("keys")["by"], "INFO");
    for (key, status) in [("1", "200 OK"), ("#", "415 Unsupported Media Type")] {
        let info = peer.expect("INFO");
        assert_eq!(info.header("Content-Type"), "application/dtmf-relay");
        let relay = format!("\r\n\r\nSignal={key}\r\nDuration=160\r\n");
        assert!(info.text.ends_with(&relay), "{}", info.text);
        peer.respond(&info, status, "");
    }
    peer.request(&invite, "1 BYE", "");
    program.expect("ended");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn where_keys_are_wanted_a_codec_is_spoken_that_has_them() {
    let (peer, ear) = (Peer::new(), Ear::new());
    let mut program = call(&peer, &["--dtmf", "1"]);
    let formats = "111 0 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000";
    peer.answer(&peer.expect("INVITE"), &ear.description(formats));
    program.expect("established");
    let until_key = iter::repeat_with(|| ear.hear()[1] & 0x7f).take_while(|it| *it != 101);
    let spoken: Vec<_> = until_key.take(100).collect();
    assert!(spoken.len() < 100 && !spoken.contains(&111), "{spoken:?}");
}

/// The second octet of a packet, without and with its marker.
const PCMU: [u8; 2] = [0, 0x80];
/// Its payload type.
const PCMA: u8 = 8;
/// In PCMU.
const SILENCE: u8 = 0xff;
/// In PCMU, 15,996 of 32,124. With the other sign the first bit is another.
const LOUD: u8 = 0x90;
