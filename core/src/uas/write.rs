//! Writing the responses that an application gives, and those inside a session.

use bytes::Bytes;
use offhook_message::{Body, HeaderName, MessageWriter, Method, Refresher, StatusCode};

use super::response_options::{ContactTarget, ResponseOptions};
use crate::capabilities::{RELIABLE, TIMER};
use crate::dialog::contact_scheme;
use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::respond;
use crate::session::{Agreement, Invite, Party};
use crate::state::State;
use crate::tag::Tag;

/// A response that makes a dialog: with Record-Route and Contact, with RSeq where it is reliable,
/// and with Allow in a 2xx and where UPDATE may follow
/// ([RFC 3261 §12.1.1, §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.1), [RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3),
/// [RFC 3311 §4](https://www.rfc-editor.org/rfc/rfc3311#section-4)).
pub(super) fn dialog_response<S: Copy + Into<StatusCode>>(
    state: &State,
    invite: &Invite,
    options: &ResponseOptions<S>,
    body: Option<&Body>,
    rseq: Option<u32>,
) -> Bytes {
    let incoming = &invite.incoming;
    let mut writer = begin(incoming, Some(&invite.to_tag), options);
    writer.copy_all(incoming.request.headers(), HeaderName::RecordRoute);
    write_own_contact(&mut writer, state, invite.session, incoming);
    let is_success = options.status.into().is_success();
    if is_success || (rseq.is_some() && body.is_some()) {
        writer.extra(&state.introduction.allow);
    }
    if is_success {
        for package in &state.introduction.recv_info {
            writer.extra(package);
        }
        write_timer(&mut writer, invite.agreement);
    }
    if let Some(rseq) = rseq {
        writer.header_bytes(HeaderName::Require, RELIABLE.as_bytes());
        writer.header_with(HeaderName::RSeq, |value| value.put_number(rseq.into()));
    } else if options.supported.is_none() {
        writer.extra(&state.introduction.supported);
    }
    finish(writer, state, options, body)
}

/// A 2xx inside a session; with Contact and Allow to a request that refreshes the target
/// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2), [RFC 3311 §5.2](https://www.rfc-editor.org/rfc/rfc3311#section-5.2)).
pub(super) fn session_response(
    state: &State,
    session: SessionId,
    incoming: &Incoming,
    body: Option<&Body>,
) -> Bytes {
    let mut writer = respond::begin(incoming, StatusCode::OK, None, None);
    if *incoming.request.method() != Method::Prack {
        write_own_contact(&mut writer, state, Some(session), incoming);
        writer.extra(&state.introduction.allow);
        let timer = state.sessions.get(session).and_then(|it| it.timer);
        write_timer(&mut writer, timer.map(|timer| timer.agreed()));
    }
    state.introduction.write_user_agent(&mut writer);
    match body {
        Some(body) => writer.body(body),
        None => writer.finish(),
    }
}

/// A final response that makes no dialog, or ends the early one.
pub(super) fn plain_response<S: Copy + Into<StatusCode>>(
    state: &State,
    incoming: &Incoming,
    to_tag: Option<&Tag>,
    options: &ResponseOptions<S>,
    contacts: &[ContactTarget],
) -> Bytes {
    let mut writer = begin(incoming, to_tag, options);
    write_contacts(&mut writer, contacts);
    finish(writer, state, options, options.body.as_ref())
}

/// The 2xx to a REFER. One outside of a dialog makes one
/// ([RFC 3515 §2.2](https://www.rfc-editor.org/rfc/rfc3515#section-2.2)). 200 says that no NOTIFY follows
/// ([RFC 4488 §4](https://www.rfc-editor.org/rfc/rfc4488#section-4)).
pub(super) fn refer_response(
    state: &State,
    session: Option<SessionId>,
    incoming: &Incoming,
    tag: &Tag,
    status: StatusCode,
) -> Bytes {
    let mut writer = respond::begin(incoming, status, None, Some(tag));
    writer.copy_all(incoming.request.headers(), HeaderName::RecordRoute);
    write_own_contact(&mut writer, state, session, incoming);
    if status == StatusCode::OK {
        writer.header(HeaderName::ReferSub, "false");
    }
    state.introduction.write_user_agent(&mut writer);
    writer.finish()
}

/// 100 Trying.
pub(super) fn trying(invite: &Invite) -> Bytes {
    respond::begin(&invite.incoming, StatusCode::TRYING, None, None).finish()
}

fn write_contacts(writer: &mut MessageWriter, contacts: &[ContactTarget]) {
    for ContactTarget { uri, q } in contacts {
        match q {
            Some(q) => writer.header(HeaderName::Contact, format_args!("<{uri}>;q={q}")),
            None => writer.header(HeaderName::Contact, format_args!("<{uri}>")),
        };
    }
}

/// What a 2xx agrees to ([RFC 4028 §9](https://www.rfc-editor.org/rfc/rfc4028#section-9)).
fn write_timer(writer: &mut MessageWriter, agreement: Option<Agreement>) {
    let Some(agreement) = agreement else {
        return;
    };
    writer.header_with(HeaderName::SessionExpires, |value| {
        agreement.write(value, Refresher::Uas);
    });
    if agreement.refresher == Party::Peer {
        writer.header_bytes(HeaderName::Require, TIMER.as_bytes());
    }
}

fn begin<S: Copy + Into<StatusCode>>(
    incoming: &Incoming,
    to_tag: Option<&Tag>,
    options: &ResponseOptions<S>,
) -> MessageWriter {
    let (status, reason_phrase) = (options.status.into(), options.reason_phrase.as_ref());
    respond::begin(incoming, status, reason_phrase, to_tag)
}

fn finish<S>(
    mut writer: MessageWriter,
    state: &State,
    options: &ResponseOptions<S>,
    body: Option<&Body>,
) -> Bytes {
    if let Some(supported) = &options.supported {
        writer.header(HeaderName::Supported, supported);
    }
    match &options.user_agent {
        Some(user_agent) => {
            writer.header(HeaderName::UserAgent, user_agent);
        }
        None => state.introduction.write_user_agent(&mut writer),
    }
    for header in &options.extra_headers {
        writer.extra(header);
    }
    match body {
        Some(body) => writer.body(body),
        None => writer.finish(),
    }
}

/// Our Contact: the user that it has in the dialog, or else the one that was called, at the address the
/// caller reached.
fn write_own_contact(
    writer: &mut MessageWriter,
    state: &State,
    session: Option<SessionId>,
    incoming: &Incoming,
) {
    let session = session.and_then(|session| state.sessions.get(session));
    let called = || incoming.user().unwrap_or_default();
    let user = session.map_or_else(called, |session| session.dialog.contact_user());
    writer.header_with(HeaderName::Contact, |value| {
        let scheme = contact_scheme(incoming);
        incoming.flow.write_contact(value, scheme, user);
    });
}
