//! Descriptions with an RTP port that echoes.

use std::{net::IpAddr, sync::Arc};

use offhook_message::{Body, MediaType};

use crate::{
    DescriptionError, Hold, Liveness, PortRange, RtpCounters, SessionDescriptionHandler,
    port_agreement::PortAgreement, rtp::End,
};

/// Answers with every [`Encoding`](crate::Encoding) and telephone-event and sends the peer's packets back, so that a caller
/// hears itself.
///
/// - The first audio stream over RTP/AVP or RTP/AVPF with one of these formats is accepted; every other stream is refused.
/// - The RTP port is opened with the first description of ours that has an audio stream, and echoes when the pair is
///   complete and its direction is sendrecv. Dropping or closing the handler frees it.
/// - Packets go back to where they came from, as they are but for their synchronization source. The first source of an
///   agreed payload type is locked on, because the described address is wrong behind a NAT; the described address takes
///   over if packets come from it.
#[derive(Debug)]
pub struct EchoHandler {
    agreement: PortAgreement,
}

impl EchoHandler {
    /// A handler that binds and describes `local`, the address of ours that faces the peer; not an unspecified one, which
    /// no peer can send to.
    pub fn new(local: IpAddr, ports: &PortRange) -> Self {
        Self {
            agreement: PortAgreement::new(local, ports, End::Echo),
        }
    }

    /// What goes through the call's port; stays readable when the handler is closed.
    pub fn counters(&self) -> Arc<RtpCounters> {
        Arc::clone(&self.agreement.counters)
    }

    /// Whether the peer is still there.
    pub fn liveness(&self) -> Liveness {
        self.agreement.liveness.clone()
    }
}

impl SessionDescriptionHandler for EchoHandler {
    /// # Panics
    ///
    /// Outside a tokio runtime.
    fn description(&mut self) -> Result<Body, DescriptionError> {
        self.agreement.description()
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
