//! A request outside of a dialog, and what stays the same when it is sent again.

use bytes::Bytes;
use offhook_message::{
    Body, HeaderName, Headers, MessageWriter, Method, Text, UriBuf, ValueWriter,
};

use super::address::{Address, User};
use super::request::OutgoingRequest;
use crate::capabilities::Introduction;
use crate::dialog::{Answerer, Dialog};
use crate::digest::{Authentication, Protected};
use crate::fingerprint::Fingerprinter;
use crate::flow::{Flow, Scheme};
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
    /// The value of From.
    from: String,
    /// The user of our Contact, escaped; empty where it has none.
    contact_user: String,
    pub(crate) cseq: u32,
    /// That of the last attempt.
    pub(crate) transaction: Option<Slot>,
    /// Which flow it begins with. The others follow in their order, round about.
    begins_with: usize,
    /// How many of the flows have failed.
    failed: usize,
    pub(crate) authentication: Authentication,
    /// What a REGISTER asks for.
    pub(crate) binding: Option<Binding>,
    /// How long a server is to keep what it is asked for, in seconds; 0 takes it away.
    pub(crate) expires: Option<u32>,
    /// How the compositor names what it has, which a PUBLISH is about
    /// ([RFC 3903 §11.3.2](https://www.rfc-editor.org/rfc/rfc3903#section-11.3.2)).
    pub(crate) entity_tag: Option<Text>,
    /// How long the session of an INVITE is to live without a refresh.
    pub(crate) session_life: Option<SessionLife>,
}

