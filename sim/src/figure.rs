//! A figure: what is expected to happen.

use std::time::Duration;

use crate::faults::Fault;
use crate::packet::Direction;
use crate::trace::Entry;

/// What one line of a figure expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// `...`: anything, up to what the next line says.
    Anything,
    Packet {
        at: Duration,
        direction: Direction,
        fault: Option<Fault>,
        label: String,
    },
    Note {
        at: Duration,
        text: String,
    },
}

impl Line {
    /// Reads a figure, line by line. The error names the line that is none.
    pub(crate) fn parse_figure(figure: &str) -> Result<Vec<Self>, String> {
        figure
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| Self::parse(line).ok_or_else(|| format!("no line of a figure: {line}")))
            .collect()
    }

    /// When it is to happen.
    pub(crate) fn at(&self) -> Option<Duration> {
        match self {
            Self::Anything => None,
            Self::Packet { at, .. } | Self::Note { at, .. } => Some(*at),
        }
    }

    pub(crate) fn fits(&self, entry: &Entry) -> bool {
        *self == Self::Anything || *self == Self::of(entry)
    }

    /// The line that says what happened.
    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Packet(packet) => Self::Packet {
                at: packet.at,
                direction: packet.direction,
                fault: packet.fault,
                label: packet.label(),
            },
            Entry::Note { at, text, .. } => Self::Note {
                at: *at,
                text: text.to_string(),
            },
        }
    }

    fn parse(line: &str) -> Option<Self> {
        if line == "..." {
            return Some(Self::Anything);
        }
        let (at, rest) = line.split_once(char::is_whitespace)?;
        let (at, rest) = (parse_time(at)?, without_number(rest.trim()));
        if let Some(text) = rest.strip_prefix('*') {
            let text = text.trim().to_owned();
            return Some(Self::Note { at, text });
        }
        let (first, behind) = rest.split_once(' ')?;
        if let Some(fault) = parse_arrow(first.chars(), '<') {
            let label = behind.trim().to_owned();
            let direction = Direction::FromServer;
            return Some(Self::Packet {
                at,
                direction,
                fault,
                label,
            });
        }
        let (before, last) = rest.rsplit_once(' ')?;
        let fault = parse_arrow(last.chars().rev(), '>')?;
        Some(Self::Packet {
            at,
            direction: Direction::ToServer,
            fault,
            label: before.trim().to_owned(),
        })
    }
}

/// Whether `entries` are what the figure says; if not, the first that is not and the line it
/// should have been.
pub(crate) fn compare<'a>(
    lines: &'a [Line],
    entries: &'a [Entry],
) -> Result<(), (Option<&'a Line>, Option<&'a Entry>)> {
    let Some((line, behind)) = lines.split_first() else {
        return entries
            .first()
            .map_or(Ok(()), |entry| Err((None, Some(entry))));
    };
    if *line == Line::Anything {
        let Some(next) = behind.first() else {
            return Ok(());
        };
        let skipped = entries.iter().position(|entry| next.fits(entry));
        let skipped = skipped.ok_or((Some(next), None))?;
        return compare(behind, &entries[skipped..]);
    }
    match entries.split_first() {
        Some((entry, rest)) if line.fits(entry) => compare(behind, rest),
        other => Err((Some(line), other.map(|(entry, _)| entry))),
    }
}

/// Seconds with up to six decimals, exactly.
fn parse_time(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros = format!("{fraction:0<6}");
    if micros.len() != 6 {
        return None;
    }
    let whole = Duration::from_secs(whole.parse().ok()?);
    Some(whole + Duration::from_micros(micros.parse().ok()?))
}

/// The number of a packet, as a ladder prints it, is no part of what is expected.
fn without_number(text: &str) -> &str {
    match text.rsplit_once('#') {
        Some((before, number)) if number.parse::<usize>().is_ok() => before.trim_end(),
        _ => text,
    }
}

/// What an arrow says of its packet: `<--`, `x--`, `<==`, `<~~`, `<..`, `<::`, however long; read
/// from its head. `None` where it is no arrow.
#[expect(clippy::option_option, reason = "an arrow may say nothing")]
fn parse_arrow(mut strokes: impl Iterator<Item = char>, tip: char) -> Option<Option<Fault>> {
    let (head, body) = (strokes.next()?, strokes.next()?);
    if !strokes.all(|stroke| stroke == body) {
        return None;
    }
    match (head, body) {
        ('x', '-') => Some(Some(Fault::Lose)),
        (head, '-') => (head == tip).then_some(None),
        (head, sign) => Fault::of_sign(sign).filter(|_| head == tip).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_reads_as_it_is_drawn() {
        let figure = Line::parse_figure(
            "
            0.0    INVITE -->
            0.200  x----- 100 Trying   #1
            ...
            31.5   <~~ 486 Busy Here
            32     * NotAcknowledged
            ",
        );
        let packet = |millis, direction, fault, label: &str| Line::Packet {
            at: Duration::from_millis(millis),
            direction,
            fault,
            label: label.to_owned(),
        };
        assert_eq!(
            figure,
            Ok(vec![
                packet(0, Direction::ToServer, None, "INVITE"),
                packet(200, Direction::FromServer, Some(Fault::Lose), "100 Trying"),
                Line::Anything,
                packet(
                    31_500,
                    Direction::FromServer,
                    Some(Fault::Overtake),
                    "486 Busy Here"
                ),
                Line::Note {
                    at: Duration::from_secs(32),
                    text: "NotAcknowledged".to_owned()
                },
            ])
        );
    }

    #[test]
    fn what_is_no_line_is_named() {
        for line in [
            "0.0 INVITE",
            "INVITE -->",
            "0.0 INVITE ->-",
            "0.1234567 * a",
        ] {
            let error = Line::parse_figure(line);
            assert_eq!(error, Err(format!("no line of a figure: {line}")));
        }
    }
}
