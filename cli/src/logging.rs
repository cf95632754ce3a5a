use std::{env, io, io::IsTerminal};

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

/// Sends the log to stderr: what `--log` asks for, or else `RUST_LOG`, or else [`LEVEL`].
pub(crate) fn start(argument: Option<&str>) -> anyhow::Result<()> {
    let environment = env::var(EnvFilter::DEFAULT_ENV).ok();
    let filter = filter(argument, environment.as_deref())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // Nobody may be reading any more. That would be told on stderr, too, with a panic where it cannot be.
        .log_internal_errors(false)
        .init();
    Ok(())
}

fn filter(argument: Option<&str>, environment: Option<&str>) -> anyhow::Result<EnvFilter> {
    let (source, directives) = match (argument, environment) {
        (Some(directives), _) => ("--log", directives),
        (None, Some(directives)) if !directives.is_empty() => (EnvFilter::DEFAULT_ENV, directives),
        _ => ("the default", LEVEL),
    };
    EnvFilter::try_new(directives).map_err(|_| {
        anyhow!("{source} is {directives:?}; expected error, warn, info, debug, trace or a filter such as offhook=debug")
    })
}

const LEVEL: &str = "info";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_stronger_than_the_environment() {
        for (argument, environment, expected) in [
            (Some("debug"), Some("warn"), "debug"),
            (None, Some("offhook=trace"), "offhook=trace"),
            (None, Some(""), "info"),
            (None, None, "info"),
        ] {
            let filter = filter(argument, environment).unwrap();
            assert_eq!(filter.to_string(), expected);
        }
    }

    #[test]
    fn a_bad_level_is_named_with_its_source() {
        let error = filter(Some("offhook=loud"), None).unwrap_err().to_string();
        assert!(
            error.starts_with("--log is \"offhook=loud\"; expected error"),
            "{error}"
        );
        let error = filter(None, Some("offhook=loud")).unwrap_err().to_string();
        assert!(
            error.starts_with("RUST_LOG is \"offhook=loud\"; expected"),
            "{error}"
        );
    }
}
