//! RTCP: reports, and when to send them (RFC 3550 section 6).

use std::time::{Duration, Instant, SystemTime};

use crate::{formats::Kind, random::random, rtp::statistics::Reception};

/// Our side of RTCP.
#[derive(Debug)]
pub(crate) struct Rtcp {
    /// A name of one call alone (RFC 7022 section 4.2).
    cname: String,
    next: Option<Instant>,
    has_sent: bool,
    /// The middle of the NTP timestamp in the peer's last sender report, and when that came.
    last_report: Option<(u32, Instant)>,
}

/// One source of ours, and what we sent under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) number: u32,
    packets: u32,
    /// Of payloads alone.
    octets: u32,
    /// The last packet of speech: when, its timestamp, and ticks in a second.
    last: Option<(Instant, u32, u32)>,
    /// How many packets there were at the last report.
    reported: u32,
}

impl Source {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            packets: 0,
            octets: 0,
            last: None,
            reported: 0,
        }
    }

    pub(crate) fn count(&mut self, kind: Kind, timestamp: u32, octets: usize, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        let octets = u32::try_from(octets).unwrap_or(0);
        self.octets = self.octets.wrapping_add(octets);
        // The timestamp of a key is that of its begin.
        if matches!(kind, Kind::Speech(_)) || self.last.is_none() {
            self.last = Some((now, timestamp, kind.clock_rate()));
        }
    }
}

impl Rtcp {
    pub(crate) fn new() -> Self {
        Self {
            cname: format!("{:016x}{:08x}", random(), random() >> 32),
            next: None,
            has_sent: false,
            last_report: None,
        }
    }

    /// When the next report is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Reports from now on, the first time after half of the interval.
    pub(crate) fn start(&mut self, now: Instant) {
        self.next.get_or_insert_with(|| now + interval() / 2);
    }

    /// Another source begins, of which no report came.
    pub(crate) fn forget_source(&mut self) {
        self.last_report = None;
    }

    /// Takes what the peer says, whose audio has this source. `false` where this is no RTCP.
    pub(crate) fn receive(&mut self, datagram: &[u8], source: Option<u32>, now: Instant) -> bool {
        read(datagram, |sender, middle| {
            if Some(sender) == source {
                self.last_report = Some((middle, now));
            }
        })
    }

    /// Writes a report and a description of `ours`; and sets the time of the next.
    pub(crate) fn report(
        &mut self,
        ours: &mut Source,
        received: Option<Reception>,
        now: Instant,
    ) -> Vec<u8> {
        self.next = Some(now + interval());
        self.has_sent = true;
        let mut compound = Vec::with_capacity(TYPICAL_REPORT);
        let is_sender = ours.packets != ours.reported;
        ours.reported = ours.packets;
        let blocks = u8::from(received.is_some());
        let start = begin(&mut compound, if is_sender { SR } else { RR }, blocks);
        compound.extend(ours.number.to_be_bytes());
        if is_sender {
            let (at, timestamp, clock_rate) = ours.last.unwrap_or((now, 0, 0));
            let passed = now.saturating_duration_since(at).as_micros();
            let ticks = passed * u128::from(clock_rate) / 1_000_000;
            let timestamp = timestamp.wrapping_add(u32::try_from(ticks).unwrap_or(0));
            compound.extend(ntp_timestamp().to_be_bytes());
            compound.extend(timestamp.to_be_bytes());
            compound.extend(ours.packets.to_be_bytes());
            compound.extend(ours.octets.to_be_bytes());
        }
        if let Some(reception) = received {
            self.block(&reception, now, &mut compound);
        }
        end(&mut compound, start);
        self.description(ours.number, &mut compound);
        compound
    }

    /// Says that `ours` is no more; nothing where nobody heard of it.
    pub(crate) fn bye(&mut self, ours: &mut Source, now: Instant) -> Option<Vec<u8>> {
        if !self.has_sent && ours.packets == 0 {
            return None;
        }
        let mut compound = self.report(ours, None, now);
        let start = begin(&mut compound, BYE, 1);
        compound.extend(ours.number.to_be_bytes());
        end(&mut compound, start);
        Some(compound)
    }

