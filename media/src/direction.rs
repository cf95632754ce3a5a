//! Which way a stream goes.

/// The direction of a stream, as whoever describes it sees it ([RFC 8866 §6.7](https://www.rfc-editor.org/rfc/rfc8866#section-6.7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways, which is what a stream does where nothing is said.
    #[default]
    SendRecv,
    /// Who describes it sends and does not listen.
    SendOnly,
    /// Who describes it listens and does not send.
    RecvOnly,
    /// No way.
    Inactive,
}

impl Direction {
    /// The direction that an attribute of this name says, in any case.
    pub fn parse(attribute: &str) -> Option<Self> {
        let mut all = [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter();
        all.find(|direction| direction.as_str().eq_ignore_ascii_case(attribute))
    }

    /// The name of its attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether who describes the stream sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether who describes the stream listens.
    pub const fn listens(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// What is left of it for one who does not listen.
    pub(crate) const fn without_listening(self) -> Self {
        if self.sends() {
            Self::SendOnly
        } else {
            Self::Inactive
        }
    }

    /// What is left of it where the peer says `remote`.
    pub(crate) const fn with(self, remote: Self) -> Self {
        let sends = self.sends() && remote.listens();
        match (sends, self.listens() && remote.sends()) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}
