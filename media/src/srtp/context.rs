//! Packets in and out of SRTP and SRTCP (RFC 3711).

use std::collections::VecDeque;

use aws_lc_rs::{
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time, hmac,
    iv::FixedLength,
};

use super::{Keys, MasterKey, crypto::Suite};
use crate::rtp::{RtpHeader, payload_start};

/// Both directions of a stream.
pub(crate) struct Srtp {
    outgoing: Context,
    incoming: Context,
    packet: Vec<u8>,
}

/// One direction.
struct Context {
    rtp: Secrets,
    rtcp: Secrets,
    tag_length: usize,
    /// Those that were heard of, the last one last.
    sources: VecDeque<Source>,
    next_report: u32,
}

/// What came of a source, or went under it (RFC 3711 section 3.2.3): each counts by itself.
#[derive(Clone, Copy, Default)]
struct Source {
    number: u32,
    packets: Window,
    reports: Window,
    /// Whether nothing came of it since the key is another.
    is_rekeyed: bool,
}

/// What is derived from a master key (RFC 3711 section 4.3).
struct Secrets {
    cipher: EncryptingKey,
    salt: [u8; SALT],
    authentication: hmac::Key,
}

/// The indices that came (RFC 3711 section 3.3.2).
#[derive(Clone, Copy, Default)]
struct Window {
    /// The highest, plus one.
    end: u64,
    /// The last 64 up to the highest, which is the lowest bit.
    bits: u64,
}

impl Srtp {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self {
            outgoing: Context::new(&keys.ours, keys.suite),
            incoming: Context::new(&keys.theirs, keys.suite),
            packet: Vec::new(),
        }
    }

    /// The same with other keys. Ours are for a source that has sent nothing yet; the sources of the peer may go on.
    pub(crate) fn rekeyed(self, before: &Keys, keys: &Keys) -> Self {
        let is_same = (before.suite, &before.theirs) == (keys.suite, &keys.theirs);
        let mut next = Self::new(keys);
        if is_same {
            next.incoming = self.incoming;
        } else {
            let sources = self.incoming.sources.into_iter();
            next.incoming.sources = sources.map(Source::rekeyed).collect();
        }
        next
    }

    /// The packet as it goes out. `None` for what is no RTP.
    pub(crate) fn protect(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let header = RtpHeader::read(packet)?;
        let start = payload_start(packet)?;
        let context = &mut self.outgoing;
        let mut source = context.source(header.source);
        let index = source.packets.index(header.sequence)?;
        source.packets.note(index);
        context.keep(source);
        self.packet.clear();
        self.packet.extend(packet);
        let body = self.packet.get_mut(start..)?;
        context.rtp.apply(header.source, index, body)?;
        let tag = context.rtp.tag(&self.packet, &rollover(index));
        self.packet.extend(tag.as_ref().get(..context.tag_length)?);
        Some(&self.packet)
    }

    /// The compound as it goes out.
    pub(crate) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let context = &mut self.outgoing;
        let source = rtcp_source(packet)?;
        let index = context.next_report;
        context.next_report = (index + 1) & !ENCRYPTED;
        self.packet.clear();
        self.packet.extend(packet);
        let body = self.packet.get_mut(RTCP_HEADER..)?;
        context.rtcp.apply(source, index.into(), body)?;
        self.packet.extend((ENCRYPTED | index).to_be_bytes());
        let tag = context.rtcp.tag(&self.packet, &[]);
        self.packet.extend(tag.as_ref().get(..RTCP_TAG)?);
        Some(&self.packet)
    }

    /// Decrypts a packet in its place, and gives its length. `None` where it is not the peer's, or came before.
    pub(crate) fn unprotect(&mut self, packet: &mut [u8]) -> Option<usize> {
        let context = &mut self.incoming;
        let header = RtpHeader::read(packet)?;
        let length = packet.len().checked_sub(context.tag_length)?;
        let (packet, tag) = packet.split_at_mut_checked(length)?;
        let start = payload_start(packet)?;
        let mut source = context.source(header.source);
        let next = source.packets.next(header.sequence);
        // A peer that has moved counts anew with its key (RFC 4568 section 7.1.4), and others do so, too.
        let anew = Some(u64::from(header.sequence));
        let anew = anew.filter(|_| source.is_rekeyed && next != anew);
        let is_good = |index: &u64| context.rtp.verify(packet, &rollover(*index), tag).is_some();
        let index = [next, anew].into_iter().flatten().find(is_good)?;
        if next != Some(index) {
            source.packets = Window::default();
        }
        source.is_rekeyed = false;
        source.packets.note(index);
        context.keep(source);
        context
            .rtp
            .apply(header.source, index, packet.get_mut(start..)?)?;
        Some(length)
    }

    /// Decrypts a compound in its place, and gives its length. `None` as in [`unprotect`](Self::unprotect).
    pub(crate) fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let context = &mut self.incoming;
        let mut source = context.source(rtcp_source(packet)?);
        let authenticated = packet.len().checked_sub(RTCP_TAG)?;
        let (packet, tag) = packet.split_at_mut_checked(authenticated)?;
        let length = authenticated.checked_sub(4)?;
        let index = u32::from_be_bytes(*packet.get(length..)?.first_chunk()?);
        let number = u64::from(index & !ENCRYPTED);
        if !source.reports.is_new(number) {
            return None;
        }
        context.rtcp.verify(packet, &[], tag)?;
        source.reports.note(number);
        context.keep(source);
        if index & ENCRYPTED != 0 {
            let body = packet.get_mut(RTCP_HEADER..length)?;
            context.rtcp.apply(source.number, number, body)?;
        }
        Some(length)
    }
}

