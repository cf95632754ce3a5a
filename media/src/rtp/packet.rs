//! The fixed header of an RTP packet (RFC 3550 section 5.1).

/// A datagram whose header is that of an RTP packet.
pub(crate) struct RtpPacket<'a>(&'a mut [u8; FIXED_HEADER]);

impl<'a> RtpPacket<'a> {
    /// Reads the header. None for another version than 2, for a header that is cut short, and for RTCP on the same port
    /// (RFC 5761 section 4).
    pub(crate) fn read(datagram: &'a mut [u8]) -> Option<Self> {
        let length = datagram.len();
        let header = datagram.first_chunk_mut::<FIXED_HEADER>()?;
        let contributors = usize::from(header[0] & 0x0f);
        let is_rtp = header[0] >> 6 == VERSION && !RTCP_TYPES.contains(&header[1]);
        (is_rtp && length >= FIXED_HEADER + 4 * contributors).then_some(Self(header))
    }

    pub(crate) fn payload_type(&self) -> u8 {
        self.0[1] & 0x7f
    }

    pub(crate) fn timestamp(&self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = *self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// What stands behind the header and before the padding; empty where that makes no sense.
    pub(crate) fn payload(datagram: &[u8]) -> &[u8] {
        payload(datagram).unwrap_or_default()
    }

    /// Replaces the synchronization source.
    pub(crate) fn set_source(&mut self, source: u32) {
        self.0[8..12].copy_from_slice(&source.to_be_bytes());
    }
}

fn payload(datagram: &[u8]) -> Option<&[u8]> {
    let flags = *datagram.first()?;
    let mut payload = datagram.get(FIXED_HEADER + 4 * usize::from(flags & 0x0f)..)?;
    if flags & HAS_EXTENSION != 0 {
        let [_, _, high, low] = *payload.first_chunk::<4>()?;
        payload = payload.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)?;
    }
    if flags & HAS_PADDING != 0 {
        let padding = usize::from(*payload.last()?);
        payload = payload.get(..payload.len().checked_sub(padding)?)?;
    }
    Some(payload)
}

/// 100 ms of PCMU and every header extension that phones use; a longer datagram is discarded, not cut.
pub(crate) const LONGEST_PACKET: usize = 1500;
const HAS_PADDING: u8 = 0x20;
const HAS_EXTENSION: u8 = 0x10;
const FIXED_HEADER: usize = 12;
const VERSION: u8 = 2;
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_rewrites_the_header() {
        let mut datagram = *b"\x80\xe5\x12\x34\x00\x00\x00\xa0\xaa\xaa\xaa\xaapayload";
        let mut packet = RtpPacket::read(&mut datagram).unwrap();
        assert_eq!(packet.payload_type(), 101);
        packet.set_source(0x0102_0304);
        assert_eq!(
            &datagram,
            b"\x80\xe5\x12\x34\x00\x00\x00\xa0\x01\x02\x03\x04payload"
        );
    }

    #[test]
    fn the_payload_stands_between_header_and_padding() {
        let header = |flags: u8| [&[flags], &[0; 11][..]].concat();
        for (flags, rest, expected) in [
            (0x80, &b"ab"[..], &b"ab"[..]),
            (0x81, b"cccc-ab", b"-ab"),
            (0x90, b"\0\0\0\x01xxxxab", b"ab"),
            (0x90, b"\0\0\0\x02xxxxab", b""),
            (0xa0, b"ab\0\x02", b"ab"),
            (0xa0, b"ab\0\x05", b""),
            (0xa0, b"", b""),
        ] {
            let datagram = [&header(flags), rest].concat();
            assert_eq!(
                RtpPacket::payload(&datagram),
                expected,
                "{flags:#x} {rest:?}"
            );
        }
    }

    #[test]
    fn refuses_what_is_not_rtp() {
        let header = *b"\x80\x00\x12\x34\x00\x00\x00\xa0\xaa\xaa\xaa\xaa";
        let mut whole = header;
        assert!(RtpPacket::read(&mut whole[..11]).is_none());
        assert!(RtpPacket::read(&mut whole).is_some());
        assert!(RtpPacket::read(&mut []).is_none());
        for (index, octet) in [(0, 0x40), (0, 0x00), (0, 0x81), (1, 200), (1, 201)] {
            let mut other = header;
            other[index] = octet;
            assert!(RtpPacket::read(&mut other).is_none(), "{index} {octet}");
        }
    }
}
