//! The m= lines that we write.

use sdp_types::{Attribute, Direction, Media, MediaType, RtcpMux, TransportProto};

use crate::{
    Encoding,
    formats::Formats,
    remote_audio::{self, PACKET_TIME},
    session_description::mid,
    srtp::Crypto,
};

/// The line that answers this one (RFC 3264 section 6.1).
pub(crate) fn accepted(
    offered: &Media,
    formats: &Formats,
    port: u16,
    direction: Direction,
    crypto: Option<&Crypto>,
) -> Media {
    let mut line = with_formats(formats, port);
    line.media.clone_from(&offered.media);
    line.proto.clone_from(&offered.proto);
    line.attributes.extend(packet_time(offered));
    line.attributes.extend(rtcp_mux(offered));
    line.attributes.extend(crypto.map(Crypto::attribute));
    line.attributes.extend(mid(offered));
    line.attributes.push(direction.into());
    line
}

/// The line that offers audio, in the place of `previous` where a pair was agreed before.
pub(crate) fn offered(
    previous: Option<&Media>,
    encodings: &[Encoding],
    port: u16,
    direction: Direction,
    crypto: Option<&Crypto>,
) -> Media {
    let agreed = previous.map(Formats::common).unwrap_or_default();
    let mut line = with_formats(&Formats::offered(agreed, encodings), port);
    if let Some(enabled) = previous.filter(|media| media.port != 0) {
        line.proto.clone_from(&enabled.proto);
    } else if crypto.is_some() {
        line.proto = TransportProto::RtpSavp.to_string();
    }
    line.attributes
        .push(Attribute::with_value("ptime", PACKET_TIME));
    line.attributes.push(RtcpMux.into());
    line.attributes.extend(crypto.map(Crypto::attribute));
    line.attributes.extend(previous.and_then(mid));
    line.attributes.push(direction.into());
    line
}

fn with_formats(formats: &Formats, port: u16) -> Media {
    let mut line = Media::new(
        MediaType::Audio,
        port,
        TransportProto::RtpAvp,
        formats.list(),
    );
    line.attributes.extend(formats.attributes());
    line
}

/// The packet time that the offer asks for is what we take as well.
fn packet_time(offered: &Media) -> Option<Attribute> {
    let asked = offered.get_first_attribute_value("ptime")??;
    asked.trim().parse::<u32>().ok()?;
    Some(Attribute::with_value(
        "ptime",
        remote_audio::packet_time(offered),
    ))
}

/// RTCP on the port of RTP, where the peer offers it (RFC 5761).
fn rtcp_mux(offered: &Media) -> Option<Attribute> {
    offered.has_attribute("rtcp-mux").then(|| RtcpMux.into())
}
