//! Answers that the core gives by itself.

use bytes::Bytes;
use offhook_message::{Header, HeaderError, HeaderName, Request, StatusCode, Text};

use super::{open_transaction, to_tag_of};
use crate::incoming::Incoming;
use crate::random::Token;
use crate::respond;
use crate::slot::Slot;
use crate::sources::Admission;
use crate::state::State;
use crate::tag::Tag;

/// A final response without a body.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    reason_phrase: Option<Text>,
    headers: Vec<Header>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason_phrase: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        let text = Text::new(value).ok();
        self.headers
            .extend(text.map(|text| Header::known(name, text)));
        self
    }

    /// 400 whose reason phrase says what is wrong.
    pub(crate) fn bad_request(reason: &str) -> Self {
        Self {
            reason_phrase: Text::new(reason).ok(),
            ..Self::new(StatusCode::BAD_REQUEST)
        }
    }

    /// 503 with Retry-After: a table is full, or the server is about to stop.
    pub(crate) fn overload(state: &mut State) -> Self {
        state.totals.overload += 1;
        let seconds = state.refusing.unwrap_or(state.config.limits.retry_after);
        Self::new(StatusCode::SERVICE_UNAVAILABLE)
            .with_header(HeaderName::RetryAfter, &seconds.to_string())
    }

    /// Answers a request and forgets it
    /// ([RFC 3261 §8.2.7](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.7)). A repetition gets the same answer, To tag
    /// included. A source that asks too much gets 503, and then nothing.
    pub(crate) fn statelessly(self, state: &mut State, incoming: &Incoming) {
        let source = incoming.flow.remote;
        match state.sources.charge(state.timers.now(), source) {
            Admission::Serve => self.send_once(state, incoming),
            Admission::Refuse => Self::overload(state).send_once(state, incoming),
            Admission::Ignore => state.totals.shed += 1,
        }
    }

    /// Sends it, whatever its source has asked before.
    pub(super) fn send_once(self, state: &mut State, incoming: &Incoming) {
        let tag = stable_tag(state, &incoming.request);
        let bytes = self.write(state, incoming, &tag);
        state.totals.responses += 1;
        state.outbox.transmit(incoming.response_flow(), bytes, None);
    }

    /// Answers a request through a transaction: inside a dialog a repetition could be taken for
    /// something new.
    pub(crate) fn statefully(self, state: &mut State, incoming: &Incoming, tag: Tag) {
        let bytes = self.write(state, incoming, &tag);
        let transaction = open_transaction(state, incoming, None, tag);
        state.server(transaction).respond(self.status, bytes);
    }

    /// Answers a request that has its transaction already.
    pub(crate) fn through(self, state: &mut State, incoming: &Incoming, transaction: Slot) {
        let found = state.servers.get(transaction);
        let tag = found.map_or_else(|| to_tag_of(incoming), |found| found.to_tag.clone());
        let bytes = self.write(state, incoming, &tag);
        state.server(transaction).respond(self.status, bytes);
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    fn write(&self, state: &State, incoming: &Incoming, tag: &Tag) -> Bytes {
        let mut writer = respond::begin(
            incoming,
            self.status,
            self.reason_phrase.as_ref(),
            Some(tag),
        );
        for header in &self.headers {
            writer.extra(header);
        }
        state.introduction.write_user_agent(&mut writer);
        writer.finish()
    }
}

impl From<HeaderError> for Reply {
    fn from(error: HeaderError) -> Self {
        Self::bad_request(&error.to_string())
    }
}

/// The To tag of an answer that is not remembered: a keyed hash of what a repetition repeats.
fn stable_tag(state: &State, request: &Request) -> Tag {
    let headers = request.headers();
    let raw = |name| headers.raw(name).unwrap_or_default();
    let hash = state.fingerprinter.of([
        b"tag",
        raw(HeaderName::CallId),
        raw(HeaderName::From),
        raw(HeaderName::CSeq),
        raw(HeaderName::Via),
    ]);
    Token(hash.half()).into()
}
