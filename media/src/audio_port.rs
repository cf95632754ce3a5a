//! An RTP port that plays and records.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{net::UdpSocket, time::interval};

use crate::{
    PortRange,
    gate::{Admission, Gate, lock},
    player::Player,
    recording::Recording,
    rtp::{LONGEST_PACKET, RtpPacket},
    rtp_port::{RtpPort, goes_on},
};

/// Opens a port that plays and records.
///
/// # Panics
///
/// Outside a tokio runtime.
pub(crate) fn open_audio(
    local: IpAddr,
    ports: &PortRange,
    player: Player,
    recording: Recording,
) -> io::Result<RtpPort> {
    RtpPort::bind(local, ports, |socket, gate| {
        let audio = Audio {
            socket,
            gate,
            player,
            recording,
        };
        audio.run()
    })
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
                    Err(error) if goes_on(&error) => {}
                    Err(_) => return,
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
