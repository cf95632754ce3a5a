//! Dialogs that are written down and read again.

use offhook_message::NameAddr;

use super::Dialog;
use crate::fingerprint::Fingerprinter;

/// All that makes a dialog ([RFC 3261 §12](https://www.rfc-editor.org/rfc/rfc3261#section-12)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DialogParts {
    /// Call-ID, From, To, target, route set and the user of our Contact.
    pub(crate) texts: [Vec<u8>; 6],
    pub(crate) local_cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
}

impl Dialog {
    pub(crate) fn parts(&self) -> DialogParts {
        use super::Text::{CallId, ContactUser, Local, Remote, Routes, Target};
        let texts = [CallId, Local, Remote, Target, Routes, ContactUser];
        DialogParts {
            texts: texts.map(|text| self.text(text).to_vec()),
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
        }
    }
}

impl DialogParts {
    /// Whether requests can be found for such a dialog. Whether its target is an address is seen when
    /// one is sent.
    pub(crate) fn is_sound(&self) -> bool {
        let [call_id, local, remote, ..] = &self.texts;
        let is_word = !call_id.is_empty() && !call_id.iter().any(u8::is_ascii_whitespace);
        let has_tag = name(local).is_some_and(|local| local.tag().is_some());
        let numbers = [Some(self.local_cseq), self.remote_cseq];
        let are_numbers = numbers.into_iter().flatten().all(|it| it <= HIGHEST);
        is_word && has_tag && name(remote).is_some() && are_numbers
    }

    pub(crate) fn into_dialog(self, fingerprinter: &Fingerprinter) -> Dialog {
        let texts = self.texts.each_ref().map(Vec::as_slice);
        let [_, local, remote, ..] = texts;
        let tags = [local, remote].map(|text| name(text).and_then(|it| it.tag()));
        let tags = tags.map(Option::unwrap_or_default);
        Dialog::new(
            fingerprinter,
            texts,
            tags,
            self.local_cseq,
            self.remote_cseq,
        )
    }
}

/// The value of a From or To.
fn name(text: &[u8]) -> Option<NameAddr<'_>> {
    NameAddr::parse_list(text).next()?.ok()
}

/// A CSeq is below 2^31 ([RFC 3261 §8.1.1.5](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.5)).
const HIGHEST: u32 = (1 << 31) - 1;
