//! One UDP port with ICE, DTLS and SRTP on it, and the task behind it.

use std::{
    collections::{HashSet, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use offhook_media::{Direction, Formats, MediaLoss, MediaLossSender, PortRange};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig, RtcError,
    change::SdpApi,
    format::{Codec, FormatParams},
    media::{Frequency, Mid},
    net::{Protocol, Receive},
    rtp::{RtpWrite, Ssrc},
};
use tokio::{net::UdpSocket, sync::Notify, task::AbortHandle, time::sleep_until};
use tracing::{Instrument as _, debug, warn};

use crate::{clock::Clock, stream::Stream};

/// An open port and the peer behind it. Dropping it ends its task and closes it.
pub(crate) struct PeerConnection {
    address: SocketAddr,
    port: Arc<Port>,
    task: AbortHandle,
}

impl PeerConnection {
    /// Opens a port on `local`, where the peer reaches us.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn open(
        local: IpAddr,
        ports: &PortRange,
        stream: Stream,
        loss: MediaLossSender,
        longest_ringing: Duration,
    ) -> io::Result<Self> {
        let socket = ports.bind(local)?;
        socket.set_nonblocking(true)?;
        let address = SocketAddr::new(local, socket.local_addr()?.port());
        let patience = longest_ringing.saturating_add(LONGEST_SILENCE);
        let port = Arc::new(Port {
            socket: UdpSocket::from_std(socket)?,
            changed: Notify::new(),
            peer: Mutex::new(Peer::new(address, stream, loss, patience)),
        });
        let running = run(Arc::clone(&port)).in_current_span();
        let task = tokio::spawn(running).abort_handle();
        Ok(Self {
            address,
            port,
            task,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets str0m take or give a description, and does what follows from it.
    pub(crate) fn negotiate<T>(
        &self,
        step: impl FnOnce(SdpApi<'_>) -> Result<T, RtcError>,
    ) -> Result<T, RtcError> {
        let mut peer = self.port.peer();
        let result = step(peer.rtc.sdp_api());
        peer.drain(&self.port.socket, Instant::now());
        self.port.changed.notify_one();
        result
    }

    /// As [`Self::negotiate`], and begins anew with another peer: the certificate of the one there was does not count any
    /// more. After an error all stays as it was
    /// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
    pub(crate) fn negotiate_anew<T>(
        &self,
        step: impl FnOnce(SdpApi<'_>) -> Result<T, RtcError>,
    ) -> Result<T, RtcError> {
        let mut peer = self.port.peer();
        let (stream, loss) = (peer.stream.anew(), peer.loss.clone());
        let mut other = Peer::new(self.address, stream, loss, peer.patience);
        let result = step(other.rtc.sdp_api())?;
        *peer = other;
        peer.drain(&self.port.socket, Instant::now());
        self.port.changed.notify_one();
        Ok(result)
    }

    /// Takes what was agreed; from the next packet on it counts.
    pub(crate) fn follow(&self, mid: Mid, direction: Direction, formats: Formats) {
        let mut peer = self.port.peer();
        peer.follow(mid, direction, formats, Instant::now());
        self.port.changed.notify_one();
    }

    /// The peer has our description, and can connect from now on.
    pub(crate) fn arrived(&self) {
        self.port.peer().patience = LONGEST_SILENCE;
    }
}

impl Drop for PeerConnection {
    fn drop(&mut self) {
        self.task.abort();
        let mut peer = self.port.peer();
        // The peer is told, in one datagram that may get lost: it has the BYE as well.
        if peer.rtc.close().is_ok() {
            peer.drain(&self.port.socket, Instant::now());
        }
    }
}

struct Port {
    socket: UdpSocket,
    /// What the task waits for may be due earlier now.
    changed: Notify,
    peer: Mutex<Peer>,
}

impl Port {
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(port: Arc<Port>) {
    let mut buffer = [0; LONGEST_DATAGRAM];
    loop {
        let due = port.peer().due();
        tokio::select! {
            received = port.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => {
                    let datagram = buffer.get(..length).unwrap_or_default();
                    port.peer().receive(&port.socket, datagram, from);
                }
                // An earlier packet met a closed port of the peer's.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return port.peer().loss.lose(MediaLoss::Port(error.kind())),
            },
            () = sleep_until(due.into()) => port.peer().wake(&port.socket, Instant::now()),
            () = port.changed.notified() => {}
        }
    }
}

/// The far end of a port.
struct Peer {
    rtc: Rtc,
    address: SocketAddr,
    /// When str0m wants to be woken.
    due: Instant,
    /// When the connection counts as lost, and why; none while it stands.
    lost_at: Option<(Instant, MediaLoss)>,
    /// How long it may take to connect.
    patience: Duration,
    loss: MediaLossSender,
    mid: Option<Mid>,
    /// Sources that were not announced, the newest last.
    unannounced: VecDeque<Ssrc>,
    /// Whose packet was the last that proved to be the peer's.
    heard: Option<Ssrc>,
    /// Sources whose packets proved to be the peer's. str0m keeps something of each as long as it lives.
    proven: HashSet<Ssrc>,
    stream: Stream,
    /// A packet of ours goes when str0m is told the time.
    has_written: bool,
    /// Whether what we say has a way: the association is there, and so is the peer. While ICE is restarted, the way that it
    /// had is used (RFC 8445 section 9).
    speaks: bool,
    clock: Clock,
}

impl Peer {
    fn new(address: SocketAddr, stream: Stream, loss: MediaLossSender, patience: Duration) -> Self {
        let now = Instant::now();
        let mut rtc = configuration().build(now);
        match Candidate::host(address, "udp") {
            Ok(candidate) => {
                rtc.add_local_candidate(candidate);
            }
            Err(error) => warn!(%error, "{address} is no address for media"),
        }
        Self {
            rtc,
            address,
            due: now,
            lost_at: None,
            patience,
            loss,
            mid: None,
            unannounced: VecDeque::new(),
            heard: None,
            proven: HashSet::new(),
            stream,
            has_written: false,
            speaks: false,
            clock: Clock::new(now),
        }
    }

    fn due(&self) -> Instant {
        let due = self.lost_at.map_or(self.due, |(at, _)| at.min(self.due));
        let speaks = self.stream.timeout().filter(|_| self.speaks);
        let speaks = speaks.and_then(|it| self.clock.instant(it));
        speaks.map_or(due, |it| it.min(due))
    }

    fn follow(&mut self, mid: Mid, direction: Direction, formats: Formats, now: Instant) {
        self.mid = Some(mid);
        self.stream.follow(direction, formats, self.clock.time(now));
        if !self.rtc.is_connected() && self.lost_at.is_none() {
            let at = now.checked_add(self.patience);
            self.lost_at = at.map(|at| (at, MediaLoss::Silence));
        }
    }

    fn receive(&mut self, socket: &UdpSocket, datagram: &[u8], from: SocketAddr) {
        self.receive_at(Instant::now(), socket, datagram, from);
    }

    fn receive_at(&mut self, now: Instant, socket: &UdpSocket, datagram: &[u8], from: SocketAddr) {
        let destination = self.address;
        let Ok(receive) = Receive::new(Protocol::Udp, from, destination, datagram) else {
            return;
        };
        let input = Input::Receive(self.clock.time(now), receive);
        // Nobody can disturb the call without the credentials of a description.
        if !self.rtc.accepts(&input) {
            return;
        }
        self.clock.run(now);
        if rtp_source(datagram).is_some_and(|source| !self.expects(source)) {
            return;
        }
        if let Err(error) = self.rtc.handle_input(input) {
            debug!(%error, "a datagram was of no use");
        }
        self.drain(socket, now);
    }

    /// Whether str0m may see packets of this source. One that was not announced is expected from now on: there is one
    /// stream, so they are of it. A gateway announces none.
    fn expects(&mut self, source: Ssrc) -> bool {
        let mut api = self.rtc.direct_api();
        if api.stream_rx(&source).is_some() {
            return true;
        }
        if self.proven.len() >= MOST_PROVEN && !self.proven.contains(&source) {
            return false;
        }
        let Some(mid) = self.mid else { return true };
        self.unannounced.retain(|it| *it != source);
        if self.unannounced.len() == MOST_UNANNOUNCED {
            // Nobody knows yet whether the packet is forged, so who is heard stays.
            let mut places = self.unannounced.iter();
            let oldest = places.position(|it| Some(*it) != self.heard);
            if let Some(oldest) = oldest.and_then(|at| self.unannounced.remove(at)) {
                api.remove_stream_rx(oldest);
            }
        }
        self.unannounced.push_back(source);
        api.expect_stream_rx(source, None, mid, None);
        true
    }

    fn wake(&mut self, socket: &UdpSocket, now: Instant) {
        if let Some((at, loss)) = self.lost_at
            && at <= now
        {
            self.lost_at = None;
            self.loss.lose(loss);
        }
        if self.speaks {
            let mut packets = Vec::new();
            self.stream
                .handle_timeout(self.clock.time(now), &mut |packet| packets.push(packet));
            for packet in packets {
                self.write(packet);
            }
        }
        if self.has_written || self.due <= now {
            self.drain(socket, now);
        }
    }

    fn write(&mut self, packet: RtpWrite) {
        let Some(mid) = self.mid else { return };
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_tx_by_mid(mid, None) {
            stream.write_rtp(packet);
            self.has_written = true;
        }
    }

    /// Sends and does what str0m has to say, until it says when it wants to be woken.
    fn drain(&mut self, socket: &UdpSocket, now: Instant) {
        for _ in 0..MOST_ROUNDS {
            match self.round(socket, now) {
                Ok(due) if due > now => {
                    self.due = due;
                    return;
                }
                Ok(_) => {}
                Err(error) if self.rtc.is_alive() => debug!(%error, "media stumbled"),
                Err(error) => {
                    warn!(%error, "media failed");
                    self.due = now + IDLE;
                    return self.loss.lose(MediaLoss::Security);
                }
            }
        }
        self.due = now + SHORTEST_WAIT;
    }

    fn round(&mut self, socket: &UdpSocket, now: Instant) -> Result<Instant, RtcError> {
        let due = self.flush(socket, now)?;
        let time = self.clock.time(now);
        let is_early = due > time && !self.has_written;
        if is_early {
            return Ok(self.clock.instant(due).unwrap_or(now + IDLE));
        }
        self.has_written = false;
        self.rtc.handle_input(Input::Timeout(time))?;
        Ok(now)
    }

    fn flush(&mut self, socket: &UdpSocket, now: Instant) -> Result<Instant, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) => return Ok(due),
                Output::Transmit(transmit) => {
                    // A packet that finds the socket's buffer full is lost, as it would be in the network.
                    let _ = socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(event) => self.happened(event, now),
            }
        }
    }

    fn happened(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => {
                debug!("media connected");
                self.lost_at = None;
                self.speaks = true;
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.speaks = false;
                self.lost_at = Some((now + LONGEST_SILENCE, MediaLoss::Silence));
            }
            Event::IceConnectionStateChange(_) if self.rtc.is_connected() => {
                self.lost_at = None;
                self.speaks = true;
            }
            Event::IceConnectionStateChange(state) if state.is_connected() => {
                // So it has our description; the handshake is next.
                self.patience = LONGEST_SILENCE;
                self.lost_at = Some((now + self.patience, MediaLoss::Silence));
            }
            Event::Closed => {
                self.speaks = false;
                self.lost_at = Some((now + GOODBYE, MediaLoss::Closed));
            }
            Event::RtpPacket(packet) => {
                let source = packet.header.ssrc;
                if self.heard.replace(source) != Some(source) {
                    self.proven.insert(source);
                }
                if let Some(echo) = self.stream.receive(&packet, self.clock.time(now)) {
                    self.write(echo);
                }
            }
            _ => {}
        }
    }
}

/// Whose packet it is, where it is one of RTP and not of RTCP (RFC 5761 section 4).
fn rtp_source(datagram: &[u8]) -> Option<Ssrc> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let [first, second, .., a, b, c, d] = *header;
    let is_rtp = first >> 6 == 2 && !(64..96).contains(&(second & 0x7f));
    is_rtp.then(|| u32::from_be_bytes([a, b, c, d]).into())
}

