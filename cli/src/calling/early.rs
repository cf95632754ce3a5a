use std::net::SocketAddr;

use offhook::{Progress, SessionEvent, message::Response};

use crate::negotiation::{Handler, change};

/// What callees say of their media before the call is answered, each in the dialog that it has made.
#[derive(Default)]
pub(super) struct Early {
    said: Vec<Said>,
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
        if self.said.iter().any(|said| said.tag == tag) {
            return None; // RFC 3261 §13.2.1: the first counts.
        }
        self.said.push(Said {
            tag: tag.to_vec(),
            description: description.to_vec(),
            is_changed: false,
        });
        Some(description)
    }

    /// Something that the callee wants before it answers: another session, or nothing that it gets.
    pub(super) fn serve(&mut self, event: SessionEvent, media: &mut Handler, agent: SocketAddr) {
        let SessionEvent::Offer(offer) = event else {
            return;
        };
        let tag = offer.message().headers().from_tag().unwrap_or_default();
        let said = self.said.iter_mut().find(|said| said.tag == tag);
        if let Some(said) = said {
            said.is_changed = true;
        }
        change(offer, &mut **media, agent);
    }

    /// The answer that holds for the call, from the 2xx or from what was said before it; `None` where the media has it
    /// already.
    pub(super) fn answer<'a>(&'a self, accepted: &'a Response) -> Option<&'a [u8]> {
        let tag = accepted.headers().to_tag();
        let said = self.said.iter().find(|said| Some(&said.tag[..]) == tag);
        if said.is_some_and(|said| said.is_changed) {
            return None;
        }
        let early = said.map(|said| &said.description[..]);
        Some(accepted.session_description().or(early).unwrap_or_default())
    }
}
