//! The header of an RTP packet (RFC 3550 section 5.1).

/// What the header of an RTP packet says ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// What the payload is, 0 to 127.
    pub payload_type: u8,
    /// Whether speech, or a key, begins with this packet.
    pub is_marked: bool,
    /// The sequence number.
    pub sequence: u16,
    /// When the payload was spoken, in ticks of the format's clock.
    pub timestamp: u32,
    /// The synchronization source.
    pub source: u32,
}

impl RtpHeader {
    /// Reads the header. None for another version than 2 and for a header that is cut short.
    pub(crate) fn read(datagram: &[u8]) -> Option<Self> {
        let header = datagram.first_chunk::<FIXED_HEADER>()?;
        let contributors = usize::from(header[0] & 0x0f);
        if header[0] >> 6 != VERSION || datagram.len() < FIXED_HEADER + 4 * contributors {
            return None;
        }
        let [_, second, s0, s1, t0, t1, t2, t3, source @ ..] = *header;
        Some(Self {
            payload_type: second & 0x7f,
            is_marked: second & MARKER != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            source: u32::from_be_bytes(source),
        })
    }

    /// A packet of this header and this payload.
    pub(crate) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(FIXED_HEADER + payload.len());
        let marker = if self.is_marked { MARKER } else { 0 };
        packet.extend([VERSION << 6, self.payload_type | marker]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// Whether this is RTCP where it shares a port with RTP
/// ([RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    datagram
        .get(1)
        .is_some_and(|octet| RTCP_TYPES.contains(octet))
}

/// Replaces the payload type and the synchronization source.
pub(crate) fn readdress(datagram: &mut [u8], payload_type: u8, source: u32) {
    if let Some(header) = datagram.first_chunk_mut::<FIXED_HEADER>() {
        header[1] = header[1] & MARKER | payload_type;
        header[8..].copy_from_slice(&source.to_be_bytes());
    }
}

/// What stands behind the header and before the padding; empty where that makes no sense.
pub(crate) fn payload(datagram: &[u8]) -> &[u8] {
    payload_place(datagram)
        .and_then(|place| datagram.get(place))
        .unwrap_or_default()
}

/// Where the payload begins, if all before it is there.
pub(crate) fn payload_start(datagram: &[u8]) -> Option<usize> {
    let flags = *datagram.first()?;
    let mut start = FIXED_HEADER + 4 * usize::from(flags & 0x0f);
    if flags & HAS_EXTENSION != 0 {
        let [_, _, high, low] = *datagram.get(start..)?.first_chunk::<4>()?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    }
    (start <= datagram.len()).then_some(start)
}

fn payload_place(datagram: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = payload_start(datagram)?;
    let flags = *datagram.first()?;
    let mut end = datagram.len();
    if flags & HAS_PADDING != 0 {
        end = end.checked_sub(usize::from(*datagram.last()?))?;
    }
    Some(start..end)
}

/// 100 ms of PCMU and every header extension that phones use; a longer datagram is discarded, not cut.
pub(crate) const LONGEST_PACKET: usize = 1500;
const HAS_PADDING: u8 = 0x20;
const HAS_EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;
const FIXED_HEADER: usize = 12;
const VERSION: u8 = 2;
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_rewrites_the_header() {
        let mut datagram = *b"\x80\xe5\x12\x34\x00\x00\x00\xa0\xaa\xaa\xaa\xaapayload";
        let header = RtpHeader::read(&datagram).unwrap();
        let expected = RtpHeader {
            payload_type: 101,
            is_marked: true,
            sequence: 0x1234,
            timestamp: 160,
            source: 0xaaaa_aaaa,
        };
        assert_eq!(header, expected);
        assert_eq!(header.packet(b"payload"), datagram);
        readdress(&mut datagram, 96, 0x0102_0304);
        assert_eq!(
            &datagram,
            b"\x80\xe0\x12\x34\x00\x00\x00\xa0\x01\x02\x03\x04payload"
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
            assert_eq!(payload(&datagram), expected, "{flags:#x} {rest:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_rtp() {
        let whole = *b"\x80\x00\x12\x34\x00\x00\x00\xa0\xaa\xaa\xaa\xaa";
        assert!(RtpHeader::read(&whole[..11]).is_none());
        assert!(RtpHeader::read(&whole).is_some());
        assert!(RtpHeader::read(&[]).is_none());
        for first in [0x40, 0x00, 0x81] {
            let mut other = whole;
            other[0] = first;
            assert!(RtpHeader::read(&other).is_none(), "{first}");
        }
        assert!(!is_rtcp(&whole) && !is_rtcp(&[]));
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 201]));
    }

    proptest! {
        #[test]
        fn garbage_is_no_trouble(mut datagram in prop::collection::vec(any::<u8>(), 0..64)) {
            RtpHeader::read(&datagram);
            prop_assert!(payload(&datagram).len() <= datagram.len());
            readdress(&mut datagram, 0, 1);
            is_rtcp(&datagram);
        }
    }
}