    fn block(&self, reception: &Reception, now: Instant, compound: &mut Vec<u8>) {
        let (middle, since) = self.last_report.map_or((0, 0), |(middle, at)| {
            let since = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
            (middle, u32::try_from(since).unwrap_or(u32::MAX))
        });
        let [_, lost @ ..] = reception.lost.to_be_bytes();
        compound.extend(reception.source.to_be_bytes());
        compound.push(reception.fraction_lost);
        compound.extend(lost);
        for field in [reception.highest, reception.jitter, middle, since] {
            compound.extend(field.to_be_bytes());
        }
    }

    fn description(&self, source: u32, compound: &mut Vec<u8>) {
        let start = begin(compound, SDES, 1);
        compound.extend(source.to_be_bytes());
        compound.extend([CNAME, u8::try_from(self.cname.len()).unwrap_or(0)]);
        compound.extend(self.cname.as_bytes());
        // At least one zero ends the list of items, and then the words are filled up.
        compound.push(0);
        while !(compound.len() - start).is_multiple_of(4) {
            compound.push(0);
        }
        end(compound, start);
    }
}

/// Calls `report` with the source of each sender report of a compound, and the middle of its NTP timestamp. `false` where
/// the datagram is no RTCP.
fn read(mut compound: &[u8], mut report: impl FnMut(u32, u32)) -> bool {
    let mut is_rtcp = false;
    while let Some([first, kind, high, low, source @ ..]) = compound.first_chunk::<8>() {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
        if first >> 6 != VERSION || !(SR..=LAST_TYPE).contains(kind) {
            break;
        }
        let Some((packet, rest)) = compound.split_at_checked(length) else {
            break;
        };
        is_rtcp = true;
        let source = u32::from_be_bytes(*source);
        let middle = packet.get(10..).and_then(<[u8]>::first_chunk);
        if let (SR, Some(middle)) = (*kind, middle) {
            report(source, u32::from_be_bytes(*middle));
        }
        compound = rest;
    }
    is_rtcp
}

/// Writes the header of a packet, and tells where it stands.
fn begin(compound: &mut Vec<u8>, kind: u8, count: u8) -> usize {
    let start = compound.len();
    compound.extend([VERSION << 6 | count, kind, 0, 0]);
    start
}

/// Writes the length of the packet that began at `start`: its words but the first.
fn end(compound: &mut [u8], start: usize) {
    let words = (compound.len() - start) / 4 - 1;
    let length = u16::try_from(words).unwrap_or(0).to_be_bytes();
    if let Some(place) = compound.get_mut(start + 2..start + 4) {
        place.copy_from_slice(&length);
    }
}

/// The least interval, from half to one and a half of it, and less what reconsideration adds (RFC 3550 section 6.3.1).
/// Two members that send audio never need a longer one.
fn interval() -> Duration {
    let share = random() >> 54;
    let milliseconds = LEAST_INTERVAL * (512 + share) / 1024;
    Duration::from_micros(milliseconds * 1_000_000 / 1218)
}

/// Seconds since 1900 and their 2^32 parts.
fn ntp_timestamp() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seconds = since.as_secs() + NTP_TO_UNIX;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

