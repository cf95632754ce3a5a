use crate::request::Request;
use crate::status::StatusCode;
use std::fmt;

/// A text that is no message, and what could be saved of it.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// The first thing that is wrong.
    pub defect: Defect,
    /// The request whenever its start line could be split, so that [`Defect::status`] can be sent along its Via. It may
    /// lack header lines that could not be split, and the end of its body. An ACK is never answered.
    pub request: Option<Request>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.defect.fmt(formatter)
    }
}

impl std::error::Error for Malformed {}

/// What makes a text no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Nothing, or nothing but line ends.
    Empty,
    /// The first line is neither a request line nor a status line.
    BadStartLine,
    /// The version is not `SIP/2.0`.
    BadVersion,
    /// The Request-URI is missing, or contains white space, `<` or `>`.
    BadRequestUri,
    /// The status code is not a number from 100 to 699.
    BadStatus,
    /// A header line has no name, no colon, a CR or NUL in its middle, or another end than the start line.
    BadHeaderLine,
    /// Start line and header lines are longer than 65,535 octets.
    HeadTooLarge,
    /// There are more than 256 header lines.
    TooManyHeaders,
    /// There is no empty line behind the header lines.
    HeadTruncated,
    /// There is more than one Content-Length.
    DuplicateContentLength,
    /// Content-Length is not a number below 2^64.
    BadContentLength,
    /// Content-Length reaches behind the end of the datagram.
    BodyTruncated,
    /// There is no Content-Length on a stream.
    MissingContentLength,
    /// The message is larger than the limit of the stream.
    MessageTooLarge,
}

impl Defect {
    /// The status with which a request of this kind is refused: 400, 505 or 513.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadVersion => StatusCode::VERSION_NOT_SUPPORTED,
            Self::HeadTooLarge | Self::TooManyHeaders | Self::MessageTooLarge => {
                StatusCode::MESSAGE_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong, for people; short enough for a reason phrase.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "The message is empty",
            Self::BadStartLine => "The start line is malformed",
            Self::BadVersion => "The version is not SIP/2.0",
            Self::BadRequestUri => "The Request-URI is missing or contains white space, < or >",
            Self::BadStatus => "The status code is not a number from 100 to 699",
            Self::BadHeaderLine => "A header line is malformed",
            Self::HeadTooLarge => "The headers are longer than 65535 octets",
            Self::TooManyHeaders => "There are more than 256 header lines",
            Self::HeadTruncated => "There is no empty line behind the headers",
            Self::DuplicateContentLength => "There is more than one Content-Length",
            Self::BadContentLength => "Content-Length is not a number",
            Self::BodyTruncated => "The body is shorter than Content-Length",
            Self::MissingContentLength => "Content-Length is missing on a stream",
            Self::MessageTooLarge => "The message is too large",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for Defect {}
