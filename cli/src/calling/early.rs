use std::net::SocketAddr;

use offhook::{Progress, SessionEvent, message::Response};

use crate::negotiation::{Handler, change};

/// What callees say of their media before the call is answered, each in the dialog that it has made.
#[derive(Default)]
pub(super) struct Early {
    said: Vec<Said>,
    /// Whose change the media has taken last, where nobody else is heard since.
    changed: Option<Vec<u8>>,
}

/// What one callee has said last.
struct Said {
    tag: Vec<u8>,
    description: Vec<u8>,
    /// Whether it has changed that by UPDATE: a 2xx would only repeat what it said first.
    is_changed: bool,
}

impl Early {
    /// What a provisional response says that was not said before. Where several callees describe themselves, the last is
    /// heard.
    pub(super) fn hear<'a>(&mut self, progress: &'a Progress) -> Option<&'a [u8]> {
        // There are up to so many sessions, and any number of other responses.
        progress.session.as_ref()?;
        let tag = progress.message.headers().to_tag()?;
        let description = progress.message.session_description()?;
        self.describe(tag, description).then_some(description)
    }

    /// Something that the callee wants before it answers: another session, or nothing that it gets.
    pub(super) fn serve(&mut self, event: SessionEvent, media: &mut Handler, agent: SocketAddr) {
        let SessionEvent::Offer(offer) = event else {
            return;
        };
        let message = offer.message();
        let tag = message.headers().from_tag().unwrap_or_default().to_vec();
        let description = message.session_description().map(<[u8]>::to_vec);
        if change(offer, &mut **media, agent) {
            self.change(tag, description);
        }
    }

    /// The answer that holds for the call, from the 2xx or from what was said before it; `None` where the media has it
    /// already.
    pub(super) fn answer<'a>(&'a self, accepted: &'a Response) -> Option<&'a [u8]> {
        self.answer_of(accepted.headers().to_tag(), accepted.session_description())
    }

    /// Whether that is news.
    fn describe(&mut self, tag: &[u8], description: &[u8]) -> bool {
        if self.said.iter().any(|said| said.tag == tag) {
            return false; // RFC 3261 §13.2.1: the first counts.
        }
        self.said.push(Said {
            tag: tag.to_vec(),
            description: description.to_vec(),
            is_changed: false,
        });
        self.changed = None;
        true
    }

    fn change(&mut self, tag: Vec<u8>, description: Option<Vec<u8>>) {
        let said = self.said.iter_mut().find(|said| said.tag == tag);
        if let (Some(said), Some(description)) = (said, description) {
            (said.description, said.is_changed) = (description, true);
            self.changed = Some(tag);
        }
    }

    fn answer_of<'a>(&'a self, tag: Option<&[u8]>, accepted: Option<&'a [u8]>) -> Option<&'a [u8]> {
        let said = self.said.iter().find(|said| Some(&said.tag[..]) == tag);
        match said {
            Some(said) if said.is_changed => {
                let is_heard = self.changed.as_deref() == tag;
                (!is_heard).then_some(&said.description)
            }
            Some(said) => Some(accepted.unwrap_or(&said.description)),
            None => Some(accepted.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_follows_who_answers() {
        let mut early = Early::default();
        assert!(early.describe(b"a", b"a's first"));
        assert!(!early.describe(b"a", b"a's second"));
        assert_eq!(early.answer_of(Some(b"a"), None), Some(&b"a's first"[..]));
        early.change(b"a".to_vec(), Some(b"a's change".to_vec()));
        let repeated = Some(&b"a's first"[..]);
        assert_eq!(early.answer_of(Some(b"a"), repeated), None);

        // From here on b is heard.
        assert!(early.describe(b"b", b"b's first"));
        let changed = Some(&b"a's change"[..]);
        assert_eq!(early.answer_of(Some(b"a"), repeated), changed);
        assert_eq!(early.answer_of(Some(b"b"), None), Some(&b"b's first"[..]));
        assert_eq!(early.answer_of(Some(b"c"), None), Some(&b""[..]));
    }
}
