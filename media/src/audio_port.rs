//! An RTP port that plays and records.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{net::UdpSocket, task::AbortHandle, time::interval};
use tracing::Instrument;

use crate::{
    PortRange,
    gate::{Admission, Gate, lock},
    offer_answer::AudioStream,
    player::Player,
    recording::Recording,
    rtp::{LONGEST_PACKET, RtpPacket},
};

/// One open UDP port and the task that plays and records on it. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct AudioPort {
    port: u16,
    gate: Arc<Mutex<Gate>>,
    task: AbortHandle,
}

impl AudioPort {
    /// Opens a port. It is silent until it follows a stream.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn bind(
        local: IpAddr,
        ports: &PortRange,
        player: Player,
        recording: Recording,
    ) -> io::Result<Self> {
        let socket = ports.bind(local)?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let gate = Arc::<Mutex<Gate>>::default();
        let audio = Audio {
            socket: UdpSocket::from_std(socket)?,
            gate: Arc::clone(&gate),
            player,
            recording,
        };
        let task = tokio::spawn(audio.run().in_current_span()).abort_handle();
        Ok(Self { port, gate, task })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Takes what was agreed; from the next packet on it counts.
    pub(crate) fn follow(&self, stream: AudioStream) {
        lock(&self.gate).follow(stream);
    }
}

impl Drop for AudioPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task's part.
struct Audio {
    socket: UdpSocket,
    gate: Arc<Mutex<Gate>>,
    player: Player,
    recording: Recording,
}

impl Audio {
    async fn run(mut self) {
        let mut buffer = [0; LONGEST_PACKET + 1];
        let mut packets = interval(PACKET_TIME);
        loop {
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => {
                        if let Some(datagram) = buffer.get_mut(..length) {
                            self.take(datagram, from);
                        }
                    }
                    // An earlier packet met a closed port.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    Err(error) => {
                        tracing::warn!(%error, "the RTP port failed, the call is silent from here on");
                        return;
                    }
                },
                _ = packets.tick() => self.play(),
            }
        }
    }

    fn play(&mut self) {
        let Some((to, formats)) = lock(&self.gate).destination() else {
            return;
        };
        if let Some(packet) = self.player.packet(&formats) {
            // A packet that finds the socket's buffer full is lost, as it would be in the network.
            let _ = self.socket.try_send_to(&packet, to);
        }
    }

    fn take(&self, datagram: &mut [u8], from: SocketAddr) {
        let Some(packet) = RtpPacket::read(datagram) else {
            return;
        };
        let (payload_type, timestamp) = (packet.payload_type(), packet.timestamp());
        let mut gate = lock(&self.gate);
        if gate.admit(payload_type, from, Instant::now()) == Admission::Discard {
            return;
        }
        let law = gate.law(payload_type);
        drop(gate);
        if let Some(law) = law {
            let payload = RtpPacket::payload(datagram);
            let samples = payload.iter().map(|octet| law.decode(*octet));
            self.recording.put(timestamp, samples);
        }
    }
}

const PACKET_TIME: Duration = Duration::from_millis(20);
