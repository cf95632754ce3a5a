//! What a request must be before anybody serves it
//! ([RFC 3261 §8.2.1 to §8.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.2)).

use offhook_message::{CSeq, HeaderName, Headers, Method, Request, StatusCode, Uri};

use super::reply::Reply;
use super::respond::{ACCEPT, ALLOW, is_allowed};

/// Looks at everything that does not depend on what else is going on. The first finding counts.
pub(crate) fn inspect(request: &Request) -> Result<CSeq, Reply> {
    let headers = request.headers();
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    let cseq = headers.cseq();
    check_method(request.method())?;
    let cseq = cseq?;
    if cseq.method != *request.method() {
        return Err(Reply::bad_request("The method of CSeq differs"));
    }
    headers.max_forwards()?;
    check_uri(request)?;
    if !matches!(request.method(), Method::Ack | Method::Cancel) {
        check_require(headers)?;
        check_content(request)?;
    }
    Ok(cseq)
}

/// §8.2.1: 501 for a method nobody knows, 405 for one that is not served here.
fn check_method(method: &Method) -> Result<(), Reply> {
    if is_allowed(method) {
        return Ok(());
    }
    let status = if method.is_known() {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        StatusCode::NOT_IMPLEMENTED
    };
    Err(Reply::new(status).with_header(HeaderName::Allow, ALLOW))
}

/// §8.2.2.1: sip, sips and tel are understood.
fn check_uri(request: &Request) -> Result<(), Reply> {
    match request.uri() {
        Ok(Uri::Sip(_) | Uri::Tel(_)) => Ok(()),
        Ok(Uri::Other { .. }) => Err(Reply::new(StatusCode::UNSUPPORTED_URI_SCHEME)),
        Err(error) => Err(Reply::bad_request(&error.to_string())),
    }
}

/// §8.2.2.3: no extension is supported yet, so each one that is required is refused.
fn check_require(headers: &Headers) -> Result<(), Reply> {
    let mut unsupported = String::new();
    for tag in headers.require() {
        let tag = String::from_utf8_lossy(tag?);
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

/// §8.2.3: the body of an INVITE is SDP, or says that it may be left aside.
fn check_content(request: &Request) -> Result<(), Reply> {
    if request.body().is_empty() || *request.method() != Method::Invite {
        return Ok(());
    }
    let headers = request.headers();
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
    let is_understood = headers
        .content_type()?
        .is_some_and(|media_type| media_type.is("application", "sdp"));
    if is_understood {
        return Ok(());
    }
    Err(Reply::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).with_header(HeaderName::Accept, ACCEPT))
}
