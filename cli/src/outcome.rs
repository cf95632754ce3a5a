use std::process::ExitCode;

/// How a call or a registration came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was established, and it ended.
    Ended,
    /// The other side refused it.
    Refused,
    /// Nobody answered.
    NoAnswer,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ended => Self::SUCCESS,
            Outcome::Refused => Self::FAILURE,
            Outcome::NoAnswer => Self::from(NO_ANSWER),
        }
    }
}

const NO_ANSWER: u8 = 3;
