//! What the commands share that send requests of their own.

use anyhow::Context;
use clap::Args;
use offhook::{
    Builder, Config, Credentials, Flow, OutgoingRequest, StartError, Transport, UserAgent,
    message::{Uri, UriBuf, UriError},
};

use crate::{
    certificates::{CallerCertificates, Certificates},
    credentials::CredentialArguments,
    names::Names,
    stdout::OutputArguments,
};

#[derive(Debug, Args)]
pub(crate) struct CallerArguments {
    #[command(flatten)]
    credentials: CredentialArguments,

    /// The proxy that all requests go through: sip:HOST:PORT
    #[arg(long, value_name = "URI", value_parser = proxy)]
    proxy: Option<UriBuf>,

    #[command(flatten)]
    names: Names,

    #[command(flatten)]
    certificates: CallerCertificates,

    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

impl CallerArguments {
    /// Which way requests go. `user` stands in where a password has no user name.
    pub(crate) fn path(&self, user: Option<&str>) -> anyhow::Result<Path> {
        Ok(Path {
            proxy: self.proxy.clone(),
            credentials: self.credentials.read(user)?,
        })
    }

    /// A user agent on free ports of every address: those of IPv6 only where the system has it. Where the URI that is
    /// sent to asks for another transport than UDP or TCP, it speaks that one, too. What comes in is refused.
    pub(crate) async fn listen(
        &self,
        config: Config,
        target: &UriBuf,
    ) -> anyhow::Result<UserAgent> {
        let mut transports = vec![Transport::Udp, Transport::Tcp];
        let asked = match self.proxy.as_ref().unwrap_or(target).as_uri() {
            Uri::Sip(uri) => Transport::of_uri(&uri),
            _ => None,
        };
        transports.extend(asked.filter(|asked| !transports.contains(asked)));
        let tls = Certificates::from(&self.certificates).options(transports.iter().copied())?;
        let on = |builder: Builder, host| {
            let listeners = transports.iter().map(|it| format!("{it}:{host}:0"));
            listeners.fold(builder, Builder::listen)
        };
        let builder = UserAgent::builder().config(config).tls(tls);
        let builder = on(self.names.resolve(builder)?, "0.0.0.0");
        let user_agent = match on(builder.clone(), "[::]").start().await {
            Err(StartError::Bind { .. }) => builder.start().await?,
            other => other?,
        };
        tokio::spawn(refuse_all(user_agent.clone()));
        Ok(user_agent)
    }
}

/// Drops what comes in, which answers it at once: else a caller would wait for three minutes.
async fn refuse_all(user_agent: UserAgent) {
    while user_agent.event().await.is_some() {}
}

/// Which way requests go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    /// What they go through first.
    pub(crate) proxy: Option<UriBuf>,
    /// Who we are for those who ask.
    pub(crate) credentials: Option<Credentials>,
}

impl Path {
    /// The ways to `target`, the best first.
    pub(crate) async fn flows(
        &self,
        user_agent: &UserAgent,
        target: &UriBuf,
    ) -> anyhow::Result<Vec<Flow>> {
        let next_hop = self.proxy.as_ref().unwrap_or(target);
        Ok(user_agent.flows(next_hop).await?)
    }

    /// A request to `target`, and the best way there. It is from `offhook` at our address, unless told.
    pub(crate) async fn request(
        &self,
        user_agent: &UserAgent,
        from: Option<&UriBuf>,
        target: &UriBuf,
    ) -> anyhow::Result<(OutgoingRequest, Flow)> {
        let flows = self.flows(user_agent, target).await?;
        let flow = *flows.first().context("no way leads there")?;
        let from = match from {
            Some(from) => from.clone(),
            None => ours(&flow)?,
        };
        let mut request = OutgoingRequest::new(flows, from.into(), target.clone().into());
        request.routes.extend(self.proxy.clone());
        request.credentials.extend(self.credentials.clone());
        Ok((request, flow))
    }
}

/// Who we are at our address.
fn ours(flow: &Flow) -> Result<UriBuf, UriError> {
    let uri: UriBuf = format!("sip:offhook@{}", flow.local).parse()?;
    Ok(uri.into_address_of_record())
}

/// A URI that can be called.
pub(crate) fn sip_uri(text: &str) -> Result<UriBuf, String> {
    let uri: UriBuf = text
        .parse()
        .map_err(|error| format!("{error}; {EXAMPLE}"))?;
    match uri.as_uri() {
        Uri::Sip(_) => Ok(uri),
        _ => Err(EXAMPLE.to_owned()),
    }
}

/// A proxy that requests go through: a loose router, whether that is written or not
/// ([RFC 3261 §16.12](https://www.rfc-editor.org/rfc/rfc3261#section-16.12)).
pub(crate) fn proxy(text: &str) -> Result<UriBuf, String> {
    let uri = sip_uri(text)?;
    match uri.as_uri() {
        Uri::Sip(sip) if !sip.lr() && sip.headers.is_none() => sip_uri(&format!("{uri};lr")),
        _ => Ok(uri),
    }
}

const EXAMPLE: &str = "expected for example sip:echo@192.0.2.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_loose_router() {
        for (text, expected) in [
            ("sip:p:5070", "sip:p:5070;lr"),
            ("sip:p;transport=tcp", "sip:p;transport=tcp;lr"),
            ("sip:p;lr", "sip:p;lr"),
        ] {
            assert_eq!(proxy(text).unwrap().to_string(), expected);
        }
        assert!(proxy("tel:1").is_err());
    }
}
