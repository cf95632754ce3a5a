use std::time::Duration;

/// When which call begins.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Calls per second.
    rate: u32,
    /// How many calls there are.
    calls: u32,
    begun: u32,
    /// By how much everything is later than planned, because there was no room.
    slid: Duration,
    is_held: bool,
}

/// What the schedule says of the next call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It begins now, this much later than it should.
    Begin { late: Duration },
    /// Its time is not here, or there is no room, or there is none.
    Wait,
}

impl Schedule {
    pub(crate) fn new(rate: u32, calls: u32) -> Self {
        Self {
            rate,
            calls,
            begun: 0,
            slid: Duration::ZERO,
            is_held: false,
        }
    }

    /// Takes the next call. What we miss is made up for at once, so that the load is what was asked
    /// for; where there was no room, all that follows slides.
    pub(crate) fn next(&mut self, now: Duration, has_room: bool) -> Next {
        if self.is_over() {
            return Next::Wait;
        }
        let planned = Duration::from_secs_f64(f64::from(self.begun) / f64::from(self.rate));
        let Some(mut late) = now.checked_sub(planned + self.slid) else {
            return Next::Wait;
        };
        if !has_room {
            self.is_held = true;
            return Next::Wait;
        }
        if self.is_held {
            self.is_held = false;
            self.slid += late;
            late = Duration::ZERO;
        }
        self.begun += 1;
        Next::Begin { late }
    }

    /// Begins no more calls.
    pub(crate) fn stop(&mut self) {
        self.calls = self.begun;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.begun >= self.calls
    }

    pub(crate) fn slid(&self) -> Duration {
        self.slid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(late: u64) -> Next {
        let late = Duration::from_millis(late);
        Next::Begin { late }
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn calls_begin_at_their_times_and_what_is_missed_is_made_up_for() {
        let mut schedule = Schedule::new(100, 4);
        assert_eq!(schedule.next(at(0), true), begin(0));
        assert_eq!(schedule.next(at(9), true), Next::Wait);
        assert_eq!(schedule.next(at(25), true), begin(15));
        assert_eq!(schedule.next(at(25), true), begin(5));
        assert_eq!(schedule.next(at(25), true), Next::Wait);
        assert_eq!(schedule.next(at(30), true), begin(0));
        assert!(schedule.is_over());
        assert_eq!(schedule.next(at(90), true), Next::Wait);
    }

    #[test]
    fn without_room_the_schedule_slides() {
        let mut schedule = Schedule::new(100, 4);
        assert_eq!(schedule.next(at(0), true), begin(0));
        assert_eq!(schedule.next(at(10), false), Next::Wait);
        assert_eq!(schedule.next(at(40), true), begin(0));
        assert_eq!(schedule.slid(), at(30));
        assert_eq!(schedule.next(at(40), true), Next::Wait);
        assert_eq!(schedule.next(at(51), true), begin(1));
        schedule.stop();
        assert!(schedule.is_over());
    }
}
