//! A request outside of a dialog, and what stays the same when it is sent again.

use std::fmt;

use bytes::Bytes;
use offhook_message::{
    Body, Header, HeaderName, Headers, MessageWriter, Method, Text, Uri, UriBuf,
};

use super::address::User;
use super::request::OutgoingRequest;
use crate::capabilities::{Allow, RELIABLE};
use crate::config::{Config, Reliability};
use crate::digest::{Authentication, Protected};
use crate::flow::{Flow, Transport};
use crate::random::{Random, Token};
use crate::tag::Tag;

/// One request, through all its attempts: by another flow, with credentials, to another target.
/// Call-ID and From stay the same ([RFC 3261 §8.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3)).
#[derive(Debug)]
pub(crate) struct OutgoingRequestMessage {
    pub(crate) method: Method,
    pub(crate) request: OutgoingRequest,
    call_id: Text,
    from_tag: Tag,
    pub(crate) cseq: u32,
    /// How many of the flows have failed.
    failed: usize,
    pub(crate) authentication: Authentication,
}

impl OutgoingRequestMessage {
    pub(crate) fn new(method: Method, mut request: OutgoingRequest, random: &mut Random) -> Self {
        let call_id = request.call_id.take();
        Self {
            method,
            call_id: call_id.unwrap_or_else(|| new_call_id(random)),
            from_tag: random.token().into(),
            cseq: 1,
            failed: 0,
            authentication: Authentication::new(std::mem::take(&mut request.credentials)),
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

    /// Goes elsewhere, as a new request.
    pub(crate) fn retarget(&mut self, request_uri: UriBuf, flows: Vec<Flow>) {
        self.cseq += 1;
        self.authentication.begin();
        self.failed = 0;
        self.request.request_uri = request_uri;
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
        if matches!(method, Method::Invite | Method::Subscribe) {
            writer.header(HeaderName::Contact, OwnContact { request, flow });
        }
        if *method == Method::Invite {
            writer.header(HeaderName::Allow, Allow(config));
            match config.reliability {
                Reliability::Off => {}
                Reliability::Supported => {
                    writer.header(HeaderName::Supported, RELIABLE);
                }
                Reliability::Required => {
                    writer.header(HeaderName::Require, RELIABLE);
                }
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

/// Our Contact: our user, at the address that the peer sees
/// ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)).
struct OwnContact<'a> {
    request: &'a OutgoingRequest,
    flow: Flow,
}

impl fmt::Display for OwnContact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, flow } = self;
        let first_hop = request.routes.first().unwrap_or(&request.request_uri);
        let is_sips = |uri: &UriBuf| matches!(uri.as_uri(), Uri::Sip(uri) if uri.secure);
        f.write_str(if is_sips(&request.request_uri) || is_sips(first_hop) {
            "<sips:"
        } else {
            "<sip:"
        })?;
        if let Some(user) = &request.contact_user {
            write!(f, "{}@", User(user.as_str()))?;
        }
        match flow.transport {
            Transport::Udp => write!(f, "{}>", flow.local_host()),
            other => write!(f, "{};transport={other}>", flow.local_host()),
        }
    }
}

/// 128 random bits ([RFC 3261 §8.1.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.4)).
fn new_call_id(random: &mut Random) -> Text {
    let text = format!("{}{}", random.token(), random.token());
    Text::new(text).unwrap_or(Text::from_static("0"))
}
