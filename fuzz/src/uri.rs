//! URIs: two of them, with a line end between.

use offhook_message::{Host, Uri, UriBuf};

pub(crate) fn run(octets: &[u8]) {
    let mut uris = octets
        .split(|octet| *octet == b'\n')
        .filter_map(|text| Uri::parse(text).ok());
    let Some(one) = uris.next() else {
        return;
    };
    check(&one);
    if let Some(two) = uris.next() {
        check(&two);
        assert_eq!(one.equivalent(&two), two.equivalent(&one));
    }
}

/// It prints as it is, is read again as the same, and is equivalent to itself.
pub(crate) fn check(uri: &Uri<'_>) {
    let text = uri.as_bytes();
    assert!(
        text.iter().all(|octet| !octet.is_ascii_control()),
        "{}",
        text.escape_ascii()
    );
    let owned = UriBuf::parse(uri.as_bytes()).expect("it was read once");
    assert_eq!(owned.as_bytes(), text);
    assert!(owned.as_uri().equivalent(uri));
    assert_eq!(owned.to_string(), uri.to_string());
    let Some(sip) = uri.as_sip() else {
        return;
    };
    // The parts are read again from a text that is put together from them.
    let mut printed = format!("{}:", uri.scheme()).into_bytes();
    if let Some(user) = sip.user {
        printed.extend_from_slice(user);
        if let Some(password) = sip.password {
            printed.push(b':');
            printed.extend_from_slice(password);
        }
        printed.push(b'@');
    }
    printed.extend_from_slice(sip.host.to_string().as_bytes());
    if let Some(port) = sip.port {
        printed.extend_from_slice(format!(":{port}").as_bytes());
    }
    printed.extend_from_slice(sip.params.as_bytes());
    if let Some(headers) = sip.headers {
        printed.push(b'?');
        printed.extend_from_slice(headers);
    }
    let again = Uri::parse(&printed);
    let again = again.unwrap_or_else(|error| panic!("{error}: {}", printed.escape_ascii()));
    let again = again.as_sip().expect("the scheme is the same");
    assert_eq!((again.user, again.password), (sip.user, sip.password));
    assert_eq!((again.host, again.port), (sip.host, sip.port));
    assert_eq!(again.params, sip.params);
    assert_eq!(again.headers, sip.headers);
    let host = sip.host.to_string();
    assert_eq!(Host::parse(host.as_bytes()), Ok(sip.host));
    let _ = (
        sip.user_unescaped(),
        sip.transport(),
        sip.maddr(),
        sip.ttl(),
        sip.lr(),
        sip.method(),
        sip.user_param(),
    );
    check_request_uri(uri);
    check_address_of_record(uri);
    for (name, value) in &sip.params {
        assert!(!name.is_empty());
        let _ = value.map(|value| value.unquoted().len());
    }
}

/// It is the same address, without what a Request-URI must not have.
fn check_request_uri(uri: &Uri<'_>) {
    let request_uri = uri.to_request_uri();
    let again = Uri::parse(request_uri.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("{error}: {request_uri}"));
    let parts = uri.as_sip().zip(again.as_sip());
    let (sip, again) = parts.expect("the scheme is the same");
    assert_eq!((again.user, again.password), (sip.user, sip.password));
    assert_eq!((again.host, again.port), (sip.host, sip.port));
    assert_eq!((again.headers, again.method()), (None, None));
}

/// It is the same user and host, without what From and To must not have.
fn check_address_of_record(uri: &Uri<'_>) {
    let address = uri.to_address_of_record();
    let again = Uri::parse(address.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("{error}: {address}"));
    let parts = uri.as_sip().zip(again.as_sip());
    let (sip, again) = parts.expect("the scheme is the same");
    assert_eq!((again.user, again.password), (sip.user, sip.password));
    assert_eq!((again.host, again.port), (sip.host, None));
    assert_eq!((again.headers, again.method()), (None, None));
    assert!(!again.lr() && again.transport().is_none());
}
