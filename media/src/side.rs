//! What is ours in the descriptions of a session.

use std::{net::IpAddr, sync::Arc};

use crate::{Direction, Hold, random::random, session_description::Lines};

/// Our side of a session, whatever carries its media: who we are, which version of our description is the last, and
/// who holds whom.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// The most that we do with a stream.
    most: Direction,
    /// What the last complete pair says, and what the next one is to say.
    hold: Hold,
    wanted: Hold,
    /// Whether the peer holds us: it does not listen where we would send.
    is_held: bool,
    /// Names the session, with `local`.
    id: u64,
    local: IpAddr,
    /// Counts the different descriptions that we gave.
    version: u64,
    last_given: Option<Arc<str>>,
}

impl Side {
    /// `most` is the most that we do with a stream: `SendRecv` or `Inactive`.
    pub(crate) fn new(local: IpAddr, most: Direction) -> Self {
        Self {
            most,
            hold: Hold::Off,
            wanted: Hold::Off,
            is_held: false,
            // Both numbers stay within a signed 64-bit integer (RFC 3264 section 5).
            id: random() >> 1,
            local,
            version: 1,
            last_given: None,
        }
    }

    pub(crate) fn local(&self) -> IpAddr {
        self.local
    }

    /// What our next description is to say.
    pub(crate) fn want(&mut self, hold: Hold) {
        self.wanted = hold;
    }

    /// What was wanted is not: the last complete pair stands.
    pub(crate) fn roll_back(&mut self) {
        self.wanted = self.hold;
    }

    /// A pair is complete, with this direction of its stream, as we see it; `None` where it has no stream.
    pub(crate) fn complete(&mut self, direction: Option<Direction>) {
        self.hold = self.wanted;
        self.is_held = self.limit().sends() && direction.is_some_and(|it| !it.sends());
    }

    /// The direction of a stream of which the peer says `remote`.
    pub(crate) fn agreed(&self, remote: Direction) -> Direction {
        self.limit().with(remote)
    }

    /// The direction that we offer. A stream that the peer holds is held by marking it inactive (RFC 3264 section 8.4).
    /// Resuming it says all that we are ready for: what remains is up to the peer's answer (RFC 6337 section 5.3).
    pub(crate) fn offered(&self) -> Direction {
        match self.wanted {
            Hold::On if self.is_held => Direction::Inactive,
            _ => self.limit(),
        }
    }

    /// What goes through a stream that was agreed so: while we hold, nobody is heard and nothing is sent, even where the
    /// direction lets us.
    pub(crate) fn flowing(&self, agreed: Direction) -> Direction {
        match self.hold {
            Hold::Off => agreed,
            Hold::On => Direction::Inactive,
        }
    }

    /// A description of ours without its m= lines, for [`give`](Self::give). An answer repeats the time of its offer.
    pub(crate) fn lines(&self, time: (&str, &str)) -> Lines {
        Lines::new(self.local, time)
    }

    /// Gives the lines their head. The version in it rises where they differ from the last ones (RFC 3264 section 8). One
    /// that was rolled back counts: the peer has seen its version.
    pub(crate) fn give(&mut self, lines: &Lines) -> Arc<str> {
        if let Some(last) = &self.last_given {
            if last.strip_prefix(&*self.head(lines)) == Some(lines.as_str()) {
                return Arc::clone(last);
            }
            self.version += 1;
        }
        let text = [&*self.head(lines), lines.as_str()].concat();
        Arc::clone(self.last_given.insert(text.into()))
    }

    fn head(&self, lines: &Lines) -> String {
        let (id, version) = (self.id.to_string(), self.version.to_string());
        [
            "v=0\r\no=- ",
            &id,
            " ",
            &version,
            " ",
            &lines.address,
            "\r\n",
        ]
        .concat()
    }

    /// What we do with a stream at the most, now.
    fn limit(&self) -> Direction {
        match self.wanted {
            Hold::Off => self.most,
            Hold::On if self.most == Direction::SendRecv => Direction::SendOnly,
            Hold::On => Direction::Inactive,
        }
    }
}
