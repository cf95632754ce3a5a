//! A peer that does ICE in full and begins the DTLS handshake, as a browser does.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    format::{Codec, FormatParams},
    media::{Direction, Frequency, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};
use tokio::{
    net::UdpSocket,
    time::{sleep_until, timeout},
};

pub(crate) struct Browser {
    pub(crate) rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    pub(crate) mid: Option<Mid>,
    pending: Option<SdpPendingOffer>,
    next: u64,
    /// The payloads of what came, with their payload types.
    pub(crate) heard: Vec<(u8, Vec<u8>)>,
    pub(crate) sequence_numbers: Vec<u64>,
    pub(crate) is_closed: bool,
}

impl Browser {
    pub(crate) async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let mut configuration = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_pcmu(true, false);
        configuration.codec_config().add_config(
            101.into(),
            None,
            Codec::Tele,
            Frequency::FORTY_EIGHT_KHZ,
            None,
            FormatParams::default(),
        );
        let mut rtc = configuration.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate"));
        Self {
            rtc,
            socket,
            address,
            mid: None,
            pending: None,
            next: 1,
            heard: Vec::new(),
            sequence_numbers: Vec::new(),
            is_closed: false,
        }
    }

    /// An offer of audio; later ones change its direction.
    pub(crate) fn offer(&mut self, direction: Direction) -> String {
        let mut api = self.rtc.sdp_api();
        match self.mid {
            Some(mid) => api.set_direction(mid, direction),
            None => {
                self.mid = Some(api.add_media(MediaKind::Audio, direction, None, None, None));
            }
        }
        let (offer, pending) = api.apply().expect("a change");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    pub(crate) fn restart_ice(&mut self) -> String {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().expect("a change");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    pub(crate) fn take_answer(&mut self, answer: &str) {
        let pending = self.pending.take().expect("an offer");
        let answer = SdpAnswer::from_sdp_string(answer).expect("a readable answer");
        let taken = self.rtc.sdp_api().accept_answer(pending, answer);
        taken.expect("an acceptable answer");
    }

    pub(crate) fn answer(&mut self, offer: &str) -> String {
        let offer = SdpOffer::from_sdp_string(offer).expect("a readable offer");
        let answer = self.rtc.sdp_api().accept_offer(offer);
        answer.expect("an acceptable offer").to_sdp_string()
    }

    pub(crate) fn say(&mut self, payload_type: u8, payload: &[u8]) {
        let time = u32::try_from(self.next * 960).expect("a short call");
        self.say_at(payload_type, payload, time);
    }

    pub(crate) fn say_at(&mut self, payload_type: u8, payload: &[u8], time: u32) {
        let sequence = self.next;
        self.next += 1;
        let mut api = self.rtc.direct_api();
        let mid = self.mid.expect("a stream");
        let stream = api.stream_tx_by_mid(mid, None).expect("a stream to send");
        stream.write_rtp(RtpWrite::new(
            payload_type.into(),
            sequence.into(),
            time,
            Instant::now(),
            payload.to_vec(),
        ));
        self.input(Input::Timeout(Instant::now()));
    }

    /// Speaks from another source from now on.
    pub(crate) fn change_source(&mut self, source: u32) {
        let mid = self.mid.expect("a stream");
        let mut api = self.rtc.direct_api();
        let changed = api.reset_stream_tx(mid, None, source.into(), None);
        changed.expect("a stream to send");
    }

    /// As if so many packets were lost.
    pub(crate) fn skip(&mut self, packets: u64) {
        self.next += packets;
    }

    /// Goes on until `is_there`.
    pub(crate) async fn until(&mut self, what: &str, mut is_there: impl FnMut(&Self) -> bool) {
        let running = async {
            while !is_there(self) {
                self.step().await;
            }
        };
        let ran = timeout(PATIENCE, running).await;
        assert!(ran.is_ok(), "no {what} in {PATIENCE:?}");
    }

    pub(crate) async fn connect(&mut self) {
        self.until("connection", |browser| browser.rtc.is_connected())
            .await;
    }

    /// Says something and hears it back.
    pub(crate) async fn hear_echo(&mut self, payload_type: u8, payload: &[u8]) {
        let before = self.heard.len();
        self.say(payload_type, payload);
        let expected = (payload_type, payload.to_vec());
        self.until("echo", |it| it.heard[before..].contains(&expected))
            .await;
    }

    /// Goes on as long as a packet needs to come back, and hears nothing.
    pub(crate) async fn hear_nothing(&mut self, payload_type: u8) {
        let before = self.heard.len();
        self.say(payload_type, b"unheard");
        let silence = async {
            loop {
                self.step().await;
            }
        };
        let _ = timeout(Duration::from_millis(300), silence).await;
        assert_eq!(self.heard.len(), before);
    }

    async fn step(&mut self) {
        let due = self.flush().await;
        let mut buffer = [0; 2048];
        tokio::select! {
            biased;
            received = self.socket.recv_from(&mut buffer) => {
                let Ok((length, from)) = received else { return };
                let receive = Receive::new(Protocol::Udp, from, self.address, &buffer[..length]);
                if let Ok(receive) = receive {
                    self.input(Input::Receive(Instant::now(), receive));
                }
            }
            () = sleep_until(due.into()) => self.input(Input::Timeout(Instant::now())),
        }
        self.flush().await;
    }

    fn input(&mut self, input: Input<'_>) {
        if let Err(error) = self.rtc.handle_input(input) {
            eprintln!("the browser: {error}");
        }
    }

    async fn flush(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => return due,
                Ok(Output::Transmit(transmit)) => {
                    let sent = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination);
                    sent.await.expect("loopback");
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let payload_type = *packet.header.payload_type;
                    self.sequence_numbers.push(*packet.seq_no);
                    self.heard.push((payload_type, packet.payload.to_vec()));
                }
                Ok(Output::Event(Event::MediaAdded(media))) => self.mid = Some(media.mid),
                Ok(Output::Event(Event::Closed)) => self.is_closed = true,
                Ok(Output::Event(_)) => {}
                Err(error) => eprintln!("the browser: {error}"),
            }
        }
    }
}

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
