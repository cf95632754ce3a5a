use std::process::ExitCode;

/// How a command came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was established, and it ended.
    Ended,
    /// The other side refused it.
    Refused,
    /// Nobody answered.
    NoAnswer,
    /// Whoever stopped it did not wait for its end.
    StoppedAtOnce,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ended => Self::SUCCESS,
            Outcome::Refused => Self::FAILURE,
            Outcome::NoAnswer => Self::from(NO_ANSWER),
            Outcome::StoppedAtOnce => Self::from(STOPPED_AT_ONCE),
        }
    }
}

const NO_ANSWER: u8 = 3;
/// 128 and the number of SIGINT, as shells have it.
const STOPPED_AT_ONCE: u8 = 130;
