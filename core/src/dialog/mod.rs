//! Dialogs ([RFC 3261 §12](https://www.rfc-editor.org/rfc/rfc3261#section-12)).

mod answerer;
mod at_subscriber;
mod offer_answer;
mod path;
mod snapshot;

pub(crate) use answerer::Answerer;
pub(crate) use offer_answer::{OfferAnswer, is_session_description};
pub(crate) use path::Path;
pub(crate) use snapshot::DialogParts;

use offhook_message::{Contact, HeaderName, Headers};

use crate::fingerprint::{Fingerprint, Fingerprinter};
use crate::flow::Scheme;
use crate::incoming::Incoming;
use crate::tag::Tag;

/// A relation between two user agents: who they are, where the peer is, and what was numbered last.
///
/// The texts lie one behind the other in one allocation, because a server holds many dialogs and
/// reads each rarely.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) id: Fingerprint,
    texts: Box<[u8]>,
    /// Where each text ends but the last.
    ends: [u32; 5],
    local_cseq: u32,
    /// `None` before the first request of the peer.
    remote_cseq: Option<u32>,
}

/// The texts of a dialog, in their order.
#[derive(Clone, Copy)]
enum Text {
    CallId,
    Local,
    Remote,
    Target,
    Routes,
    ContactUser,
}

impl Dialog {
    /// A dialog of these texts, in the order of [`Text`], and of our tag and the peer's.
    pub(crate) fn new(
        fingerprinter: &Fingerprinter,
        texts: [&[u8]; 6],
        [local_tag, remote_tag]: [&[u8]; 2],
        local_cseq: u32,
        remote_cseq: Option<u32>,
    ) -> Self {
        let [call_id, ..] = texts;
        let id = dialog_id(fingerprinter, call_id, local_tag, remote_tag);
        let (texts, ends) = join(texts);
        Self {
            id,
            texts,
            ends,
            local_cseq,
            remote_cseq,
        }
    }

    /// The dialog that a response to `invite` makes or would make at the UAS
    /// ([RFC 3261 §12.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.1)).
    pub(crate) fn at_server(fingerprinter: &Fingerprinter, invite: &Incoming, tag: &Tag) -> Self {
        let headers = invite.request.headers();
        let to = headers.raw(HeaderName::To).unwrap_or_default();
        let local = [to, b";tag=", tag.as_bytes()].concat();
        let target = invite.target().or_else(|| remote_target(headers));
        let texts = [
            invite.call_id(),
            &local,
            headers.raw(HeaderName::From).unwrap_or_default(),
            target.unwrap_or_default(),
            &route_set(headers),
            invite.user().unwrap_or_default(),
        ];
        let tags = [tag.as_bytes(), invite.remote_tag().unwrap_or_default()];
        Self::new(fingerprinter, texts, tags, 0, Some(invite.cseq()))
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.text(Text::CallId)
    }

    /// Our From: display name, URI and tag as the peer knows them.
    pub(crate) fn local(&self) -> &[u8] {
        self.text(Text::Local)
    }

    /// The peer's To.
    pub(crate) fn remote(&self) -> &[u8] {
        self.text(Text::Remote)
    }

    /// Where the peer is.
    pub(crate) fn target(&self) -> &[u8] {
        self.text(Text::Target)
    }

    /// The user of our Contact, escaped; empty where it has none. It stays what the first of them said: a peer
    /// that reads it anew is not to ask for somebody else ([RFC 3261 §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).
    pub(crate) fn contact_user(&self) -> &[u8] {
        self.text(Text::ContactUser)
    }