impl Context {
    #[expect(clippy::expect_used, reason = "keys of 16 octets are allowed")]
    fn new(master: &MasterKey, suite: Suite) -> Self {
        let secrets = |label| Secrets::derive(master, label).expect("the length of a key");
        Self {
            rtp: secrets(0),
            rtcp: secrets(3),
            tag_length: suite.tag_length(),
            sources: VecDeque::new(),
            next_report: 0,
        }
    }

    /// What is known of this source. What becomes of that is kept when it is sure whose the packet is.
    fn source(&self, number: u32) -> Source {
        let known = self.sources.iter().rfind(|it| it.number == number);
        known.copied().unwrap_or(Source {
            number,
            ..Source::default()
        })
    }

    fn keep(&mut self, source: Source) {
        self.sources.retain(|it| it.number != source.number);
        if self.sources.len() == MOST_SOURCES {
            self.sources.pop_front();
        }
        self.sources.push_back(source);
    }
}

impl Source {
    /// With another key the packets go on being counted, and none of them has come
    /// ([RFC 3711 §3.3.1](https://www.rfc-editor.org/rfc/rfc3711#section-3.3.1)).
    fn rekeyed(self) -> Self {
        Self {
            number: self.number,
            packets: Window {
                end: self.packets.end,
                bits: 0,
            },
            reports: Window::default(),
            is_rekeyed: true,
        }
    }
}

impl Secrets {
    fn derive(master: &MasterKey, label: u8) -> Option<Self> {
        let (key, salt) = master.0.split_first_chunk::<KEY>()?;
        let salt = salt.first_chunk::<SALT>()?;
        let cipher = cipher(key)?;
        let session_key: [u8; KEY] = derived(&cipher, salt, label)?;
        let authentication: [u8; AUTHENTICATION] = derived(&cipher, salt, label + 1)?;
        Some(Self {
            cipher: self::cipher(&session_key)?,
            salt: derived(&cipher, salt, label + 2)?,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
        })
    }

    /// Encrypts or decrypts, which is the same (RFC 3711 section 4.1.1).
    fn apply(&self, source: u32, index: u64, body: &mut [u8]) -> Option<()> {
        let mut vector = [0; BLOCK];
        let (salt, _) = vector.split_first_chunk_mut::<SALT>()?;
        *salt = self.salt;
        let mut block = u128::from_be_bytes(vector);
        block ^= u128::from(source) << 64 | u128::from(index) << 16;
        run(&self.cipher, block.to_be_bytes(), body)
    }

