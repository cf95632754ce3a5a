//! An RTP port that hears and speaks.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{net::UdpSocket, time::interval};

use crate::{
    AudioEnd, Codec, Encoding, FRAME_TIME, Framer, KeyReceiver, PortRange,
    formats::Kind,
    gate::{Admission, Gate, lock},
    rtp::{LONGEST_PACKET, RtpPacket, Sender},
    rtp_port::{RtpPort, goes_on},
};

/// Opens a port that hears and speaks.
///
/// # Panics
///
/// Outside a tokio runtime.
pub(crate) fn open_audio(local: IpAddr, ports: &PortRange, end: AudioEnd) -> io::Result<RtpPort> {
    RtpPort::bind(local, ports, |socket, gate| {
        let audio = AudioPort {
            socket,
            gate,
            end,
            sender: None,
            packet: Vec::with_capacity(LONGEST_PACKET),
            decoder: None,
            framer: Framer::default(),
            keys: KeyReceiver::default(),
        };
        audio.run()
    })
}

/// The task's part.
struct AudioPort {
    socket: UdpSocket,
    gate: Arc<Mutex<Gate>>,
    end: AudioEnd,
    sender: Option<Sender>,
    packet: Vec<u8>,
    decoder: Option<(Encoding, Box<dyn Codec>)>,
    framer: Framer,
    keys: KeyReceiver,
}

impl AudioPort {
    async fn run(mut self) {
        let mut buffer = [0; LONGEST_PACKET + 1];
        let mut packets = interval(FRAME_TIME);
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
                _ = packets.tick() => self.speak(),
            }
        }
    }

    fn speak(&mut self) {
        let Some((to, formats)) = lock(&self.gate).destination() else {
            return;
        };
        if self.sender.is_none() {
            self.sender = Sender::new(&formats);
        }
        if let Some(sender) = &mut self.sender {
            sender.packet(&formats, &self.end, &mut self.packet);
            // A packet that finds the socket's buffer full is lost, as it would be in the network.
            let _ = self.socket.try_send_to(&self.packet, to);
        }
    }

    fn take(&mut self, datagram: &mut [u8], from: SocketAddr) {
        let Some(packet) = RtpPacket::read(datagram) else {
            return;
        };
        let (payload_type, timestamp) = (packet.payload_type(), packet.timestamp());
        let mut gate = lock(&self.gate);
        if gate.admit(payload_type, from, Instant::now()) == Admission::Discard {
            return;
        }
        let kind = gate.kind(payload_type);
        drop(gate);
        let payload = RtpPacket::payload(datagram);
        match kind {
            Some(Kind::Speech(encoding)) => self.hear(encoding, payload),
            Some(Kind::TelephoneEvent { .. }) => {
                if let Some(key) = self.keys.receive(timestamp, payload) {
                    self.end.key(key);
                }
            }
            None => {}
        }
    }

    fn hear(&mut self, encoding: Encoding, payload: &[u8]) {
        if self.decoder.as_ref().is_none_or(|it| it.0 != encoding) {
            self.decoder = Some((encoding, encoding.codec()));
        }
        if let Some((_, codec)) = &mut self.decoder {
            codec.decode(payload, self.framer.samples());
        }
        self.framer.drain(|frame| self.end.hear(frame));
    }
}