fn configuration() -> RtcConfig {
    let mut configuration = Rtc::builder()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_pcmu(true, false)
        .enable_pcma(true, false)
        .enable_g722(true, false)
        .clear_extension_map()
        .set_extension(1, str0m::rtp::Extension::RtpMid);
    let events = FormatParams {
        telephone_event_max: Some(LAST_DTMF_EVENT),
        ..FormatParams::default()
    };
    for (payload_type, rate) in [
        (110, Frequency::FORTY_EIGHT_KHZ),
        (126, Frequency::EIGHT_KHZ),
    ] {
        configuration.codec_config().add_config(
            payload_type.into(),
            None,
            Codec::Tele,
            rate,
            None,
            events,
        );
    }
    configuration
}

/// How long a peer may be unreachable before the application hears of it.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);
/// Who hangs up closes the connection, too, and its BYE may come later.
const GOODBYE: Duration = Duration::from_secs(2);
/// str0m is asked again at once where time alone lets it go on; this often.
const MOST_ROUNDS: usize = 8;
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
const IDLE: Duration = Duration::from_hours(1);
/// A peer may change its source as often as it likes (RFC 3550 section 8.2); whoever forges packets may not fill our
/// memory.
const MOST_UNANNOUNCED: usize = 16;
/// In a connection. Each is some 50 octets to str0m; a gateway that takes another for each transfer has a few dozen.
const MOST_PROVEN: usize = 1000;
/// What fits an Ethernet frame, and more.
const LONGEST_DATAGRAM: usize = 2048;
/// Of the events of RFC 4733 section 3.2, 0 to 15 are the keys.
const LAST_DTMF_EVENT: u8 = 15;

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        pin::pin,
        task::{Context, Waker},
    };

    use str0m::{
        change::SdpOffer,
        media::{self, MediaKind},
    };

    use super::*;

    /// One that is agreed on with a peer which cannot connect yet.
    fn connection(start: Instant, longest_ringing: Duration) -> PeerConnection {
        let (local, ports) = (Ipv4Addr::LOCALHOST.into(), PortRange::any());
        let (stream, loss) = (Stream::echo(), MediaLossSender::new());
        let connection = PeerConnection::open(local, &ports, stream, loss, longest_ringing);
        let connection = connection.unwrap();
        let (mid, formats) = ("0".into(), Formats::default());
        let mut peer = connection.port.peer();
        peer.follow(mid, Direction::SendRecv, formats, start);
        drop(peer);
        connection
    }

    /// Whether the connection is given up by then.
    fn is_lost(connection: &PeerConnection, at: Instant) -> bool {
        let mut peer = connection.port.peer();
        peer.wake(&connection.port.socket, at);
        let mut losses = peer.loss.losses();
        let waiting = pin!(losses.lost());
        let mut context = Context::from_waker(Waker::noop());
        waiting.poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn a_browser_need_not_connect_before_it_has_our_answer() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for ringing in [180, 3600] {
            let longest_ringing = Duration::from_secs(ringing);
            let silent = connection(start, longest_ringing);
            assert!(!is_lost(&silent, after(ringing + 19)));
            assert!(is_lost(&silent, after(ringing + 20)));

            let stuck = connection(start, longest_ringing);
            let ice = Event::IceConnectionStateChange(IceConnectionState::Completed);
            stuck.port.peer().happened(ice, after(60));
            assert!(!is_lost(&stuck, after(79)));
            assert!(is_lost(&stuck, after(80)));
        }
        let patient = connection(start, Duration::MAX);
        assert!(!is_lost(&patient, after(1_000_000)));
    }

    /// RFC 4145 section 4: who offers to be passive leaves it to us to begin.
    #[tokio::test]
    async fn a_handshake_that_we_begin_waits_for_the_peer() {
        let start = Instant::now();
        let connection = connection(start, Duration::from_mins(3));
        let Port { socket, peer, .. } = &*connection.port;
        let peer = || peer.lock().unwrap();
        socket.writable().await.unwrap();
        let theirs = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let from = theirs.local_addr().unwrap();

        let mut browser = Rtc::builder().set_rtp_mode(true).build(start);
        browser.add_local_candidate(Candidate::host(from, "udp").unwrap());
        let mut api = browser.sdp_api();
        api.add_media(
            MediaKind::Audio,
            media::Direction::SendRecv,
            None,
            None,
            None,
        );
        let (offer, pending) = api.apply().unwrap();
        let offer = offer.to_sdp_string().replace(":actpass", ":passive");
        let lines = offer.split_inclusive('\n');
        let offer: String = lines.filter(|it| !it.contains("candidate")).collect();
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = connection.negotiate(|api| api.accept_offer(offer)).unwrap();

        let mut now = start;
        for _ in 0..100 {
            now += Duration::from_secs(1);
            assert!(!is_lost(&connection, now));
        }
        assert!(peer().due > now + SHORTEST_WAIT, "nothing is due");
        browser.handle_input(Input::Timeout(now)).unwrap();
        browser.sdp_api().accept_answer(pending, answer).unwrap();
        let mut buffer = [0; LONGEST_DATAGRAM];
        for _ in 0..1000 {
            loop {
                match browser.poll_output().unwrap() {
                    Output::Transmit(it) => peer().receive_at(now, socket, &it.contents, from),
                    Output::Event(_) => {}
                    Output::Timeout(_) => break,
                }
            }
            while let Ok((length, ours)) = theirs.recv_from(&mut buffer) {
                let datagram = Receive::new(Protocol::Udp, ours, from, &buffer[..length]);
                let received = Input::Receive(now, datagram.unwrap());
                browser.handle_input(received).unwrap();
            }
            now += Duration::from_millis(10);
            browser.handle_input(Input::Timeout(now)).unwrap();
            assert!(!is_lost(&connection, now));
        }
        assert!(browser.is_connected() && peer().speaks);
    }
}