/// Milliseconds.
const LEAST_INTERVAL: u64 = 5000;
/// From 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
const TYPICAL_REPORT: usize = 112;
const VERSION: u8 = 2;
const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
/// What is beyond is no RTCP of ours to know.
const LAST_TYPE: u8 = 223;
const CNAME: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Encoding;

    const SPEECH: Kind = Kind::Speech(Encoding::Pcmu);
    const RECEPTION: Reception = Reception {
        source: 9,
        fraction_lost: 64,
        lost: -2,
        highest: 0x1_0005,
        jitter: 7,
    };

    fn word(packet: &[u8], place: usize) -> u32 {
        u32::from_be_bytes(packet[4 * place..][..4].try_into().unwrap())
    }

    #[test]
    fn a_sender_reports_what_it_sent_and_received() {
        let start = Instant::now();
        let mut ours = Source::new(5);
        ours.count(SPEECH, 1000, 160, start);
        let mut rtcp = Rtcp::new();
        let mut report = [0; 28];
        report[..8].copy_from_slice(&[0x80, SR, 0, 6, 0, 0, 0, 9]);
        report[10..14].copy_from_slice(&[1, 2, 3, 4]);
        assert!(rtcp.receive(&report, Some(9), start));
        let now = start + Duration::from_millis(500);
        let packet = rtcp.report(&mut ours, Some(RECEPTION), now);
        assert_eq!(packet[..4], [0x81, SR, 0, 12]);
        assert_eq!(word(&packet, 1), 5);
        assert!(word(&packet, 2) > 0xe000_0000, "seconds since 1900");
        assert_eq!(
            (word(&packet, 4), word(&packet, 5), word(&packet, 6)),
            (5000, 1, 160)
        );
        let block: Vec<_> = (7..13).map(|place| word(&packet, place)).collect();
        assert_eq!(block, [9, 0x40ff_fffe, 0x1_0005, 7, 0x0102_0304, 0x8000]);
        assert_eq!(packet[52..54], [0x81, SDES]);
        assert_eq!(packet.len(), 52 + 4 * (usize::from(packet[55]) + 1));
        assert!(
            (now + Duration::from_secs(2)..now + Duration::from_millis(6200))
                .contains(&rtcp.timeout().unwrap())
        );

        // Who has sent nothing since is a receiver.
        let packet = rtcp.report(&mut ours, None, now);
        assert_eq!(packet[..4], [0x80, RR, 0, 1]);
    }

    #[test]
    fn a_key_does_not_hold_the_clock_up() {
        let start = Instant::now();
        let mut ours = Source::new(5);
        ours.count(SPEECH, 1000, 160, start);
        let now = start + Duration::from_millis(100);
        let key = Kind::TelephoneEvent { clock_rate: 8000 };
        ours.count(key, 1160, 4, now);
        let packet = Rtcp::new().report(&mut ours, None, now);
        assert_eq!((word(&packet, 4), word(&packet, 5)), (1800, 2));
    }

    #[test]
    fn who_goes_says_so_if_it_was_ever_heard_of() {
        let now = Instant::now();
        let mut ours = Source::new(5);
        let mut rtcp = Rtcp::new();
        assert_eq!(rtcp.bye(&mut ours, now), None);
        ours.count(SPEECH, 0, 160, now);
        let packet = rtcp.bye(&mut ours, now).unwrap();
        assert!(packet.ends_with(&[0x81, BYE, 0, 1, 0, 0, 0, 5]));
        let mut sources = Vec::new();
        assert!(read(&packet, |source, _| sources.push(source)));
        assert_eq!(sources, [5]);
    }

    #[test]
    fn the_interval_is_as_it_should_be() {
        let intervals: Vec<_> = (0..1000).map(|_| interval().as_millis()).collect();
        assert!(intervals.iter().all(|it| (2050..=6160).contains(it)));
        let mean = intervals.iter().sum::<u128>() / 1000;
        assert!((3900..4300).contains(&mean), "{mean}");
    }

    proptest! {
        #[test]
        fn garbage_is_no_trouble(mut datagram in prop::collection::vec(any::<u8>(), 0..200), kind in any::<u8>()) {
            if let Some(place) = datagram.get_mut(..2) {
                place.copy_from_slice(&[0x80, kind]);
            }
            let is_rtcp = Rtcp::new().receive(&datagram, Some(1), Instant::now());
            prop_assert!(!is_rtcp || (200..=223).contains(&kind));
        }
    }
}