    fn tag(&self, packet: &[u8], rollover: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(rollover);
        context.sign()
    }

    fn verify(&self, packet: &[u8], rollover: &[u8], tag: &[u8]) -> Option<()> {
        let ours = self.tag(packet, rollover);
        let ours = ours.as_ref().get(..tag.len())?;
        constant_time::verify_slices_are_equal(ours, tag).ok()
    }
}

impl Window {
    /// The index of which this is the end, nearest to the highest (RFC 3711 appendix A). `None` where that would be
    /// before the first.
    fn index(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.end.checked_sub(1) else {
            return Some(sequence.into());
        };
        let [.., high, low] = highest.to_be_bytes();
        let ahead = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        highest.checked_add_signed(ahead.cast_signed().into())
    }

    /// As [`index`](Self::index), where it is new.
    fn next(&self, sequence: u16) -> Option<u64> {
        self.index(sequence).filter(|index| self.is_new(*index))
    }

    fn is_new(&self, index: u64) -> bool {
        let Some(behind) = self.end.checked_sub(index + 1) else {
            return true;
        };
        behind < 64 && self.bits >> behind & 1 == 0
    }

    fn note(&mut self, index: u64) {
        let end = index + 1;
        if let Some(behind) = self.end.checked_sub(end) {
            self.bits |= 1_u64
                .checked_shl(u32::try_from(behind).unwrap_or(64))
                .unwrap_or(0);
            return;
        }
        let ahead = u32::try_from(end - self.end).unwrap_or(64);
        self.bits = self.bits.checked_shl(ahead).unwrap_or(0) | 1;
        self.end = end;
    }
}

fn cipher(key: &[u8; KEY]) -> Option<EncryptingKey> {
    EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key).ok()?).ok()
}

/// The first octets of a key stream (RFC 3711 section 4.3.1).
fn derived<const LENGTH: usize>(
    cipher: &EncryptingKey,
    salt: &[u8; SALT],
    label: u8,
) -> Option<[u8; LENGTH]> {
    let mut vector = [0; BLOCK];
    let (place, _) = vector.split_first_chunk_mut::<SALT>()?;
    *place = *salt;
    vector[7] ^= label;
    let mut octets = [0; LENGTH];
    run(cipher, vector, &mut octets)?;
    Some(octets)
}

fn run(cipher: &EncryptingKey, vector: [u8; BLOCK], octets: &mut [u8]) -> Option<()> {
    let vector = EncryptionContext::Iv128(FixedLength::from(vector));
    cipher.less_safe_encrypt(octets, vector).ok().map(drop)
}

