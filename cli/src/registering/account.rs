use offhook::{
    Flow, Registerer, RegistrationEvent, RegistrationOptions, UserAgent,
    message::{SipUri, Text, Uri, UriBuf},
};

use crate::caller::Path;

/// An address at a registrar.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The address of record.
    pub(crate) aor: UriBuf,
    pub(crate) registrar: UriBuf,
    pub(crate) path: Path,
    /// How long a binding should hold, in seconds.
    pub(crate) expires: u32,
}

impl Account {
    /// The user of the address, without escapes. It is that of our Contact, too, and so of the
    /// Request-URI of its calls.
    pub(crate) fn user(&self) -> Option<String> {
        user_of(&self.aor)
    }

    /// Registers it. An error means that no way leads to the registrar now.
    pub(crate) async fn register(
        &self,
        user_agent: &UserAgent,
    ) -> anyhow::Result<(Registerer, Flow)> {
        let aor = self.aor.as_uri().to_address_of_record();
        let request = self.path.request(user_agent, Some(&aor), &self.registrar);
        let (mut request, flow) = request.await?;
        request.to = aor.into();
        request.contact_user = self.user().and_then(|user| Text::new(user).ok());
        let options = RegistrationOptions {
            expires: self.expires,
            ..RegistrationOptions::new(request)
        };
        Ok((user_agent.register(options)?, flow))
    }

    /// Looks for the registrar again where it failed: it may have moved, or we have. Where its name is not found, what
    /// was found before has another chance.
    pub(crate) async fn look_again(
        &self,
        registerer: &mut Registerer,
        event: &RegistrationEvent,
        user_agent: &UserAgent,
    ) {
        let (RegistrationEvent::Failed { .. }
        | RegistrationEvent::Refused {
            retry_in: Some(_), ..
        }) = event
        else {
            return;
        };
        if let Ok(flows) = self.path.flows(user_agent, &self.registrar).await {
            registerer.relocate(flows);
        }
    }
}

/// The registrar of an address: its domain
/// ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)). `None` where the address is none
/// that can be registered.
pub(crate) fn registrar_of(aor: &UriBuf) -> Option<UriBuf> {
    user_of(aor)?;
    let SipUri {
        secure, host, port, ..
    } = sip(aor)?;
    let scheme = if secure { "sips" } else { "sip" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let transport = sip(aor)?.transport().map(String::from_utf8_lossy);
    let transport = transport.map(|it| format!(";transport={it}"));
    let uri = format!("{scheme}:{host}{port}{}", transport.unwrap_or_default());
    uri.parse().ok()
}

/// The user of a SIP URI, without escapes.
pub(crate) fn user_of(uri: &UriBuf) -> Option<String> {
    let user = sip(uri)?.user_unescaped()?;
    Some(String::from_utf8_lossy(&user).into_owned())
}

fn sip(uri: &UriBuf) -> Option<SipUri<'_>> {
    match uri.as_uri() {
        Uri::Sip(sip) => Some(sip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrar_is_the_domain() {
        for (aor, expected) in [
            ("sip:alice@example.com", Some("sip:example.com")),
            (
                "sip:a%20b@[::1]:5070;transport=tcp;x=y",
                Some("sip:[::1]:5070;transport=tcp"),
            ),
            ("sip:example.com", None),
            ("tel:+4930", None),
        ] {
            let found = registrar_of(&aor.parse().unwrap());
            let expected = expected.map(|uri| uri.parse().unwrap());
            assert_eq!(found, expected, "{aor}");
        }
        assert_eq!(
            user_of(&"sip:a%20b@c".parse().unwrap()),
            Some("a b".to_owned())
        );
    }
}
