//! A registration ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use offhook_message::{Text, UriBuf};

use super::request::OutgoingRequest;

/// What an application says of a registration.
///
/// ```
/// # use offhook_core::message::{Text, UriBuf, UriError};
/// # use offhook_core::{Credentials, Flow, OutgoingRequest, RegistrationOptions};
/// # fn options(flows: Vec<Flow>) -> Result<RegistrationOptions, UriError> {
/// let (registrar, alice): (UriBuf, UriBuf) = ("sip:example.com".parse()?, "sip:alice@example.com".parse()?);
/// let mut request = OutgoingRequest::new(flows, alice.clone().into(), registrar.into())
///     .with_credentials(Credentials::password(Text::from_static("alice"), "secret"));
/// request.to = alice.into(); // The Request-URI stays that of the registrar.
/// request.contact_user = Some(Text::from_static("alice")); // Stands in the Request-URI of her calls.
/// let options = RegistrationOptions::new(request);
/// # Ok(options)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RegistrationOptions {
    /// The REGISTER: the registrar is its Request-URI, the address its From and To.
    pub request: OutgoingRequest,
    /// How long a binding should hold, in seconds. The registrar decides. Default 600.
    pub expires: u32,
    /// Who we are through all restarts, for example `urn:uuid:…`
    /// ([RFC 5626 §4.1](https://www.rfc-editor.org/rfc/rfc5626#section-4.1)).
    pub instance: Option<UriBuf>,
    /// Which of our flows this is, from 1 on
    /// ([RFC 5626 §4.2](https://www.rfc-editor.org/rfc/rfc5626#section-4.2)). It needs an `instance`, and is for
    /// streams: the end of a connection is noticed and mended, that of a way over UDP is not.
    pub reg_id: Option<u32>,
}

impl RegistrationOptions {
    /// A registration for 10 minutes at a time.
    pub fn new(request: OutgoingRequest) -> Self {
        Self {
            request,
            expires: 600,
            instance: None,
            reg_id: None,
        }
    }

    /// The parameters of our Contact.
    pub(crate) fn params(&self) -> String {
        let Some(instance) = &self.instance else {
            return String::new();
        };
        let instance = format!(";+sip.instance=\"<{instance}>\"");
        match self.reg_id {
            Some(reg_id) => format!("{instance};reg-id={reg_id}"),
            None => instance,
        }
    }

    /// The extensions we know (RFC 3327, RFC 5626).
    pub(crate) fn supported(&self) -> Text {
        match self.reg_id {
            Some(_) => Text::from_static("path, outbound"),
            None => Text::from_static("path"),
        }
    }
}
