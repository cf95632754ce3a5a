use std::{collections::HashMap, fmt, time::Duration};

use anyhow::{Context, Result, bail};

/// The last row of the file that SIPp's option `-trace_stat` writes.
#[derive(Debug, Default)]
pub struct Statistics(HashMap<String, String>);

impl Statistics {
    /// Reads the first line for the names and the last one for the values.
    pub fn parse(csv: &str) -> Result<Self> {
        let mut rows = csv.lines().filter(|line| !line.is_empty());
        let names = rows.next().context("SIPp wrote no statistics")?;
        let values = rows.next_back().context("SIPp's statistics have no row")?;
        let fields = names.split(';').zip(values.split(';'));
        Ok(Self(
            fields
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }

    /// Calls that were begun.
    pub fn created(&self) -> Result<u64> {
        self.count("TotalCallCreated")
    }

    /// Calls that ran through the whole scenario.
    pub fn successful(&self) -> Result<u64> {
        self.count("SuccessfulCall(C)")
    }

    /// Calls that did not.
    pub fn failed(&self) -> Result<u64> {
        self.count("FailedCall(C)")
    }

    /// Messages that SIPp sent again because no answer came, and answers that it received again.
    pub fn retransmissions(&self) -> Result<u64> {
        self.count("Retransmissions(C)")
    }

    /// Calls per second, over the whole run.
    pub fn call_rate(&self) -> Result<f64> {
        let value = self.value("CallRate(C)")?;
        value
            .parse()
            .with_context(|| format!("CallRate(C) is {value:?}"))
    }

    /// The mean time between the scenario's `start_rtd="NUMBER"` and its `rtd="NUMBER"`.
    pub fn response_time(&self, number: u8) -> Result<Duration> {
        let value = self.value(&format!("ResponseTime{number}(C)"))?;
        clock_time(value).with_context(|| format!("ResponseTime{number}(C) is {value:?}"))
    }

    /// How many calls failed for each reason that occurred.
    pub fn failures(&self) -> Result<Vec<(&str, u64)>> {
        let mut failures = Vec::new();
        for name in self.0.keys() {
            let Some(reason) = name
                .strip_prefix("Failed")
                .and_then(|name| name.strip_suffix("(C)"))
            else {
                continue;
            };
            let count = self.count(name)?;
            if reason != "Call" && count > 0 {
                failures.push((reason, count));
            }
        }
        failures.sort_unstable();
        Ok(failures)
    }

    fn count(&self, name: &str) -> Result<u64> {
        let value = self.value(name)?;
        value
            .parse()
            .with_context(|| format!("{name} is {value:?}"))
    }

    fn value(&self, name: &str) -> Result<&str> {
        let Some(value) = self.0.get(name) else {
            bail!("SIPp's statistics have no column {name}")
        };
        Ok(value)
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [
            "TotalCallCreated",
            "SuccessfulCall(C)",
            "FailedCall(C)",
            "Retransmissions(C)",
        ];
        for name in columns {
            write!(
                f,
                "{name}={} ",
                self.0.get(name).map_or("?", String::as_str)
            )?;
        }
        for (reason, count) in self.failures().unwrap_or_default() {
            write!(f, "{reason}={count} ")?;
        }
        Ok(())
    }
}

/// Reads `HH:MM:SS:MICROSECONDS`.
fn clock_time(text: &str) -> Option<Duration> {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().flatten();
    let seconds = next()? * 3600 + next()? * 60 + next()?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "TotalCallCreated;FailedCall(C);FailedMaxUDPRetrans(C);FailedRegexpHdrNotFound(C);\
        CallRate(C);ResponseTime1(C);\n1;0;0;0;0.5;00:00:00:000000;\n20;2;2;0;9.75;00:01:03:004000;\n";

    #[test]
    fn reads_the_last_row() -> Result<()> {
        let statistics = Statistics::parse(CSV)?;
        assert_eq!(statistics.created()?, 20);
        assert_eq!(statistics.failed()?, 2);
        assert_eq!(statistics.failures()?, [("MaxUDPRetrans", 2)]);
        assert!((statistics.call_rate()? - 9.75).abs() < f64::EPSILON);
        assert_eq!(statistics.response_time(1)?, Duration::from_millis(63_004));
        Ok(())
    }

    #[test]
    fn names_the_column_that_is_missing() {
        let error = Statistics::parse(CSV)
            .and_then(|statistics| statistics.successful())
            .unwrap_err();
        assert!(error.to_string().contains("SuccessfulCall(C)"));
    }
}