    /// The way of our requests.
    pub(crate) fn path(&self) -> Path<'_> {
        Path::new(self.text(Text::Target), self.text(Text::Routes))
    }

    /// Takes the Contact of a request or response that was accepted
    /// ([RFC 3261 §12.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2)). One of a response that is too long is no
    /// news; a request with it was refused.
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        let Some(Ok(Contact::Address(contact))) = headers.contacts().next() else {
            return;
        };
        if contact.uri_bytes().len() <= MOST_OCTETS {
            self.lead(Some(contact.uri_bytes()), None);
        }
    }

    /// Leads to this target by these routes from now on. What is `None` stays.
    fn lead(&mut self, target: Option<&[u8]>, routes: Option<&[u8]>) {
        let text = |text| self.text(text);
        let before = (text(Text::Target), text(Text::Routes));
        let now = (target.unwrap_or(before.0), routes.unwrap_or(before.1));
        if now != before {
            let [call_id, local, remote] = [Text::CallId, Text::Local, Text::Remote].map(text);
            let user = text(Text::ContactUser);
            let (texts, ends) = join([call_id, local, remote, now.0, now.1, user]);
            self.texts = texts;
            self.ends = ends;
        }
    }

    /// The number of our last request.
    pub(crate) fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The number of our next request.
    pub(crate) fn next_cseq(&self) -> u32 {
        self.local_cseq + 1
    }

    /// That request is written: one that cannot be takes no number.
    pub(crate) fn take_next_cseq(&mut self) {
        self.local_cseq += 1;
    }

    /// Takes the number of a request from the peer. False where it is not above the last one
    /// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)); gaps are fine.
    #[must_use]
    pub(crate) fn take_cseq(&mut self, number: u32) -> bool {
        let is_next = self.remote_cseq.is_none_or(|last| number > last);
        if is_next {
            self.remote_cseq = Some(number);
        }
        is_next
    }

    fn text(&self, text: Text) -> &[u8] {
        let index = text as usize;
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let end = self.ends.get(index).map(|end| *end as usize);
        let range = start.map_or(0, |start| *start as usize)..end.unwrap_or(self.texts.len());
        self.texts.get(range).unwrap_or_default()
    }
}

/// The key of a dialog: Call-ID, our tag, the peer's tag (empty for a peer of RFC 2543).
pub(crate) fn dialog_id(
    fingerprinter: &Fingerprinter,
    call_id: &[u8],
    local_tag: &[u8],
    remote_tag: &[u8],
) -> Fingerprint {
    fingerprinter.of([b"dialog", call_id, local_tag, remote_tag])
}

/// The length of the headers that a dialog keeps parts of, where it is made or moved.
pub(crate) fn kept_octets(headers: &Headers) -> usize {
    let kept = headers.select(|name| {
        matches!(
            name,
            HeaderName::CallId
                | HeaderName::From
                | HeaderName::To
                | HeaderName::Contact
                | HeaderName::RecordRoute
        )
    });
    kept.map(|field| field.value.len()).sum()
}

/// Where requests in the dialog go: the URI of the Contact, or that of From for a peer of RFC 2543
/// that sent none.
fn remote_target(headers: &Headers) -> Option<&[u8]> {
    let contact = headers.contacts().find_map(Result::ok);
    if let Some(Contact::Address(address)) = contact {
        return Some(address.uri_bytes());
    }
    headers.from().ok().map(|from| from.uri_bytes())
}

/// The Record-Route of an INVITE in its order, as one header value.
fn route_set(headers: &Headers) -> Vec<u8> {
    let lines = headers.all(HeaderName::RecordRoute);
    let values: Vec<_> = lines.map(|field| field.value).collect();
    values.join(&b", "[..])
}

/// Texts one behind the other, and where each ends but the last.
fn join(texts: [&[u8]; 6]) -> (Box<[u8]>, [u32; 5]) {
    let [before @ .., _] = texts;
    let mut length = 0;
    let ends = before.map(|text| {
        length += text.len();
        u32::try_from(length).unwrap_or(u32::MAX)
    });
    (texts.concat().into_boxed_slice(), ends)
}

/// The scheme of our Contact: `sips` where the INVITE came by a `sips` URI, or its topmost
/// Record-Route or else its Contact is one ([RFC 3261 §12.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.1)).
pub(crate) fn contact_scheme(invite: &Incoming) -> Scheme {
    let headers = invite.request.headers();
    let first_hop = match headers.record_routes().next() {
        Some(record_route) => record_route.ok().map(|address| address.uri_bytes()),
        None => invite.target().or_else(|| headers.contact_uri_bytes()),
    };
    Scheme::of([invite.request.uri_bytes()].into_iter().chain(first_hop))
}

/// How long those may be together, with the Request-URI. A call is held for hours, with all of it.
pub(crate) const MOST_OCTETS: usize = 16 << 10;
