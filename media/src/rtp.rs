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

    /// Replaces the synchronization source.
    pub(crate) fn set_source(&mut self, source: u32) {
        self.0[8..12].copy_from_slice(&source.to_be_bytes());
    }
}

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
