//! Descriptions with an RTP port that echoes.

use std::{net::IpAddr, sync::Arc};

use offhook_message::{Body, MediaType};
use sdp_types::Direction;

use crate::{
    DescriptionError, PortRange, RtpCounters, SessionDescriptionHandler, echo_port::EchoPort,
    offer_answer::OfferAnswer,
};

/// Answers with PCMU, PCMA and telephone-event and sends the peer's packets back, so that a caller hears itself.
///
/// - The first audio stream over RTP/AVP or RTP/AVPF with one of these formats is accepted; every other stream is refused.
/// - The RTP port is opened with the first description of ours that has an audio stream, and echoes when the pair is
///   complete and its direction is sendrecv. Dropping or closing the handler frees it.
/// - Packets go back to where they came from. The first source of an agreed payload type is locked on, because the
///   described address is wrong behind a NAT; the described address takes over if packets come from it.
/// - RTCP is ignored. `a=rtcp-mux` is agreed to, so that it is ignored on the RTP port.
#[derive(Debug)]
pub struct EchoHandler {
    local: IpAddr,
    ports: PortRange,
    offer_answer: OfferAnswer,
    port: Option<EchoPort>,
    counters: Arc<RtpCounters>,
}

impl EchoHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer; not an unspecified one, which
    /// no peer can send to.
    pub fn new(local: IpAddr, ports: &PortRange) -> Self {
        let local = local.to_canonical();
        Self {
            local,
            ports: ports.clone(),
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            port: None,
            counters: Arc::default(),
        }
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.counters)
    }

    /// Makes the port do what the last complete pair says.
    fn follow_agreement(&mut self) {
        match (self.offer_answer.audio(), &self.port) {
            (Some(stream), Some(port)) => port.follow(stream),
            _ => self.port = None,
        }
    }
}

impl SessionDescriptionHandler for EchoHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let content = self.offer_answer.description(|| {
            let port = match self.port.take() {
                Some(port) => port,
                None => EchoPort::bind(self.local, &self.ports, Arc::clone(&self.counters))
                    .map_err(DescriptionError::NoPort)?,
            };
            Ok(self.port.insert(port).port())
        })?;
        if self.offer_answer.is_stable() {
            self.follow_agreement();
        }
        Ok(Body::sdp(content))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.offer_answer.set_description(content)?;
        if self.offer_answer.is_stable() {
            self.follow_agreement();
        }
        Ok(())
    }

    fn has_description(&self, content_type: &MediaType<'_>) -> bool {
        content_type.is("application", "sdp")
    }

    fn rollback_description(&mut self) {
        self.offer_answer.rollback();
        self.follow_agreement();
    }

    fn close(&mut self) {
        self.offer_answer.close();
        self.port = None;
    }
}
