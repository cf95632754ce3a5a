//! TLS, and WebSocket over it.

#![cfg(all(feature = "tls", feature = "ws"))]

mod authority;
mod callee;
mod caller;

use std::time::Duration;

use authority::{Authority, shown_by};
use callee::{call, request, uri};
use caller::{Caller, answer, incoming, soon, start_with};
use offhook::message::{Header, UriBuf};
use offhook::{
    Accepted, ClientCertificates, Inviter, InviterEvent, Listener, Session, SessionEnd,
    SessionEvent, TlsOptions, Transport, UserAgent,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

async fn serve(listener: &str, options: TlsOptions) -> (UserAgent, Listener) {
    start_with(UserAgent::builder().listen(listener).tls(options)).await
}

async fn caller(authority: &Authority, server: Listener) -> Caller {
    let stream = soon(authority.connect(server, None)).await.unwrap();
    let local = stream.get_ref().0.local_addr().unwrap();
    Caller::over(server, local, stream).await
}

async fn accepted(inviter: &mut Inviter) -> Session {
    loop {
        match soon(inviter.event()).await.unwrap() {
            InviterEvent::Trying(_) => {}
            InviterEvent::Accepted(Accepted { session, .. }) => return session,
            other => panic!("a 2xx was expected: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_call_from_its_invite_to_our_bye() {
    let authority = Authority::new();
    for listener in [
        "tls:127.0.0.1:0",
        "tls:[::1]:0",
        "wss:127.0.0.1:0",
        "wss:[::1]:0",
    ] {
        let options = authority.options(&["127.0.0.1", "::1"]);
        let (user_agent, server) = serve(listener, options).await;
        let mut caller = caller(&authority, server).await;
        caller.send(caller.request("INVITE")).await;
        let invitation = incoming(&user_agent).await;
        assert_eq!(invitation.flow().transport, server.transport);
        let mut session = invitation.accept(answer()).unwrap();
        let ok = caller.response(200).await;
        let contact = ok.headers().contacts().next().unwrap().unwrap();
        let parameter = match server.transport {
            Transport::Wss => "ws",
            _ => "tls",
        };
        let expected = format!("sip:echo@{};transport={parameter}", server.address);
        let contact = contact.address().unwrap().uri_bytes();
        assert_eq!(contact, expected.as_bytes());
        caller.send(caller.request("ACK")).await;
        soon(session.confirmed()).await.unwrap();
        session.bye();
        let bye = caller.expect_request("BYE").await;
        let via = bye.headers().via().unwrap();
        assert_eq!(via.transport, server.transport.as_str().as_bytes());
        caller.answer(&bye).await;
        assert_eq!(soon(session.ended()).await, SessionEnd::LocalBye);
    }
}

#[tokio::test]
async fn user_agents_call_each_other() {
    let authority = Authority::new();
    for (listener, address) in [
        ("tls:127.0.0.1:0", "sips:bob@localhost:{}"),
        ("tls:127.0.0.1:0", "sip:bob@127.0.0.1:{};transport=tls"),
        ("tls:[::1]:0", "sips:bob@[::1]:{}"),
        ("wss:127.0.0.1:0", "sips:bob@localhost:{};transport=ws"),
        ("wss:[::1]:0", "sip:bob@[::1]:{};transport=wss"),
        ("ws:127.0.0.1:0", "sip:bob@localhost:{};transport=ws"),
    ] {
        let options = authority.options(&["127.0.0.1", "localhost", "::1"]);
        let (alice, _) = serve(listener, options.clone()).await;
        let (bob, at) = serve(listener, options).await;
        let address = address.replace("{}", &at.address.port().to_string());
        let to: UriBuf = address.parse().unwrap();
        let mut inviter = call(&alice, &to).await;
        let invitation = incoming(&bob).await;
        let invite = invitation.message();
        let contact = invite.headers().contacts().next().unwrap().unwrap();
        let contact = contact.address().unwrap().uri_bytes().to_vec();
        assert_eq!(contact.starts_with(b"sips:"), address.starts_with("sips:"));
        let mut theirs = invitation.accept(answer()).unwrap();
        let mut ours = accepted(&mut inviter).await;
        soon(theirs.confirmed()).await.unwrap();
        theirs.bye();
        assert_eq!(soon(ours.ended()).await, SessionEnd::RemoteBye, "{address}");
        assert_eq!(soon(theirs.ended()).await, SessionEnd::LocalBye);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_is_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let options = authority.options(&["127.0.0.1"]);
    let (bob, at) = serve("tls:127.0.0.1:0", options.clone()).await;
    let port = at.address.port();

    let (alice, _) = serve("tls:127.0.0.1:0", options).await;
    // A connection to the address is open, and for the name it is not used.
    let by_address = format!("sips:bob@127.0.0.1:{port}").parse().unwrap();
    let mut first = call(&alice, &by_address).await;
    let invitation = incoming(&bob).await;
    let by_name = format!("sips:bob@localhost:{port}").parse().unwrap();
    let mut inviter = call(&alice, &by_name).await;
    let failed = soon(inviter.event()).await.unwrap();
    assert!(matches!(failed, InviterEvent::Failed { .. }), "{failed:?}");
    drop(invitation);
    let refused = loop {
        match soon(first.event()).await.unwrap() {
            InviterEvent::Trying(_) => {}
            refused => break refused,
        }
    };
    assert!(matches!(refused, InviterEvent::Rejected(_)), "{refused:?}");

    let (carol, _) = serve("tls:127.0.0.1:0", other.options(&["127.0.0.1"])).await;
    let mut inviter = call(&carol, &by_address).await;
    let failed = soon(inviter.event()).await.unwrap();
    assert!(matches!(failed, InviterEvent::Failed { .. }), "{failed:?}");
}

/// RFC 3261 §12.2.1.1: the next hop of the dialog is asked, and not the far end of a connection that is gone. RFC 5922 §4:
/// it has a certificate for its name.
#[tokio::test]
async fn a_call_goes_on_elsewhere() {
    let authority = Authority::new();
    let options = authority.options(&["127.0.0.1"]);
    let named = TlsOptions {
        certificate: Some(authority.certify("named", &["localhost"])),
        ..options.clone()
    };
    for (listener, parameter) in [
        ("tls:127.0.0.1:0", ""),
        ("wss:127.0.0.1:0", ";transport=ws"),
    ] {
        let (alice, _) = serve(listener, options.clone()).await;
        let (bob, at) = serve(listener, named.clone()).await;
        let (carol, _) = serve(listener, options.clone()).await;
        let at = format!("localhost:{}{parameter}", at.address.port());
        let to: UriBuf = format!("sips:bob@{at}").parse().unwrap();
        let through_bob = Header::new("Record-Route", &format!("<sips:{at};lr>")).unwrap();

        // Where it was answered, the next hop is the Contact of the caller.
        let mut inviter = call(&alice, &to).await;
        let mut theirs = incoming(&bob).await.accept(answer()).unwrap();
        let ours = accepted(&mut inviter).await;
        soon(theirs.confirmed()).await.unwrap();
        goes_on(&carol, theirs, ours).await;

        // Where it was placed, a proxy that has a name.
        let invite = request(&alice, &to).await.with_header(through_bob);
        let mut inviter = alice.invite(invite).unwrap();
        let mut theirs = incoming(&bob).await.accept(answer()).unwrap();
        let ours = accepted(&mut inviter).await;
        soon(theirs.confirmed()).await.unwrap();
        goes_on(&carol, ours, theirs).await;
    }
}

/// One side of a call goes on in this user agent, and reaches the other.
async fn goes_on(user_agent: &UserAgent, one: Session, mut other: Session) {
    let snapshot = one.snapshot().unwrap();
    one.forget();
    let mut one = user_agent.restore(&snapshot).unwrap();
    one.update(None).unwrap();
    let SessionEvent::Answered(response) = soon(one.event()).await else {
        panic!("the UPDATE is answered");
    };
    assert!(response.status().is_success(), "{response:?}");
    one.bye();
    assert_eq!(soon(other.ended()).await, SessionEnd::RemoteBye);
    assert_eq!(soon(one.ended()).await, SessionEnd::LocalBye);
}

#[tokio::test]
async fn each_name_has_its_connection_and_keeps_it() {
    let authority = Authority::new();
    let options = authority.options(&["127.0.0.1", "localhost"]);
    let (alice, _) = serve("tls:127.0.0.1:0", options).await;
    let mut channels = Vec::new();
    for uri in ["sips:a@127.0.0.1", "sips:a@localhost", "sips:b@LOCALHOST"] {
        let flows = alice.flows(&uri.parse().unwrap()).await.unwrap();
        channels.push(flows[0].channel);
    }
    assert_ne!(channels[0], channels[1]);
    assert_eq!(channels[1], channels[2]);
}

#[tokio::test]
async fn certificates_of_clients_are_ignored_accepted_or_required() {
    let (authority, other) = (Authority::new(), Authority::new());
    let good = authority.certify("client", &["alice.example"]);
    let bad = other.certify("client", &["mallory.example"]);
    let file = authority.file();
    for (clients, without, with_bad) in [
        (ClientCertificates::Ignored, true, true),
        (ClientCertificates::Accepted(file.clone()), true, false),
        (ClientCertificates::Required(file.clone()), false, false),
    ] {
        let options = TlsOptions {
            clients: clients.clone(),
            ..authority.options(&["127.0.0.1"])
        };
        let (_user_agent, server) = serve("tls:127.0.0.1:0", options).await;
        for (shown, is_fine) in [(None, without), (Some(&bad), with_bad), (Some(&good), true)] {
            // With TLS 1.3 a client learns what becomes of its certificate when it reads.
            let pong = async {
                let mut stream = authority.connect(server, shown).await?;
                stream.write_all(b"\r\n\r\n").await?;
                stream.read_u16().await
            };
            let pong = soon(pong).await;
            assert_eq!(pong.is_ok(), is_fine, "{clients:?} {shown:?}");
        }
    }
}

#[tokio::test]
async fn we_show_our_certificate_to_a_server_that_asks() {
    let authority = Authority::new();
    let options = TlsOptions {
        clients: ClientCertificates::Required(authority.file()),
        client_certificate: Some(authority.certify("client", &["alice.example"])),
        ..authority.options(&["127.0.0.1"])
    };
    let (alice, _) = serve("tls:127.0.0.1:0", options.clone()).await;
    let (bob, at) = serve("tls:127.0.0.1:0", options).await;
    let _inviter = call(&alice, &uri("bob", at.transport, at.address)).await;
    drop(incoming(&bob).await);
}

#[tokio::test]
async fn a_certificate_is_replaced_during_a_call() {
    let authority = Authority::new();
    let options = authority.options(&["127.0.0.1"]);
    let (user_agent, server) = serve("tls:127.0.0.1:0", options).await;
    let before = shown_by(&authority.connect(server, None).await.unwrap());
    let mut caller = caller(&authority, server).await;
    let mut session = caller.establish(&user_agent).await;

    let files = authority.certify("server", &["127.0.0.1"]);
    let key = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, "no key").unwrap();
    assert!(user_agent.reload_certificates().is_err());
    let still = shown_by(&authority.connect(server, None).await.unwrap());
    assert_eq!(still, before);

    std::fs::write(&files.key, key).unwrap();
    user_agent.reload_certificates().unwrap();
    let after = shown_by(&authority.connect(server, None).await.unwrap());
    assert_ne!(after, before);
    caller.send(caller.request("BYE")).await;
    caller.response(200).await;
    assert_eq!(soon(session.ended()).await, SessionEnd::RemoteBye);
}

#[tokio::test]
async fn a_certificate_is_read_again_when_its_files_change() {
    let authority = Authority::new();
    let options = authority.options(&["127.0.0.1"]);
    let (_user_agent, server) = serve("tls:127.0.0.1:0", options).await;
    let before = shown_by(&authority.connect(server, None).await.unwrap());
    soon(async {
        while shown_by(&authority.connect(server, None).await.unwrap()) == before {
            authority.certify("server", &["127.0.0.1"]);
            // The clock leaps, and goes on.
            time::pause();
            time::advance(Duration::from_secs(10)).await;
            time::resume();
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_tls_closes_its_own_connection_only() {
    let authority = Authority::new();
    let options = authority.options(&["127.0.0.1"]);
    let (user_agent, server) = serve("tls:127.0.0.1:0", options).await;
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n")
        .await
        .unwrap();
    let mut last_words = Vec::new();
    let _ = soon(plain.read_to_end(&mut last_words)).await;
    assert!(!last_words.starts_with(b"SIP"));
    let mut good = caller(&authority, server).await;
    drop(good.establish(&user_agent).await);
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_at_the_start() {
    let authority = Authority::new();
    let good = authority.options(&["127.0.0.1"]);
    let mut without_key = good.clone();
    let files = without_key.certificate.as_mut().unwrap();
    files.key = "/nowhere/offhook.key".into();
    let mut other_key = good.clone();
    let other = authority.certify("other", &["127.0.0.1"]);
    other_key.certificate.as_mut().unwrap().key = other.key;
    let mut no_authorities = good;
    no_authorities.authorities = Some("/dev/null".into());
    for (options, expected) in [
        (TlsOptions::default(), "tls:127.0.0.1:0 needs a certificate"),
        (without_key, "/nowhere/offhook.key"),
        (other_key, "cannot be used"),
        (no_authorities, "/dev/null"),
    ] {
        let builder = UserAgent::builder().listen("tls:127.0.0.1:0");
        let error = builder.tls(options).start().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
