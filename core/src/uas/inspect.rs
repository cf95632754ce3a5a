//! What a request must be before anybody serves it
//! ([RFC 3261 §8.2.1 to §8.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.2)).

use offhook_message::{HeaderName, Headers, Method, Request, Span, StatusCode, Uri};

use super::reply::Reply;
use super::session_timer;
use crate::capabilities::{ACCEPT, Allow, supported};
use crate::config::Config;
use crate::dialog::{MOST_OCTETS, kept_octets};
use crate::incoming::Inspected;

/// Looks at everything that does not depend on what else is going on. The first finding counts.
pub(crate) fn inspect(request: &Request, config: &Config) -> Result<Inspected, Reply> {
    let headers = request.headers();
    let from_tag = headers.from()?.tag();
    headers.to()?;
    let call_id = headers.call_id()?;
    let cseq = headers.cseq()?;
    check_method(request.method(), config)?;
    check_replaces(request)?;
    if cseq.method != *request.method() {
        return Err(Reply::bad_request("The method of CSeq differs"));
    }
    headers.max_forwards()?;
    let user = read_uri(request)?;
    if *request.method() == Method::Register {
        headers
            .contacts()
            .try_for_each(|contact| contact.map(drop))?;
    }
    if !matches!(request.method(), Method::Ack | Method::Cancel) {
        check_require(headers, config)?;
        check_content(request)?;
        check_size(request)?;
        session_timer::check(request, config)?;
    }
    let span = |part: Option<&[u8]>| Span::within(request.as_bytes(), part?);
    Ok(Inspected {
        cseq: cseq.number,
        call_id: span(Some(call_id)).unwrap_or_default(),
        from_tag: span(from_tag).unwrap_or_default(),
        user: span(user).unwrap_or_default(),
        target: Span::default(),
    })
}

/// §8.2.1: 501 for a method nobody knows, 405 for one that is not served here.
fn check_method(method: &Method, config: &Config) -> Result<(), Reply> {
    if Allow(config).includes(method) {
        return Ok(());
    }
    let status = if method.is_known() {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        StatusCode::NOT_IMPLEMENTED
    };
    Err(Reply::new(status).with_header(HeaderName::Allow, &Allow(config).to_string()))
}

/// RFC 3891 §3: only an INVITE replaces something. It is not looked for where nothing would follow.
fn check_replaces(request: &Request) -> Result<(), Reply> {
    let is_looked_at = matches!(
        request.method(),
        Method::Refer | Method::Notify | Method::Subscribe | Method::Message | Method::Info
    );
    if is_looked_at && request.headers().contains(HeaderName::Replaces) {
        return Err(Reply::bad_request("Only an INVITE can have Replaces"));
    }
    Ok(())
}

/// The user that is called. §8.2.2.1: sip, sips and tel are understood. §19.1.1: headers have no place
/// here.
fn read_uri(request: &Request) -> Result<Option<&[u8]>, Reply> {
    match request.uri() {
        Ok(Uri::Sip(uri)) if uri.headers.is_some() => {
            Err(Reply::bad_request("The Request-URI has headers"))
        }
        Ok(Uri::Sip(uri)) => Ok(uri.user),
        Ok(Uri::Tel(_)) => Ok(None),
        Ok(Uri::Other { .. }) => Err(Reply::new(StatusCode::UNSUPPORTED_URI_SCHEME)),
        Err(error) => Err(Reply::bad_request(&error.to_string())),
    }
}

/// §8.2.2.3: the extensions that are required and not supported.
fn check_require(headers: &Headers, config: &Config) -> Result<(), Reply> {
    let mut unsupported = String::new();
    for tag in headers.require() {
        let tag = tag?;
        let mut supported = supported(config).split(", ");
        if supported.any(|known| tag.eq_ignore_ascii_case(known.as_bytes())) {
            continue;
        }
        let tag = String::from_utf8_lossy(tag);
        if !unsupported.is_empty() {
            unsupported.push_str(", ");
        }
        unsupported.push_str(&tag);
    }
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Reply::new(StatusCode::BAD_EXTENSION).with_header(HeaderName::Unsupported, &unsupported))
}

/// §8.2.3: a body that describes the session is SDP, or says that it may be left aside.
fn check_content(request: &Request) -> Result<(), Reply> {
    let headers = request.headers();
    if *request.method() == Method::Invite {
        check_accept(headers)?;
    }
    let may_describe = matches!(
        request.method(),
        Method::Invite | Method::Update | Method::Prack
    );
    if request.body().is_empty() || !may_describe {
        return Ok(());
    }
    if let Some(disposition) = headers.content_disposition()?
        && disposition.is_optional()
    {
        return Ok(());
    }
    for encoding in headers.content_encodings() {
        if !encoding?.eq_ignore_ascii_case(b"identity") {
            let reply = Reply::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(reply.with_header(HeaderName::AcceptEncoding, "identity"));
        }
    }
    let Some(media_type) = headers.content_type()? else {
        return Err(Reply::bad_request(
            "The Content-Type of the body is missing",
        ));
    };
    if media_type.is("application", "sdp") || request.session_description().is_some() {
        return Ok(());
    }
    Err(Reply::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).with_header(HeaderName::Accept, ACCEPT))
}

/// §21.5.7: what a dialog would keep of a request that makes it, or says where the peer is, has a bound.
fn check_size(request: &Request) -> Result<(), Reply> {
    let is_kept = matches!(
        request.method(),
        Method::Invite | Method::Update | Method::Refer | Method::Notify
    );
    if request.as_bytes().len() <= MOST_OCTETS || !is_kept {
        return Ok(());
    }
    if request.uri_bytes().len() + kept_octets(request.headers()) <= MOST_OCTETS {
        return Ok(());
    }
    Err(Reply::new(StatusCode::MESSAGE_TOO_LARGE))
}

/// §8.2.3 with §20.1: a caller that takes no SDP cannot be called.
fn check_accept(headers: &Headers) -> Result<(), Reply> {
    if !headers.contains(HeaderName::Accept) {
        return Ok(());
    }
    let mut best = None;
    for range in headers.accept() {
        let range = range?;
        if range.includes("application", "sdp") {
            // The most specific range counts (RFC 2616 §14.1).
            best = best.max(Some((range.kind != b"*", range.subtype != b"*", range.q())));
        }
    }
    match best {
        Some((_, _, 1..)) => Ok(()),
        _ => Err(Reply::new(StatusCode::NOT_ACCEPTABLE)),
    }
}
