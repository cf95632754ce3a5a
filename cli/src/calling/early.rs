use std::net::SocketAddr;

use offhook::{Progress, SessionEvent, message::StatusCode};
use offhook_media::{DescriptionError, SessionDescriptionHandler};
use tracing::warn;

use crate::negotiation::{Handler, change};

/// The callees that have described themselves before the call is answered, each in a dialog of its own: what is agreed with
/// one of them binds no other ([RFC 6337 §3.1](https://www.rfc-editor.org/rfc/rfc6337#section-3.1)). The last that said
/// something is heard, and stands last.
#[derive(Default)]
pub(super) struct Early(Vec<Callee>);

struct Callee {
    tag: Vec<u8>,
    /// None where the first description is of no use, though that of the 2xx may be, and once the callee has given up.
    media: Option<Handler>,
    /// Whether the description of the INVITE holds no more, which a 2xx repeats.
    is_changed: bool,
}

impl Early {
    /// Takes what a provisional response says that was not said before, as an answer to our offer.
    pub(super) fn hear(
        &mut self,
        progress: &Progress,
        offering: &mut dyn SessionDescriptionHandler,
    ) {
        let headers = progress.message.headers();
        if progress.message.status() == StatusCode::EARLY_DIALOG_TERMINATED {
            return self.lose(headers.to_tag().unwrap_or_default(), offering);
        }
        // There are up to so many sessions, and any number of other responses.
        if let (Some(_), Some(tag), Some(description)) = (
            &progress.session,
            headers.to_tag(),
            progress.message.session_description(),
        ) {
            self.describe(tag, description, offering);
        }
    }

    /// None of them answers any more: the call goes elsewhere. Where none was heard, whoever comes next is.
    pub(super) fn leave(&mut self, offering: &mut dyn SessionDescriptionHandler) {
        if std::mem::take(&mut self.0)
            .iter()
            .any(|it| it.media.is_some())
        {
            offering.leave_peer();
        }
    }

    /// Something that the callee wants before it answers: another session, or nothing that it gets.
    pub(super) fn serve(&mut self, event: SessionEvent, agent: SocketAddr) {
        let SessionEvent::Offer(offer) = event else {
            return;
        };
        let tag = offer.message().headers().from_tag();
        let Some(place) = tag.and_then(|tag| self.place(tag)) else {
            return;
        };
        let mut callee = self.0.remove(place);
        if let Some(media) = &mut callee.media {
            callee.is_changed |= change(offer, &mut **media, agent);
        }
        self.0.push(callee);
    }

    /// The media of the callee that has accepted the call with this tag, from now on the only one, if its answer is of use.
    pub(super) fn accepted(
        mut self,
        tag: Option<&[u8]>,
        answer: Option<&[u8]>,
        offering: &dyn SessionDescriptionHandler,
    ) -> Result<Handler, DescriptionError> {
        let place = tag.and_then(|tag| self.place(tag));
        let callee = place.map(|place| self.0.remove(place));
        let is_changed = callee.as_ref().is_some_and(|callee| callee.is_changed);
        let (mut media, is_agreed) = match callee.and_then(|callee| callee.media) {
            Some(media) => (media, is_changed || answer.is_none()),
            None => (offering.fork()?, false),
        };
        if is_agreed {
            // Another may have been heard since.
            media.rollback_description();
        } else {
            media.set_answer(answer.unwrap_or_default())?;
        }
        Ok(media)
    }

    fn describe(
        &mut self,
        tag: &[u8],
        description: &[u8],
        offering: &dyn SessionDescriptionHandler,
    ) {
        if self.place(tag).is_some() {
            return; // RFC 3261 §13.2.1: the first counts.
        }
        let taken = offering.fork().and_then(|mut media| {
            media.set_answer(description)?;
            Ok(media)
        });
        if let Err(error) = &taken {
            warn!(%error, "nothing is heard before the call is answered");
        }
        self.0.push(Callee {
            tag: tag.to_vec(),
            media: taken.ok(),
            is_changed: false,
        });
    }

    /// This callee has given up ([RFC 6228](https://www.rfc-editor.org/rfc/rfc6228)): who was heard before is heard again.
    fn lose(&mut self, tag: &[u8], offering: &mut dyn SessionDescriptionHandler) {
        let Some(callee) = self.0.iter_mut().find(|callee| callee.tag == tag) else {
            return;
        };
        callee.media = None;
        match self.0.iter_mut().rev().find_map(|it| it.media.as_mut()) {
            Some(media) => media.rollback_description(),
            None => offering.leave_peer(),
        }
    }

    fn place(&self, tag: &[u8]) -> Option<usize> {
        self.0.iter().position(|callee| callee.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use offhook_media::BareHandler;

    use super::*;

    fn description(formats: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP {formats}\r\n"
        )
    }

    #[test]
    fn what_one_callee_agrees_to_binds_no_other() {
        let (one, other) = (description("0"), description("8"));
        let called = || {
            let mut offering = BareHandler::new([192, 0, 2, 9].into());
            offering.description().unwrap();
            let mut early = Early::default();
            early.describe(b"a", one.as_bytes(), &offering);
            // Its second is none.
            early.describe(b"a", b"", &offering);
            let a = &mut early.0[0];
            let media = a.media.as_mut().unwrap();
            media.set_description(one.as_bytes()).unwrap();
            media.description().unwrap();
            a.is_changed = true;
            early.describe(b"b", other.as_bytes(), &offering);
            // Nor is one that comes after one of no use.
            early.describe(b"d", b"", &offering);
            early.describe(b"d", one.as_bytes(), &offering);
            assert!(early.0.len() == 3 && early.0[2].media.is_none());
            (early, offering)
        };
        for (tag, answer, is_taken) in [
            // What it repeats counts no more.
            ("a", Some(other.as_bytes()), true),
            ("b", None, true),
            ("b", Some(other.as_bytes()), true),
            ("c", Some(other.as_bytes()), true),
            ("c", None, false),
            ("d", Some(other.as_bytes()), true),
            ("d", None, false),
        ] {
            let (early, offering) = called();
            let taken = early.accepted(Some(tag.as_bytes()), answer, &offering);
            assert_eq!(taken.is_ok(), is_taken, "{tag} {answer:?}");
        }
    }
}