/// How often the sequence numbers began anew, as it is authenticated.
fn rollover(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

fn rtcp_source(packet: &[u8]) -> Option<u32> {
    let [_, _, _, _, source @ ..] = packet.first_chunk::<RTCP_HEADER>()?;
    Some(u32::from_be_bytes(*source))
}

const KEY: usize = 16;
const SALT: usize = 14;
const AUTHENTICATION: usize = 20;
const BLOCK: usize = 16;
/// What stays readable of a compound.
const RTCP_HEADER: usize = 8;
const RTCP_TAG: usize = 10;
/// A peer changes its source now and then. What of one before these was recorded can be sent to us again.
const MOST_SOURCES: usize = 16;
/// The bit before the index of a compound.
const ENCRYPTED: u32 = 0x8000_0000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASTER: [u8; 30] = [
        0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41,
        0x39, 0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
    ];

    fn pair(suite: Suite) -> (Srtp, Srtp) {
        let (ours, theirs) = (MasterKey::random(), MasterKey(MASTER));
        let keys = |ours: &MasterKey, theirs: &MasterKey| Keys {
            suite,
            ours: ours.clone(),
            theirs: theirs.clone(),
        };
        let one = Srtp::new(&keys(&ours, &theirs));
        (one, Srtp::new(&keys(&theirs, &ours)))
    }

    fn packet(sequence: u16, source: u32) -> Vec<u8> {
        let header = RtpHeader {
            payload_type: 0,
            is_marked: false,
            sequence,
            timestamp: 7,
            source,
        };
        header.packet(b"speech")
    }

    #[test]
    fn keys_are_derived_as_in_appendix_b_3() {
        let master = cipher(MASTER.first_chunk().unwrap()).unwrap();
        let salt = MASTER.last_chunk().unwrap();
        let key: [u8; 16] = derived(&master, salt, 0).unwrap();
        let expected = 0xc61e_7a93_744f_39ee_1073_4afe_3ff7_a087_u128;
        assert_eq!(u128::from_be_bytes(key), expected);
        let salt_of_session: [u8; 14] = derived(&master, salt, 2).unwrap();
        assert_eq!(salt_of_session[..4], [0x30, 0xcb, 0xbc, 0x08]);
        let authentication: [u8; 20] = derived(&master, salt, 1).unwrap();
        assert_eq!(authentication[..4], [0xce, 0xbe, 0x32, 0x1f]);
        assert_eq!(authentication[16..], [0x6d, 0x38, 0xba, 0xa4]);
    }

    #[test]
    fn the_key_stream_is_that_of_appendix_b_2() {
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128;
        let mut salt = [0; SALT];
        salt.copy_from_slice(&0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_0000_u128.to_be_bytes()[..14]);
        let secrets = Secrets {
            cipher: cipher(&key.to_be_bytes()).unwrap(),
            salt,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[]),
        };
        let mut stream = [0; 32];
        secrets.apply(0, 0, &mut stream).unwrap();
        assert_eq!(stream[..4], [0xe0, 0x3e, 0xad, 0x09]);
        assert_eq!(stream[16..20], [0xd2, 0x35, 0x13, 0x16]);
    }

    #[test]
    fn packets_come_through_past_the_end_of_their_numbers() {
        for (suite, longer) in [(Suite::Tag80, 10), (Suite::Tag32, 4)] {
            let (mut one, mut other) = pair(suite);
            for number in 0..200_000_u32 {
                if number % 997 > 3 {
                    continue;
                }
                let sequence = (number & 0xffff) as u16;
                let plain = packet(sequence, 5);
                let mut sent = one.protect(&plain).unwrap().to_vec();
                assert_eq!(sent.len(), plain.len() + longer);
                assert_ne!(sent[12..18], plain[12..]);
                let length = other.unprotect(&mut sent).unwrap();
                assert_eq!(sent[..length], plain);
            }
        }
    }

    #[test]
    fn what_was_changed_or_came_before_is_refused() {
        let (mut one, mut other) = pair(Suite::Tag80);
        let first = one.protect(&packet(65_535, 5)).unwrap().to_vec();
        let second = one.protect(&packet(0, 5)).unwrap().to_vec();
        for place in 0..first.len() {
            let mut changed = first.clone();
            changed[place] ^= 1;
            assert_eq!(other.unprotect(&mut changed), None, "{place}");
        }
        for sent in [&second, &first] {
            // The one that was overtaken belongs to the numbers before; where nothing was heard yet, nobody can know.
            let taken = other.unprotect(&mut sent.clone()).is_some();
            assert_eq!(taken, sent == &first);
        }
        assert!(other.unprotect(&mut second.clone()).is_some());
        for sent in [&first, &second] {
            assert_eq!(other.unprotect(&mut sent.clone()), None, "it came before");
        }
        let mut of_another = one.protect(&packet(9, 6)).unwrap().to_vec();
        assert!(other.unprotect(&mut of_another).is_some());
        for sent in [&first, &second] {
            assert_eq!(other.unprotect(&mut sent.clone()), None, "it came before");
        }
    }

    #[test]
    fn compounds_come_through_once() {
        let (mut one, mut other) = pair(Suite::Tag32);
        let report = [[0x80, 201, 0, 1, 0, 0, 0, 7], [0x81, 203, 0, 1, 0, 0, 0, 7]].concat();
        for _ in 0..3 {
            let sent = one.protect_rtcp(&report).unwrap().to_vec();
            assert_eq!(sent.len(), report.len() + 14);
            let mut changed = sent.clone();
            changed[9] ^= 1;
            assert_eq!(other.unprotect_rtcp(&mut changed), None);
            let mut taken = sent.clone();
            let length = other.unprotect_rtcp(&mut taken).unwrap();
            assert_eq!(taken[..length], report);
            assert_eq!(other.unprotect_rtcp(&mut sent.clone()), None);
        }
    }

    #[test]
    fn each_source_counts_its_compounds() {
        let key = || MasterKey(MASTER);
        let (suite, ours, theirs) = (Suite::Tag80, key(), key());
        let keys = Keys {
            suite,
            ours,
            theirs,
        };
        let mut other = Srtp::new(&keys);
        for source in [7, 8] {
            let sent = Srtp::new(&keys)
                .protect_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, source])
                .unwrap()
                .to_vec();
            assert!(other.unprotect_rtcp(&mut sent.clone()).is_some());
            assert_eq!(other.unprotect_rtcp(&mut sent.clone()), None);
        }
    }

    /// The last of these packets of a source.
    fn last_sent(keys: &Keys, sequences: &[u16]) -> Vec<u8> {
        let (mut peer, mut sent) = (Srtp::new(keys), Vec::new());
        for sequence in sequences {
            sent = peer.protect(&packet(*sequence, 5)).unwrap().to_vec();
        }
        sent
    }

    #[test]
    fn with_another_key_the_peer_counts_on_or_anew() {
        let [before, after] = [(); 2].map(|()| {
            let (key, suite) = (MasterKey::random(), Suite::Tag80);
            let (ours, theirs) = (key.clone(), key);
            Keys {
                suite,
                ours,
                theirs,
            }
        });
        let takes = |srtp: &mut Srtp, sent: &[u8]| srtp.unprotect(&mut sent.to_vec()).is_some();
        let rekeyed = || {
            let mut srtp = Srtp::new(&before);
            assert!(takes(&mut srtp, &last_sent(&before, &[65_535])));
            assert!(takes(&mut srtp, &last_sent(&before, &[65_535, 0])));
            srtp.rekeyed(&before, &after)
        };
        let on = [1, 2].map(|last| last_sent(&after, &[65_535, 0, last]));
        let anew = [7, 8].map(|last| last_sent(&after, &[last]));
        for (good, bad) in [(&on, &anew), (&anew, &on)] {
            let mut srtp = rekeyed();
            for sent in good {
                assert!(!takes(&mut srtp, &last_sent(&before, &[65_535, 0, 1])));
                assert!(takes(&mut srtp, sent));
                assert!(!takes(&mut srtp, sent), "it came before");
            }
            assert!(!takes(&mut srtp, &bad[1]));
        }
    }

    #[test]
    fn with_another_key_of_ours_nothing_comes_twice() {
        let keys = |ours| Keys {
            suite: Suite::Tag80,
            ours,
            theirs: MasterKey(MASTER),
        };
        let before = keys(MasterKey(MASTER));
        let sent = last_sent(&before, &[9]);
        let mut srtp = Srtp::new(&before);
        assert!(srtp.unprotect(&mut sent.clone()).is_some());
        let mut srtp = srtp.rekeyed(&before, &keys(MasterKey::random()));
        assert_eq!(srtp.unprotect(&mut sent.clone()), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_trouble(mut datagram in prop::collection::vec(any::<u8>(), 0..64)) {
            let (mut one, _) = pair(Suite::Tag80);
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | *first & 0x3f;
            }
            one.protect(&datagram);
            one.protect_rtcp(&datagram);
            prop_assert_eq!(one.unprotect(&mut datagram), None);
            prop_assert_eq!(one.unprotect_rtcp(&mut datagram), None);
        }

        #[test]
        fn a_window_knows_what_it_saw(indices in prop::collection::vec(0..200_u64, 0..100)) {
            let mut window = Window::default();
            let mut seen = std::collections::BTreeSet::new();
            for index in indices {
                let is_old = seen.last().is_some_and(|last: &u64| last.saturating_sub(index) >= 64);
                prop_assert_eq!(window.is_new(index), !is_old && !seen.contains(&index));
                window.note(index);
                seen.insert(index);
            }
        }
    }
}