/// What a REGISTER asks for ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    /// Our Contact.
    Own {
        /// Further parameters, each with its semicolon.
        params: String,
    },
    /// The end of all bindings, whosever they are.
    NoneAtAll,
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
        // What leads to somebody is more than who that is.
        if request.to.uri == request.request_uri {
            request.to.uri = request.to.uri.into_address_of_record();
        }
        request.request_uri = request.request_uri.into_request_uri();
        let call_id = call_id.unwrap_or_else(|| new_call_id(random));
        let from_tag = random.token().into();
        let contact_user = request.contact_user.take();
        let contact_user = contact_user.map(|user| User(user.as_str()).to_string());
        Self {
            method,
            call_id,
            from: from(&request.from, &from_tag),
            from_tag,
            contact_user: contact_user.unwrap_or_default(),
            cseq: 1,
            transaction: None,
            begins_with: 0,
            failed: 0,
            authentication: Authentication::new(std::mem::take(&mut request.credentials)),
            binding: None,
            expires: None,
            entity_tag: None,
            session_life: None,
            request,
        }
    }

    /// The flow of the attempt that is to be made.
    pub(crate) fn flow(&self) -> Option<Flow> {
        self.request.flows.get(self.position()?).copied()
    }

    /// Which of the flows that is; `None` where all have failed.
    fn position(&self) -> Option<usize> {
        let count = self.request.flows.len();
        (self.failed < count).then(|| (self.begins_with + self.failed) % count)
    }

    /// Gives up on the flow. False where there is no other. Who is there has challenged nothing yet.
    #[must_use]
    pub(crate) fn next_flow(&mut self) -> bool {
        self.failed += 1;
        self.authentication.begin();
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

    /// Takes the Min-SE of a 422. True where the request is worth another try.
    #[must_use]
    pub(crate) fn take_min_se(&mut self, headers: &Headers) -> bool {
        let Some(life) = &mut self.session_life else {
            return false;
        };
        let Some(seconds) = longer_life(headers, life.seconds, life.refused) else {
            return false;
        };
        life.seconds = seconds;
        life.is_least = true;
        life.refused += 1;
        self.cseq += 1;
        true
    }

    /// Begins a further request of the same conversation, by the best flow.
    pub(crate) fn renew(&mut self) {
        self.start_over();
        self.renew_by_same_flow();
    }

    /// Begins a further request of the same conversation, by the flow of the last one.
    pub(crate) fn renew_by_same_flow(&mut self) {
        self.begins_with = self.position().unwrap_or(self.begins_with);
        self.failed = 0;
        self.cseq += 1;
        self.authentication.begin();
    }

    /// Begins with this flow, where it is one of ours still.
    pub(crate) fn begin_with(&mut self, flow: Flow) {
        let position = self.request.flows.iter().position(|own| *own == flow);
        if let Some(position) = position {
            self.begins_with = position;
            self.failed = 0;
        }
    }

    /// Begins with the best flow again.
    pub(crate) fn start_over(&mut self) {
        self.begins_with = 0;
        self.failed = 0;
    }

    /// Begins a further request that is to make a dialog of its own. The Call-ID stays: who spreads
    /// requests over several cores by it has chosen it.
    pub(crate) fn renew_dialog(&mut self, random: &mut Random) {
        self.renew();
        self.from_tag = random.token().into();
        self.from = from(&self.request.from, &self.from_tag);
    }

    /// Goes by other flows from now on.
    pub(crate) fn relocate(&mut self, flows: Vec<Flow>) {
        self.start_over();
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
        self.request.request_uri = request_uri.into_request_uri();
        self.request.flows = flows;
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.call_id.as_str().as_bytes()
    }

    pub(crate) fn local_tag(&self) -> &Tag {
        &self.from_tag
    }

    /// The value of From.
    pub(crate) fn local(&self) -> &[u8] {
        self.from.as_bytes()
    }

    /// The user of our Contact, escaped; empty where it has none.
    pub(crate) fn contact_user(&self) -> &[u8] {
        self.contact_user.as_bytes()
    }

    /// The dialog that a response makes ([RFC 3261 §12.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.2)); `to` is the
    /// value of its To. Where it has no Contact, the dialog leads to where the request went.
    pub(crate) fn dialog(
        &self,
        fingerprinter: &Fingerprinter,
        answerer: &Answerer<'_>,
        to: &[u8],
    ) -> Dialog {
        let target = answerer.target;
        let texts = [
            self.call_id(),
            self.local(),
            to,
            target.unwrap_or(self.request.request_uri.as_bytes()),
            &answerer.routes(),
            self.contact_user(),
        ];
        let tags = [self.from_tag.as_bytes(), answerer.tag];
        Dialog::new(fingerprinter, texts, tags, self.cseq, None)
    }

    /// The octets of an attempt ([RFC 3261 §8.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1)).
    pub(crate) fn write(&mut self, flow: Flow, branch: Token, own: &Introduction) -> Bytes {
        let body = self.request.body.as_ref().map(Body::content);
        let authorization = self.authentication.authorize(Protected {
            method: self.method.as_str(),
            uri: self.request.request_uri.as_str(),
            body: body.map_or(&b""[..], |body| body),
        });
        let Self {
            method, request, ..
        } = &*self;
        let mut writer = MessageWriter::request(method, &request.request_uri);
        SentBy { flow, branch }.write(&mut writer);
        for route in &request.routes {
            writer.header(HeaderName::Route, format_args!("<{route}>"));
        }
        writer.header_bytes(HeaderName::MaxForwards, b"70");
        writer.header_bytes(HeaderName::From, self.local());
        writer.header_with(HeaderName::To, |value| request.to.write(value));
        writer.header_bytes(HeaderName::CallId, self.call_id());
        writer.cseq(self.cseq, method);
        for header in &authorization {
            writer.extra(header);
        }
        self.write_contact_header(&mut writer, flow);
        if *method == Method::Invite {
            let options = own.recv_info.iter().chain(&own.options);
            for header in [&own.allow].into_iter().chain(options) {
                writer.extra(header);
            }
        }
        if let Some(SessionLife {
            seconds, is_least, ..
        }) = self.session_life
        {
            let seconds = |value: &mut ValueWriter<'_>| value.put_number(seconds.into());
            writer.header_with(HeaderName::SessionExpires, seconds);
            if is_least {
                writer.header_with(HeaderName::MinSe, seconds);
            }
        }
        if let Some(expires) = self.expires {
            writer.header(HeaderName::Expires, expires);
        }
        if let Some(entity_tag) = &self.entity_tag {
            writer.header(HeaderName::SipIfMatch, entity_tag);
        }
        for header in own.user_agent.iter().chain(&request.extra_headers) {
            writer.extra(header);
        }
        match &request.body {
            Some(body) => writer.body(body),
            None => writer.finish(),
        }
    }

    /// The URI of our Contact by that flow.
    pub(crate) fn contact(&self, flow: Flow) -> Option<UriBuf> {
        let text = ValueWriter::text(|value| self.write_contact(value, flow));
        let uri = text.strip_prefix('<')?.strip_suffix('>')?;
        uri.parse().ok()
    }

    /// Our Contact: our user, at the address that the peer sees
    /// ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)).
    fn write_contact(&self, value: &mut ValueWriter<'_>, flow: Flow) {
        let request = &self.request;
        let first_hop = request.routes.first().unwrap_or(&request.request_uri);
        let scheme = Scheme::of([request.request_uri.as_bytes(), first_hop.as_bytes()]);
        flow.write_contact(value, scheme, self.contact_user());
    }

    /// Our Contact where the method needs one, and what a REGISTER says of it.
    fn write_contact_header(&self, writer: &mut MessageWriter, flow: Flow) {
        match &self.binding {
            Some(Binding::Own { params }) => {
                writer.header_with(HeaderName::Contact, |value| {
                    self.write_contact(value, flow);
                    value.put(params.as_bytes());
                    if let Some(expires) = self.expires {
                        value.put(b";expires=");
                        value.put_number(expires.into());
                    }
                });
            }
            Some(Binding::NoneAtAll) => {
                writer.header(HeaderName::Contact, "*");
            }
            None if matches!(self.method, Method::Invite | Method::Subscribe) => {
                writer.header_with(HeaderName::Contact, |value| self.write_contact(value, flow));
            }
            None => {}
        }
    }
}

