use std::{path::PathBuf, time::Duration};

use clap::Args;
use offhook::message::UriBuf;
use offhook_media::{Encoding, InvalidKey, Key};

use crate::{
    arguments::seconds,
    caller::{CallerArguments, sip_uri},
};

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct CallArguments {
    /// Whom to call: sip:USER@HOST:PORT, with ;transport=tcp, tls or ws, or sips:USER@HOST:PORT
    #[arg(value_parser = sip_uri)]
    pub(crate) uri: UriBuf,

    /// Who calls; `offhook` at our address unless told
    #[arg(long, value_name = "URI", value_parser = sip_uri)]
    pub(crate) from: Option<UriBuf>,

    /// Offer an inactive stream and open no port for audio
    #[arg(long, conflicts_with_all = ["tone", "play", "record", "dtmf", "codec", "srtp"])]
    pub(crate) bare: bool,

    /// Send a tone of 440 Hz; without it and --play: silence
    #[arg(long, conflicts_with = "play")]
    pub(crate) tone: bool,

    /// Send this WAV file, of any rate with samples of 16 bits
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Option<PathBuf>,

    /// Offer these codecs alone, the best first: opus, G722, PCMU, PCMA
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = codec)]
    pub(crate) codec: Vec<Encoding>,

    /// Encrypt the audio with a key that the offer has (SDES), which belongs on TLS
    #[arg(long)]
    pub(crate) srtp: bool,

    /// Write what is heard to this WAV file
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Press these keys once the call is established: 0 to 9, *, # and A to D
    #[arg(long, value_name = "DIGITS", value_parser = keys)]
    pub(crate) dtmf: Option<Keys>,

    /// How long to talk before we hang up; without it the other side ends the call
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,

    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub(crate) timeout: Duration,

    /// Call where the callee sends us with REFER; without it such a request is refused
    #[arg(long)]
    pub(crate) follow_refer: bool,

    #[command(flatten)]
    pub(crate) caller: CallerArguments,
}

/// What is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys(pub(crate) Vec<Key>);

fn keys(text: &str) -> Result<Keys, InvalidKey> {
    text.chars()
        .map(Key::try_from)
        .collect::<Result<_, _>>()
        .map(Keys)
}

fn codec(text: &str) -> Result<Encoding, String> {
    let mut encodings = Encoding::ALL.iter().copied();
    encodings
        .find(|it| it.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            let names: Vec<_> = Encoding::ALL.iter().map(|it| it.name()).collect();
            format!("expected one of {}", names.join(", "))
        })
}
