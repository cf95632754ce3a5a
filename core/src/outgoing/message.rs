//! A request outside of a dialog, and what stays the same when it is sent again.

use std::fmt;

use bytes::Bytes;
use offhook_message::{Body, Header, HeaderName, Headers, MessageWriter, Method, Text, UriBuf};

use super::contact::{Binding, OwnContact};
use super::request::OutgoingRequest;
use crate::capabilities::{
    Allow, RELIABLE, SUPPORTED_BESIDE_RELIABLE, received_packages, supported,
};
use crate::config::{Config, Reliability};
use crate::digest::{Authentication, Protected};
use crate::flow::Flow;
use crate::random::{Random, Token};
use crate::slot::Slot;
use crate::tag::Tag;

/// One request, through all its attempts: by another flow, with credentials, to another target.
/// Call-ID and From stay the same ([RFC 3261 §8.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3)).
#[derive(Clone, Debug)]
pub(crate) struct OutgoingRequestMessage {
    pub(crate) method: Method,
    pub(crate) request: OutgoingRequest,
    call_id: Text,
    from_tag: Tag,
    pub(crate) cseq: u32,
    /// That of the last attempt.
    pub(crate) transaction: Option<Slot>,
    /// How many of the flows have failed.
    failed: usize,
    pub(crate) authentication: Authentication,
    /// What a REGISTER asks for.
    pub(crate) binding: Option<Binding>,
    /// How long the session of an INVITE is to live without a refresh.
    pub(crate) session_life: Option<SessionLife>,
}

/// A session timer that we ask for
/// ([RFC 4028 §7](https://www.rfc-editor.org/rfc/rfc4028#section-7)).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionLife {
    seconds: u32,
    /// Whether somebody wants no less.
    is_least: bool,
    /// How often it was too small.
    refused: u8,
}

impl SessionLife {
    pub(crate) const fn new(seconds: u32) -> Self {
        Self {
            seconds,
            is_least: false,
            refused: 0,
        }
    }
}

impl OutgoingRequestMessage {
    pub(crate) fn new(method: Method, mut request: OutgoingRequest, random: &mut Random) -> Self {
        let call_id = request.call_id.take();
        request.request_uri = request.request_uri.without_headers();
        Self {
            method,
            call_id: call_id.unwrap_or_else(|| new_call_id(random)),
            from_tag: random.token().into(),
            cseq: 1,
            transaction: None,
            failed: 0,
            authentication: Authentication::new(std::mem::take(&mut request.credentials)),
            binding: None,
            session_life: None,
            request,
        }
    }

    /// The flow of the attempt that is to be made.
    pub(crate) fn flow(&self) -> Option<Flow> {
        self.request.flows.get(self.failed).copied()
    }

    /// Gives up on the flow. False where there is no other.
    #[must_use]
    pub(crate) fn next_flow(&mut self) -> bool {
        self.failed += 1;
        self.flow().is_some()
    }

    /// Takes a 401 or 407. True where the request is worth another try.
    #[must_use]
    pub(crate) fn take_challenge(&mut self, headers: &Headers, random: &mut Random) -> bool {
        let is_worth = self.authentication.challenge(headers, random);
        if is_worth {
            self.cseq += 1;
        }
        is_worth
    }

    /// Takes the Min-SE of a 422. True where the request is worth another try
    /// ([RFC 4028 §7.4](https://www.rfc-editor.org/rfc/rfc4028#section-7.4)).
    #[must_use]
    pub(crate) fn take_min_se(&mut self, headers: &Headers) -> bool {
        let least = headers.min_se().ok().flatten();
        let Some((life, least)) = self.session_life.as_mut().zip(least) else {
            return false;
        };
        if least <= life.seconds || life.refused >= MOST_REFUSED {
            return false;
        }
        *life = SessionLife {
            seconds: least,
            is_least: true,
            refused: life.refused + 1,
        };
        self.cseq += 1;
        true
    }

    /// Begins a further request of the same conversation, by the best flow.
    pub(crate) fn renew(&mut self) {
        self.cseq += 1;
        self.failed = 0;
        self.authentication.begin();
    }

    /// Begins a further request that is to make a dialog of its own. The Call-ID stays: who spreads
    /// requests over several cores by it has chosen it.
    pub(crate) fn renew_dialog(&mut self, random: &mut Random) {
        self.renew();
        self.from_tag = random.token().into();
    }

    /// Goes by other flows from now on.
    pub(crate) fn relocate(&mut self, flows: Vec<Flow>) {
        self.failed = 0;
        self.request.flows = flows;
    }

