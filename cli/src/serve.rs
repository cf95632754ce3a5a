use std::{pin::pin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use offhook::{
    Builder, Config, Counts, IncomingRequest, StartError, Transport, UserAgent, UserAgentEvent,
    message::{Method, Rejection, Success},
};
use tokio::{runtime::Handle, sync::mpsc};
use tracing::{error, info, warn};

use crate::{
    accounts::Accounts,
    answering::Bridges,
    arguments::ServeArguments,
    call,
    configuration::Configuration,
    open_files,
    outcome::Outcome,
    signals::{HangUp, Signal, Signals},
    stdout::{Line, Output},
};

/// Answers calls until a signal ends it. An error means that it never started to.
pub(crate) async fn serve(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let output = arguments.output.start()?;
    let mut configuration = Configuration::read(arguments.config.as_deref())?;
    let listed = listed(&arguments);
    if !arguments.listen.is_empty() {
        configuration.listen = arguments.listen;
    }
    if !arguments.allow_origin.is_empty() {
        configuration.allow_origin = arguments.allow_origin;
    }
    configuration.names = arguments.names.or(configuration.names);
    configuration.advertise = arguments.advertise.or(configuration.advertise);
    configuration.certificates = arguments.certificates.or(configuration.certificates);
    if let Some(drain) = arguments.drain {
        configuration.drain = drain;
    }
    run(configuration, listed, output).await
}

/// Where the listeners were asked for.
fn listed(arguments: &ServeArguments) -> String {
    match &arguments.config {
        _ if !arguments.listen.is_empty() => "--listen".to_owned(),
        Some(file) => file.display().to_string(),
        None => "the default listeners, which --listen replaces".to_owned(),
    }
}

async fn run(
    configuration: Configuration,
    listed: String,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::catch(HangUp::Reload).context("signals cannot be caught")?;
    let user_agent = listen(&configuration)
        .await
        .map_err(|error| match error.downcast_ref() {
            Some(StartError::Bind { .. } | StartError::InvalidListener(_)) => {
                anyhow!("{listed}: {error}")
            }
            _ => error,
        })?;
    open_files::warn_of_few(configuration.max_calls);
    for listener in user_agent.listeners() {
        let (transport, address) = (listener.transport.to_string(), listener.address.to_string());
        let line = Line::new("listening", format_args!("listening {transport} {address}"));
        output.tell(line.with("transport", transport).with("address", address));
    }

    let accounts = Accounts::register(&user_agent, &configuration.accounts.accounts, output);
    let drain = configuration.drain;
    let calls = tokio::spawn(take_calls(user_agent.clone(), Arc::new(configuration)));
    loop {
        match signals.next().await {
            Signal::Count => output.tell(counts(&user_agent)),
            Signal::Reload => reload(&user_agent),
            Signal::Stop | Signal::StopAtOnce => break,
        }
    }

    info!("stopping: new calls get 503, and those that are left in {drain:?} a BYE");
    let last_lines = accounts.end();
    let mut stopped = pin!(async {
        user_agent.shutdown(drain).await;
        last_lines.await;
        calls.await
    });
    loop {
        tokio::select! {
            stopped = &mut stopped => return Ok(match stopped {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }),
            signal = signals.next() => match signal {
                Signal::Count => output.tell(counts(&user_agent)),
                Signal::Stop | Signal::Reload => {}
                Signal::StopAtOnce => return Ok(Outcome::StoppedAtOnce.into()),
            }
        }
    }
}

fn reload(user_agent: &UserAgent) {
    match user_agent.reload_certificates() {
        Ok(()) => info!("the certificates are read again"),
        Err(error) => error!("the certificates stay as they were: {error}"),
    }
}

async fn listen(configuration: &Configuration) -> anyhow::Result<UserAgent> {
    let mut config = Config::default();
    let limits = &mut config.limits;
    limits.invites = configuration.max_calls;
    limits.sessions = configuration.max_calls;
    // Each has as many octets as by default.
    let octets = limits.octets / limits.transactions;
    limits.transactions = configuration.max_transactions;
    limits.octets = octets.saturating_mul(limits.transactions);
    config.methods = vec![Method::Info, Method::Message];
    // What a route waits for is not cut short.
    let no_answer = configuration.routes.longest_wait() + SLACK;
    config.times.no_answer = config.times.no_answer.max(no_answer);

    let listeners = configuration.listen.iter();
    let transports = listeners.clone().filter_map(|listener| {
        let (transport, _) = listener.split_once(':')?;
        Transport::parse(transport.as_bytes())
    });
    let tls = configuration.certificates.options(transports)?;
    if let (Some(ours), None) = (&tls.certificate, &configuration.certificates.certificate) {
        let file = ours.chain.display();
        warn!("TLS shows a certificate for development that nobody believes: {file}");
    }
    let builder = UserAgent::builder().config(config).tls(tls);
    let mut builder = configuration.names.resolve(builder)?;
    if let Some(address) = &configuration.advertise {
        builder = builder.advertise(address);
    }
    let origins = configuration.allow_origin.iter();
    builder = origins.fold(builder, Builder::allow_origin);
    Ok(listeners.fold(builder, Builder::listen).start().await?)
}

/// What is alive, and then what has passed since the start.
fn counts(user_agent: &UserAgent) -> Line {
    let Counts {
        server_transactions,
        client_transactions,
        invites,
        outgoing_invites,
        sessions,
        unacknowledged,
        registrations,
        subscriptions,
        publications,
        offers,
        requests,
        timers,
        totals,
    } = user_agent.counts();
    let tasks = Handle::current().metrics().num_alive_tasks();
    let alive = [
        ("server_transactions", server_transactions),
        ("client_transactions", client_transactions),
        ("invites", invites),
        ("outgoing_invites", outgoing_invites),
        ("sessions", sessions),
        ("unacknowledged", unacknowledged),
        ("registrations", registrations),
        ("subscriptions", subscriptions),
        ("publications", publications),
        ("offers", offers),
        ("requests_open", requests),
        ("timers", timers),
        ("tasks", tasks),
    ];
    let passed = [
        ("requests", totals.requests),
        ("repeated_requests", totals.repeated_requests),
        ("responses", totals.responses),
        ("requests_sent", totals.requests_sent),
        ("repeated_requests_sent", totals.repeated_requests_sent),
        ("malformed", totals.malformed),
        ("dropped", totals.dropped),
        ("overload", totals.overload),
        ("shed", totals.shed),
    ];
    let alive = alive.map(|(name, count)| (name, count as u64));
    let counts = || alive.iter().chain(&passed);
    let words: Vec<_> = counts().map(|(name, it)| format!("{name}={it}")).collect();
    let line = Line::new("counts", format_args!("counts {}", words.join(" ")));
    counts().fold(line, |line, (name, count)| line.with(name, *count))
}

/// Gives each call its task. Returns when the user agent has stopped and the last call is over.
async fn take_calls(user_agent: UserAgent, configuration: Arc<Configuration>) {
    let (under_way, mut none_left) = mpsc::channel(1);
    let bridges = Arc::<Bridges>::default();
    while let Some(event) = user_agent.event().await {
        match event {
            UserAgentEvent::Invitation(invitation) => {
                let (configuration, bridges) = (Arc::clone(&configuration), Arc::clone(&bridges));
                let call = call::run(invitation, configuration, bridges, under_way.clone());
                tokio::spawn(call);
            }
            UserAgentEvent::Request(request) => take_outside(request),
            // Not among the methods.
            UserAgentEvent::Referred(_) => {}
        }
    }
    drop(under_way);
    // Nothing is sent: it ends when the last call drops its sender.
    let _ = none_left.recv().await;
}

/// A message is welcome outside of calls too. INFO has no meaning there
/// ([RFC 6086 §4.2.2](https://www.rfc-editor.org/rfc/rfc6086#section-4.2.2)).
fn take_outside(request: IncomingRequest) {
    if *request.message().method() == Method::Message {
        request.accept(Success::OK);
    } else {
        request.reject(Rejection::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
    }
}

/// From the end of the longest wait until the library would answer in our place.
const SLACK: Duration = Duration::from_secs(30);
