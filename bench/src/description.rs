//! An offer and what it takes to answer it, where no stream is to flow.

use std::net::Ipv4Addr;

use offhook_media::{BareHandler, SessionDescriptionHandler};

/// The offer of `SIPp` in its scenario `uac`.
pub const OFFER: &[u8] = b"v=0\r\n\
    o=user1 53655765 2353687637 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    c=IN IP4 127.0.0.1\r\n\
    t=0 0\r\n\
    m=audio 6000 RTP/AVP 0\r\n\
    a=rtpmap:0 PCMU/8000\r\n";

/// What keeps the descriptions of a call whose offer this is, when it is answered.
pub fn describe(offer: &[u8]) -> Box<BareHandler> {
    let mut handler = Box::new(BareHandler::new(Ipv4Addr::LOCALHOST.into()));
    handler.set_description(offer).expect("an offer");
    handler.description().expect("an answer");
    handler
}
