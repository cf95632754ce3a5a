//! What came of a survey, as a table.

use std::fmt;

use super::case::Case;
use super::schedule::Schedule;
use super::survey::Outcome;

/// Call flow × transport × faults → runs, and how many of them violate a rule.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<(Case, Vec<Cell>)>,
    failures: Vec<Failure>,
}

/// The runs of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// With so many faults.
    Faults(usize),
    /// By chance, with this loss in percent.
    Random(u8),
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    runs: usize,
    violations: usize,
}

/// A run that violates a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The call.
    pub case: Case,
    /// What went wrong on the way.
    pub schedule: Schedule,
    /// What does not hold.
    pub violations: Vec<String>,
    pub(super) column: Column,
}

impl Table {
    /// The losses of the schedules by chance, in percent.
    pub(super) const LOSSES: [u8; 2] = [10, 30];

    pub(super) fn new(cases: &[Case], most_faults: usize) -> Self {
        let faults = (0..=most_faults).map(Column::Faults);
        let columns: Vec<_> = faults.chain(Self::LOSSES.map(Column::Random)).collect();
        let cells = vec![Cell::default(); columns.len()];
        Self {
            rows: cases.iter().map(|case| (*case, cells.clone())).collect(),
            columns,
            failures: Vec::new(),
        }
    }

    /// How many runs there were, and how many of them violate a rule.
    pub fn totals(&self) -> (usize, usize) {
        let cells = self.rows.iter().flat_map(|(_, cells)| cells);
        cells.fold((0, 0), |(runs, violations), cell| {
            (runs + cell.runs, violations + cell.violations)
        })
    }

    /// The runs that violate a rule: a few of each row, those with the fewest faults first.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        let Outcome {
            row,
            runs,
            failures,
        } = outcome;
        let Some((case, cells)) = self.rows.get_mut(row) else {
            return;
        };
        for (cell, column) in cells.iter_mut().zip(&self.columns) {
            let of_column = runs.iter().filter(|(other, _)| other == column);
            cell.runs += of_column.map(|(_, count)| count).sum::<usize>();
            let of_column = failures.iter().filter(|failure| failure.column == *column);
            cell.violations += of_column.count();
        }
        let case = *case;
        self.failures.extend(failures);
        self.failures.sort_by_key(|failure| failure.column.rank());
        let mut kept = 0;
        self.failures.retain(|failure| {
            kept += usize::from(failure.case == case);
            failure.case != case || kept <= MOST_KEPT
        });
    }
}

impl Column {
    fn rank(self) -> usize {
        match self {
            Self::Faults(faults) => faults,
            Self::Random(loss) => 100 + usize::from(loss),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(1) => f.pad("1 fault"),
            Self::Faults(faults) => f.pad(&format!("{faults} faults")),
            Self::Random(loss) => f.pad(&format!("{loss} % loss")),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.violations {
            0 => f.pad(&self.runs.to_string()),
            violations => f.pad(&format!("{} !{violations}", self.runs)),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<23}{:<8}{:<5}", "call flow", "by", "over")?;
        for column in &self.columns {
            write!(f, "{column:>12}")?;
        }
        writeln!(f, "{:>12}", "violations")?;
        for (case, cells) in &self.rows {
            write!(
                f,
                "{:<23}{:<8}{:<5}",
                case.flow.as_str(),
                case.caller.as_str(),
                case.transport.as_str()
            )?;
            for cell in cells {
                write!(f, "{cell:>12}")?;
            }
            let violations: usize = cells.iter().map(|cell| cell.violations).sum();
            writeln!(f, "{violations:>12}")?;
        }
        let (runs, violations) = self.totals();
        writeln!(f, "{runs} runs, {violations} of them violate a rule")
    }
}

/// How many failures of a row are kept to be shown.
const MOST_KEPT: usize = 3;
