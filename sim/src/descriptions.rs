//! What an end takes the session to be.

use std::fmt::Write;

/// The session descriptions of one end: what is agreed on, and what it has offered.
#[derive(Clone, Debug)]
pub(crate) struct Descriptions {
    /// Our first one, which every other one is made of.
    template: &'static str,
    version: u32,
    /// The offer of the peer's in an INVITE that is not answered yet.
    pub(crate) asked: Option<String>,
    /// Our offer that is not answered yet.
    pub(crate) offered: Option<String>,
    pub(crate) agreed: Option<Agreed>,
}

/// Two descriptions that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Descriptions {
    pub(crate) fn new(template: &'static str) -> Self {
        Self {
            template,
            version: 1,
            asked: None,
            offered: None,
            agreed: None,
        }
    }

    /// An offer that we have never made before.
    pub(crate) fn offer(&mut self, direction: &str) -> String {
        self.version += 1;
        let version = format!(" 1 {} IN", self.version);
        let mut offer = self.template.replacen(" 1 1 IN", &version, 1);
        let _ = write!(offer, "a={direction}\r\n");
        self.offered = Some(offer.clone());
        offer
    }

    /// Our answer to an offer. It says what we said before, but for the direction.
    pub(crate) fn answer(&mut self, theirs: &str) -> String {
        let ours = self.agreed.as_ref().map(|agreed| agreed.ours.as_str());
        let ours = ours.unwrap_or(self.template);
        let mut ours = ours.split("a=").next().unwrap_or_default().to_owned();
        if theirs.contains("a=sendonly") {
            ours.push_str("a=recvonly\r\n");
        }
        self.agree(&ours, theirs);
        ours
    }

    /// What we say to a request that changes the session: an answer, or an offer where it makes
    /// none. What is agreed on already stays as it is.
    pub(crate) fn treat(&mut self, theirs: &str) -> String {
        match &self.agreed {
            _ if theirs.is_empty() => self.offer("sendrecv"),
            Some(agreed) if agreed.theirs == theirs => agreed.ours.clone(),
            _ => self.answer(theirs),
        }
    }

    /// A description of ours in a response to INVITE: an answer, or an offer where it made none.
    pub(crate) fn describe(&mut self, body: &str) {
        match self.asked.take() {
            Some(theirs) => self.agree(body, &theirs),
            None if self.agreed.is_none() => self.offered = Some(body.to_owned()),
            None => {}
        }
    }

    /// The peer describes the session: it answers us, or it says nothing new.
    pub(crate) fn hear(&mut self, theirs: &str) {
        if let Some(ours) = self.offered.take_if(|_| !theirs.is_empty()) {
            self.agree(&ours, theirs);
        }
    }

    pub(crate) fn agree(&mut self, ours: &str, theirs: &str) {
        self.agreed = Some(Agreed {
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
        });
    }
}
