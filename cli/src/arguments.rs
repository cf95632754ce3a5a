use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::{
    calling::CallArguments, certificates::Certificates, load::LoadArguments, names::Names,
    registering::RegisterArguments, stdout::OutputArguments,
};

/// A SIP user agent: calls, answers, rings, redirects, rejects, and hangs up.
#[derive(Debug, Parser)]
#[command(name = "offhook", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer calls until SIGINT or SIGTERM
    Serve(ServeArguments),
    /// Place a call, and hang up after a while or on SIGINT, SIGTERM or SIGHUP
    ///
    /// Tries up to six contacts of a redirection. Exits with 0 when the call was established and ended, with 1 when it was
    /// refused, with 3 when nobody answered, with 130 when a second signal left its end open, and with 2 when it was not
    /// placed at all.
    Call(CallArguments),
    /// Place many calls at a rate, and tell how they fare
    ///
    /// Calls begin at their times whether earlier ones are answered or not. Exits with 0 when every call was established
    /// and ended by us, with 1 when one was not, and with 2 when none was placed.
    Load(LoadArguments),
    /// Register an address, and keep it registered until SIGINT, SIGTERM or SIGHUP
    ///
    /// Calls that come in meanwhile get 480: `offhook serve` with an `[[account]]` takes them. Exits with 0 when the
    /// binding was taken away again, with 1 when the registrar refused, with 3 when it did not answer, with 130 when a
    /// second signal left that open, and with 2 when it was not asked at all.
    Register(RegisterArguments),
    /// Print the default configuration, commented, as TOML
    Config,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Where to listen: udp:HOST:PORT, tcp:…, tls:…, ws:… or wss:…; repeat it for more
    ///
    /// Replaces the listeners of the configuration. Port 0 takes any free port.
    #[arg(long = "listen", value_name = "URI")]
    pub(crate) listen: Vec<String>,

    /// Whose pages may call over a WebSocket: an origin, or * for all; repeat it for more
    ///
    /// An origin is `https://phone.example.com`, for example. Replaces the list of the configuration. Pages of this machine
    /// may call it without.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,

    /// What callers are told of our address, where a NAT stands before us: HOST or HOST:PORT
    ///
    /// Goes into Via, Contact and session descriptions. The port is that of UDP and TCP.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) advertise: Option<String>,

    #[command(flatten)]
    pub(crate) names: Names,

    #[command(flatten)]
    pub(crate) certificates: Certificates,

    /// A TOML file whose settings replace the default ones
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How long calls may go on after SIGINT or SIGTERM before they get a BYE
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) drain: Option<Duration>,

    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Whole seconds, one hour at most.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0..=LONGEST) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("expected whole seconds from 0 to {LONGEST}")),
    }
}

/// One hour, in seconds, as for every time in the configuration.
const LONGEST: u64 = 3600;

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;
    use crate::certificates::Rule;

    fn serve(arguments: &[&str]) -> Result<ServeArguments, clap::Error> {
        let line = ["offhook", "serve"].iter().chain(arguments);
        match Arguments::try_parse_from(line)?.command {
            Command::Serve(serve) => Ok(serve),
            other => panic!("`serve` was taken for {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_needs_no_argument() {
        let serve = serve(&[]).unwrap();
        assert!(serve.listen.is_empty());
        assert_eq!(serve.config, None);
        assert_eq!(serve.output.log, None);
        assert_eq!(serve.drain, None);
        assert!(!serve.output.json);
    }

    #[test]
    fn serve_takes_every_argument() {
        let serve = serve(&[
            "--listen",
            "udp:127.0.0.1:0",
            "--listen=tcp:[::1]:5070",
            "--allow-origin",
            "https://phone.example.com",
            "--config",
            "lab.toml",
            "--log",
            "debug",
            "--drain",
            "30",
            // The file may have the authorities.
            "--clients",
            "required",
            "--json",
        ])
        .unwrap();
        assert_eq!(serve.listen, ["udp:127.0.0.1:0", "tcp:[::1]:5070"]);
        assert_eq!(serve.allow_origin, ["https://phone.example.com"]);
        assert_eq!(serve.config, Some(PathBuf::from("lab.toml")));
        assert_eq!(serve.output.log.as_deref(), Some("debug"));
        assert_eq!(serve.drain, Some(Duration::from_secs(30)));
        assert_eq!(serve.certificates.clients, Some(Rule::Required));
        assert!(serve.output.json);
    }

    #[test]
    fn a_bad_drain_is_named_with_what_is_expected() {
        for drain in ["-1", "1.5", "5s", "3601", "99999999999999999999"] {
            let error = serve(&[&format!("--drain={drain}")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation);
            let text = error.to_string();
            assert!(text.contains(drain), "{text}");
            assert!(text.contains("--drain <SECONDS>"), "{text}");
            assert!(text.contains("whole seconds from 0 to 3600"), "{text}");
        }
    }

    #[test]
    fn an_unknown_argument_or_command_exits_with_2() {
        for line in [
            &["offhook", "serve", "--port", "5060"][..],
            &["offhook", "answer"],
            &["offhook"],
        ] {
            assert_eq!(Arguments::try_parse_from(line).unwrap_err().exit_code(), 2);
        }
    }
}
