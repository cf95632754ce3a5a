//! What a receiver knows of a source (RFC 3550 section 6.4 and appendices A.1, A.3 and A.8).

use std::time::Instant;

use crate::rtp::RtpHeader;

/// The packets of one source.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub(crate) source: u32,
    first: u32,
    /// The highest sequence number, with the times it began anew above it.
    highest: u32,
    received: u32,
    /// What was expected and received at the last report.
    reported: (u32, u32),
    /// When the last packet came and its timestamp.
    last: (Instant, u32),
    /// In sixteenths of a tick.
    jitter: u32,
}

/// One report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    pub(crate) source: u32,
    /// Of the packets since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Since the beginning. Below zero where packets came twice.
    pub(crate) lost: i32,
    pub(crate) highest: u32,
    /// In ticks of the timestamp.
    pub(crate) jitter: u32,
}

impl Statistics {
    /// Of the source that this is the first packet of.
    pub(crate) fn new(header: &RtpHeader, now: Instant) -> Self {
        Self {
            source: header.source,
            first: header.sequence.into(),
            highest: header.sequence.into(),
            received: 1,
            reported: (0, 0),
            last: (now, header.timestamp),
            jitter: 0,
        }
    }

    /// Counts a packet behind the first.
    pub(crate) fn count(&mut self, header: &RtpHeader, clock_rate: u32, now: Instant) {
        let [_, _, high, low] = self.highest.to_be_bytes();
        let ahead = header
            .sequence
            .wrapping_sub(u16::from_be_bytes([high, low]));
        if ahead < FARTHEST {
            self.highest = self.highest.wrapping_add(ahead.into());
        } else if ahead.wrapping_neg() > LATEST {
            // The source counts anew, and so do we.
            *self = Self {
                jitter: self.jitter,
                ..Self::new(header, now)
            };
            return;
        }
        self.received = self.received.wrapping_add(1);
        self.measure(header.timestamp, clock_rate, now);
    }

    /// Appendix A.8: how much the time between two packets differs from that between their timestamps.
    fn measure(&mut self, timestamp: u32, clock_rate: u32, now: Instant) {
        let (then, before) = self.last;
        self.last = (now, timestamp);
        let passed = now.saturating_duration_since(then).as_micros();
        let ticks = passed * u128::from(clock_rate) / 1_000_000;
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        let difference = ticks.wrapping_sub(timestamp.wrapping_sub(before));
        let difference = difference.cast_signed().unsigned_abs().min(LARGEST_JITTER);
        self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
    }

    /// What to report now.
    pub(crate) fn report(&mut self) -> Reception {
        let expected = self.highest.wrapping_sub(self.first).wrapping_add(1);
        let lost = expected.wrapping_sub(self.received).cast_signed();
        let (expected_before, received_before) = self.reported;
        self.reported = (expected, self.received);
        let expected_since = expected.wrapping_sub(expected_before);
        let received_since = self.received.wrapping_sub(received_before);
        let lost_since = u64::from(expected_since.saturating_sub(received_since));
        let fraction = (lost_since << 8).checked_div(expected_since.into());
        Reception {
            source: self.source,
            fraction_lost: u8::try_from(fraction.unwrap_or(0)).unwrap_or(u8::MAX),
            lost: lost.clamp(LEAST_LOST, MOST_LOST),
            highest: self.highest,
            jitter: self.jitter >> 4,
        }
    }
}

const FARTHEST: u16 = 3000;
const LATEST: u16 = 100;
/// Ten seconds at the fastest clock: a source whose timestamps leap has no jitter that means anything.
const LARGEST_JITTER: u32 = 480_000;
/// The field has 24 bits.
const MOST_LOST: i32 = 0x007f_ffff;
const LEAST_LOST: i32 = -0x0080_0000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn header(sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            payload_type: 0,
            is_marked: false,
            sequence,
            timestamp,
            source: 7,
        }
    }

    #[test]
    fn losses_are_counted_across_the_end_of_the_numbers() {
        let start = Instant::now();
        let mut statistics = Statistics::new(&header(65_530, 0), start);
        for number in 1_u16..=19 {
            // Every fourth is lost, and two come in the wrong order.
            let number = match number {
                4 | 8 | 12 | 16 => continue,
                5 => 6,
                6 => 5,
                other => other,
            };
            let header = header(65_530_u16.wrapping_add(number), 160 * u32::from(number));
            statistics.count(&header, 8000, start);
        }
        let report = statistics.report();
        assert_eq!((report.lost, report.highest), (4, 0x1_0000 + 13));
        assert_eq!(report.fraction_lost, u8::try_from(4 * 256 / 20).unwrap());
        statistics.count(&header(14, 3200), 8000, start);
        let report = statistics.report();
        assert_eq!((report.lost, report.fraction_lost), (4, 0));
    }

    #[test]
    fn even_packets_have_no_jitter_and_late_ones_some() {
        let mut now = Instant::now();
        let mut statistics = Statistics::new(&header(0, 0), now);
        for number in 1..1000_u16 {
            now += Duration::from_millis(20);
            statistics.count(&header(number, 160 * u32::from(number)), 8000, now);
        }
        assert_eq!(statistics.report().jitter, 0);
        for number in 1000..2000_u16 {
            now += Duration::from_millis(if number % 2 == 0 { 10 } else { 30 });
            statistics.count(&header(number, 160 * u32::from(number)), 8000, now);
        }
        // 10 ms early or late each time.
        assert!(
            (75..=80).contains(&statistics.report().jitter),
            "{statistics:?}"
        );
    }

    #[test]
    fn another_count_begins_anew() {
        let now = Instant::now();
        let mut statistics = Statistics::new(&header(10, 0), now);
        statistics.count(&header(40_000, 0), 8000, now);
        let report = statistics.report();
        assert_eq!((report.lost, report.highest), (0, 40_000));
    }

    proptest! {
        #[test]
        fn any_packets_are_counted(packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0..10_000_u64), 1..200)) {
            let mut now = Instant::now();
            let mut statistics = Statistics::new(&header(1, 1), now);
            for (sequence, timestamp, millis) in packets {
                now += Duration::from_millis(millis);
                statistics.count(&header(sequence, timestamp), 48_000, now);
                let report = statistics.report();
                prop_assert!((LEAST_LOST..=MOST_LOST).contains(&report.lost));
            }
        }
    }
}
