//! An agreement on audio and the RTP port that does what it says.

use std::{net::IpAddr, sync::Arc};

use offhook_message::Body;
use sdp_types::Direction;

use crate::{
    DescriptionError, Encoding, Hold, Liveness, PortRange, RtpCounters,
    offer_answer::{OfferAnswer, Protection},
    rtp::End,
    rtp_port::RtpPort,
};

/// What the handlers with an RTP port have in common.
#[derive(Debug)]
pub(crate) struct PortAgreement {
    local: IpAddr,
    ports: PortRange,
    offer_answer: OfferAnswer,
    port: Option<RtpPort>,
    end: End,
    pub(crate) counters: Arc<RtpCounters>,
    pub(crate) liveness: Liveness,
}

impl PortAgreement {
    pub(crate) fn new(local: IpAddr, ports: &PortRange, end: End) -> Self {
        let local = local.to_canonical();
        Self {
            local,
            ports: ports.clone(),
            offer_answer: OfferAnswer::new(local, Direction::SendRecv),
            port: None,
            end,
            counters: Arc::default(),
            liveness: Liveness::default(),
        }
    }

    pub(crate) fn offer_only(&mut self, encodings: Vec<Encoding>) {
        self.offer_answer.offer_only(encodings);
    }

    pub(crate) fn protect(&mut self, protection: Protection) {
        self.offer_answer.protect(protection);
    }

    /// Our description. The first one with an audio stream opens the port.
    pub(crate) fn description(&mut self) -> Result<Body, DescriptionError> {
        let content = self.offer_answer.description(|| {
            let port = if let Some(port) = self.port.take() {
                port
            } else {
                let (end, counters) = (self.end.clone(), Arc::clone(&self.counters));
                let liveness = self.liveness.clone();
                RtpPort::open(self.local, &self.ports, end, counters, liveness)
                    .map_err(DescriptionError::NoPort)?
            };
            Ok(self.port.insert(port).port())
        })?;
        self.follow_if_stable();
        Ok(Body::sdp(content))
    }

    pub(crate) fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.offer_answer.set_description(content)?;
        self.follow_if_stable();
        Ok(())
    }

    pub(crate) fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        self.offer_answer.set_hold(hold)
    }

    pub(crate) fn rollback(&mut self) {
        self.offer_answer.rollback();
        self.follow();
    }

    pub(crate) fn close(&mut self) {
        self.offer_answer.close();
        self.port = None;
    }

    fn follow_if_stable(&mut self) {
        if self.offer_answer.is_stable() {
            self.follow();
        }
    }

    /// Makes the port do what the last complete pair says.
    fn follow(&mut self) {
        if let (Some(stream), Some(port)) = (self.offer_answer.audio(), &self.port) {
            port.follow(stream);
        } else {
            self.liveness.rest();
            self.port = None;
        }
    }
}