    /// Goes elsewhere, as a new request. Who is there now sees no credentials that were made for another
    /// ([RFC 3261 §22.1](https://www.rfc-editor.org/rfc/rfc3261#section-22.1)); a first Route stays the proxy that it was.
    pub(crate) fn retarget(&mut self, request_uri: UriBuf, flows: Vec<Flow>) {
        self.renew();
        self.authentication.forget_servers();
        if self.request.routes.is_empty() {
            self.authentication.forget_proxies();
        }
        self.request.request_uri = request_uri.without_headers();
        self.request.flows = flows;
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.call_id.as_str().as_bytes()
    }

    pub(crate) fn local_tag(&self) -> &Tag {
        &self.from_tag
    }

    /// The value of From.
    pub(crate) fn local(&self) -> String {
        format!("{};tag={}", self.request.from, self.from_tag)
    }

    /// The octets of an attempt ([RFC 3261 §8.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1)).
    pub(crate) fn write(&mut self, flow: Flow, branch: Token, config: &Config) -> Bytes {
        let authorization = self.authorize();
        let Self {
            method, request, ..
        } = &*self;
        let mut writer = MessageWriter::request(method, &request.request_uri);
        writer.header(HeaderName::Via, SentBy { flow, branch });
        for route in &request.routes {
            writer.header(HeaderName::Route, format_args!("<{route}>"));
        }
        writer.header(HeaderName::MaxForwards, 70);
        writer.header(HeaderName::From, self.local());
        writer.header(HeaderName::To, &request.to);
        writer.header(HeaderName::CallId, &self.call_id);
        writer.header(HeaderName::CSeq, format_args!("{} {method}", self.cseq));
        for header in &authorization {
            writer.extra(header);
        }
        self.write_contact(&mut writer, flow);
        if *method == Method::Invite {
            writer.header(HeaderName::Allow, Allow(config));
            for package in received_packages(config) {
                writer.header(HeaderName::RecvInfo, package);
            }
            let mut options = supported(config);
            if config.reliability == Reliability::Required {
                writer.header(HeaderName::Require, RELIABLE);
                options = SUPPORTED_BESIDE_RELIABLE;
            }
            writer.header(HeaderName::Supported, options);
        }
        if let Some(life) = &self.session_life {
            writer.header(HeaderName::SessionExpires, life.seconds);
            if life.is_least {
                writer.header(HeaderName::MinSe, life.seconds);
            }
        }
        if let Some(user_agent) = &config.user_agent {
            writer.header(HeaderName::UserAgent, user_agent);
        }
        for header in &request.extra_headers {
            writer.extra(header);
        }
        match &request.body {
            Some(body) => writer.body(body),
            None => writer.finish(),
        }
    }

    /// The URI of our Contact by that flow.
    pub(crate) fn contact(&self, flow: Flow) -> Option<UriBuf> {
        let contact = OwnContact {
            request: &self.request,
            flow,
        };
        let text = contact.to_string();
        let uri = text.strip_prefix('<')?.strip_suffix('>')?;
        uri.parse().ok()
    }

    fn write_contact(&self, writer: &mut MessageWriter, flow: Flow) {
        let contact = OwnContact {
            request: &self.request,
            flow,
        };
        match &self.binding {
            Some(Binding::Own { params, expires }) => {
                let value = format_args!("{contact}{params};expires={expires}");
                writer.header(HeaderName::Contact, value);
                writer.header(HeaderName::Expires, expires);
            }
            Some(Binding::NoneAtAll) => {
                writer.header(HeaderName::Contact, "*");
                writer.header(HeaderName::Expires, 0);
            }
            None if matches!(self.method, Method::Invite | Method::Subscribe) => {
                writer.header(HeaderName::Contact, contact);
            }
            None => {}
        }
    }

    fn authorize(&mut self) -> Vec<Header> {
        if !self.authentication.is_used() {
            return Vec::new();
        }
        let body = self.request.body.as_ref().map(Body::content);
        self.authentication.authorize(Protected {
            method: self.method.as_str(),
            uri: &self.request.request_uri.to_string(),
            body: body.map_or(&b""[..], |body| body),
        })
    }
}

/// Our Via ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1), RFC 3581 §3).
pub(crate) struct SentBy {
    pub(crate) flow: Flow,
    pub(crate) branch: Token,
}

impl fmt::Display for SentBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, branch } = self;
        write!(
            f,
            "SIP/2.0/{} {};branch=z9hG4bK{branch};rport",
            flow.transport.as_str(),
            flow.local_host()
        )
    }
}

/// 128 random bits ([RFC 3261 §8.1.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.4)).
fn new_call_id(random: &mut Random) -> Text {
    let text = format!("{}{}", random.token(), random.token());
    Text::new(text).unwrap_or(Text::from_static("0"))
}

/// How often a session may be too short for somebody on the way.
pub(crate) const MOST_REFUSED: u8 = 3;
