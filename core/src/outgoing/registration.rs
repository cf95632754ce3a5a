//! A registration ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use std::time::Instant;

use offhook_message::{Text, UriBuf};

use super::message::{Binding, OutgoingRequestMessage};
use super::request::OutgoingRequest;
use super::soft_state::SoftState;

/// What an application says of a registration.
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
    fn params(&self) -> String {
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

/// A registration that is kept.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) message: OutgoingRequestMessage,
    /// The parameters of our Contact.
    params: String,
    pub(crate) soft: SoftState,
    /// What the application wants in the end.
    pub(crate) wish: Wish,
    /// What the REGISTER asks for that is out.
    pub(crate) asked: Option<Wish>,
    /// Whether a registrar may have our binding.
    pub(crate) is_bound: bool,
    /// When the next REGISTER is due.
    pub(crate) due: Option<Instant>,
}

/// What a registration is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Registered,
    Unregistered,
    NobodyRegistered,
}

impl Registration {
    pub(crate) fn new(message: OutgoingRequestMessage, options: &RegistrationOptions) -> Self {
        Self {
            message,
            params: options.params(),
            soft: SoftState::new(options.expires.max(1)),
            wish: Wish::Registered,
            asked: None,
            is_bound: false,
            due: None,
        }
    }

    /// Makes the REGISTER ask for what is wished.
    pub(crate) fn ask(&mut self) {
        let expires = match self.wish {
            Wish::Registered => self.soft.expires,
            Wish::Unregistered | Wish::NobodyRegistered => 0,
        };
        self.message.binding = Some(match self.wish {
            Wish::NobodyRegistered => Binding::NoneAtAll,
            _ => Binding::Own {
                params: self.params.clone(),
                expires,
            },
        });
        self.asked = Some(self.wish);
        self.due = None;
    }
}