/// Our Via ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1), RFC 3581 §3).
pub(crate) struct SentBy {
    pub(crate) flow: Flow,
    pub(crate) branch: Token,
}

impl SentBy {
    pub(crate) fn write(&self, writer: &mut MessageWriter) {
        writer.header_with(HeaderName::Via, |value| {
            value.put(b"SIP/2.0/");
            value.put(self.flow.transport.as_str().as_bytes());
            value.put(b" ");
            self.flow.write_local(value);
            value.put(b";branch=z9hG4bK");
            value.put(&self.branch.digits());
            value.put(b";rport");
        });
    }
}

fn from(address: &Address, tag: &Tag) -> String {
    ValueWriter::text(|value| {
        address.write(value);
        value.put(b";tag=");
        value.put(tag.as_bytes());
    })
}

/// 128 random bits ([RFC 3261 §8.1.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.4)).
fn new_call_id(random: &mut Random) -> Text {
    let digits = [random.token(), random.token()].map(Token::digits).concat();
    let text = String::from_utf8(digits).ok();
    let text = text.and_then(|text| Text::new(text).ok());
    text.unwrap_or(Text::from_static("0"))
}

/// How long the session of a request is to live that got 422, where it is worth another try: that asks for more, and
/// has not done so too often ([RFC 4028 §7.4](https://www.rfc-editor.org/rfc/rfc4028#section-7.4)).
pub(crate) fn longer_life(headers: &Headers, seconds: u32, refused: u8) -> Option<u32> {
    let least = headers.min_se().ok().flatten()?;
    let is_longer = least > seconds && least <= MOST_SECONDS && refused < MOST_REFUSED;
    is_longer.then_some(least)
}

/// How often a session may be too short for somebody on the way.
const MOST_REFUSED: u8 = 3;

/// A day: a peer that wants no less wants no timer.
const MOST_SECONDS: u32 = 86_400;
