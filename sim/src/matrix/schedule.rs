//! What goes wrong in one run, as text that can be typed.

use std::fmt;
use std::str::FromStr;

use crate::faults::{Fault, Faults};

/// What goes wrong in one run.
///
/// As text it is the numbers of the messages with what happens to each, drawn as in a ladder: `x`
/// lost, `=` doubled, `~` overtaken, `.` stalled, `:` frozen. By chance it is a seed and a
/// percentage.
///
/// ```
/// use offhook_sim::matrix::Schedule;
///
/// for text in ["none", "1x,4=,5~", "2.,3:", "seed:17@30"] {
///     let schedule: Schedule = text.parse().unwrap();
///     assert_eq!(schedule.to_string(), text);
/// }
/// assert!("1x,?".parse::<Schedule>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// These messages suffer these faults.
    Exact(Vec<(usize, Fault)>),
    /// Each message by chance.
    Random {
        /// What the chance is drawn from.
        seed: u64,
        /// How many messages of a hundred are lost; 5 are doubled, and 5 overtaken.
        loss: u8,
    },
}

impl Schedule {
    pub(crate) fn faults(&self) -> Faults {
        match self {
            Self::Exact(faults) => Faults::Schedule(faults.clone()),
            Self::Random { seed, loss } => Faults::random(*seed, *loss, 5, 5),
        }
    }

    /// Whether repetition makes good whatever this schedule does.
    pub(crate) fn is_harmless(&self) -> bool {
        match self {
            Self::Exact(faults) => {
                let mut faults = faults.iter();
                faults.len() <= 4 && faults.all(|(_, fault)| *fault != Fault::Freeze)
            }
            Self::Random { .. } => false,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(faults) if faults.is_empty() => f.write_str("none"),
            Self::Exact(faults) => {
                for (index, (number, fault)) in faults.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{number}{}", fault.sign())?;
                }
                Ok(())
            }
            Self::Random { seed, loss } => write!(f, "seed:{seed}@{loss}"),
        }
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("no schedule: {text}; write 1x,4=,5~ or seed:17@30 or none");
        if text == "none" {
            return Ok(Self::Exact(Vec::new()));
        }
        if let Some(chance) = text.strip_prefix("seed:") {
            let (seed, loss) = chance.split_once('@').ok_or_else(error)?;
            return Ok(Self::Random {
                seed: seed.parse().map_err(|_| error())?,
                loss: loss.parse().map_err(|_| error())?,
            });
        }
        let faults = text.split(',').map(|fault| {
            let mut digits = fault.chars();
            let kind = digits.next_back().and_then(Fault::of_sign);
            let number = digits.as_str().parse().map_err(|_| error())?;
            Ok((number, kind.ok_or_else(error)?))
        });
        faults.collect::<Result<_, _>>().map(Self::Exact)
    }
}
