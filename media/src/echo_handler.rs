//! Descriptions with an RTP port that echoes.

use std::{net::IpAddr, sync::Arc};

use offhook_message::{Body, MediaType};

use crate::{
    DescriptionError, Hold, PortRange, RtpCounters, SessionDescriptionHandler,
    echo_port::open_echo, port_agreement::PortAgreement,
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
    agreement: PortAgreement,
    counters: Arc<RtpCounters>,
}

impl EchoHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer; not an unspecified one, which
    /// no peer can send to.
    pub fn new(local: IpAddr, ports: &PortRange) -> Self {
        Self {
            agreement: PortAgreement::new(local, ports),
            counters: Arc::default(),
        }
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.counters)
    }
}

impl SessionDescriptionHandler for EchoHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        let counters = &self.counters;
        self.agreement
            .description(|local, ports| open_echo(local, ports, Arc::clone(counters)))
    }

    fn set_description(&mut self, content: &[u8]) -> Result<(), DescriptionError> {
        self.agreement.set_description(content)
    }

    fn set_hold(&mut self, hold: Hold) -> Result<(), DescriptionError> {
        self.agreement.set_hold(hold)
    }

    fn has_description(&self, content_type: &MediaType<'_>) -> bool {
        content_type.is("application", "sdp")
    }

    fn rollback_description(&mut self) {
        self.agreement.rollback();
    }

    fn close(&mut self) {
        self.agreement.close();
    }
}
