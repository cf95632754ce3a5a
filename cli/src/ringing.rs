//! A call that will be answered, from its INVITE to our 200.

use std::{pin::pin, time::Duration};

use offhook::{
    Error, Invitation, ResponseOptions, SessionEvent, VerbError,
    message::{Body, Provisional},
};
use offhook_media::DescriptionError;
use tokio::time::sleep;

use crate::{
    answering::Answering,
    negotiation::{change, refuse},
    over::Over,
    talk::take_inside,
};

/// The call, and its media. A step that fails ends it.
pub(crate) struct Ringing {
    pub(crate) invitation: Invitation,
    pub(crate) answering: Answering,
    /// Ours, once a response was to have it. An answer of ours is given once.
    description: Option<Body>,
    /// Whether the ACK is to bring the answer to our offer.
    pub(crate) is_answer_due: bool,
}

impl Ringing {
    /// Takes the caller's offer, where the INVITE makes one.
    pub(crate) fn new(invitation: Invitation, mut answering: Answering) -> Result<Self, Over> {
        let offer = invitation.message().session_description();
        let is_answer_due = offer.is_none();
        let taken = offer.map(|offer| answering.handler.set_description(offer));
        if let Some(Err(error)) = taken {
            return Err(refuse(invitation, &error));
        }
        Ok(Self {
            invitation,
            answering,
            description: None,
            is_answer_due,
        })
    }

    /// 180, and a wait. A caller that takes reliable responses alone gets our offer in it, where it made none
    /// ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)).
    pub(crate) async fn ring(mut self, wait: Duration) -> Result<Self, Over> {
        match self.invitation.progress(Provisional::RINGING) {
            Err(Error::Verb(VerbError::NoBody)) => {
                self = self.describe(Provisional::RINGING)?;
            }
            progressed => drop(progressed?),
        }
        self.wait(wait).await
    }

    /// 183 with our description, and a wait: there is audio before the 200. A caller that made no offer and takes no
    /// reliable response gets ours with the 200, for this one may get lost
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    pub(crate) async fn progress(self, wait: Duration) -> Result<Self, Over> {
        let ringing = self.describe(Provisional::SESSION_PROGRESS)?;
        ringing.wait(wait).await
    }

    /// The description of the 200.
    pub(crate) fn description(mut self) -> Result<(Self, Body), Over> {
        let made = match &self.description {
            Some(description) => Ok(description.clone()),
            None => self.answering.handler.description(),
        };
        match made {
            Ok(description) => {
                self.description = Some(description.clone());
                Ok((self, description))
            }
            Err(error) => Err(refuse(self.invitation, &error)),
        }
    }

    /// Sends a provisional response with our description, where it may have it.
    fn describe(self, status: Provisional) -> Result<Self, Over> {
        let (mut ringing, description) = self.description()?;
        let response = ResponseOptions::new(status).reliably();
        let described = response.clone().with_body(description);
        match ringing.invitation.progress(described) {
            // An offer may get lost in it, or it was said before.
            Err(Error::Verb(VerbError::UnreliableOffer | VerbError::Described)) => {
                ringing.invitation.progress(response)?;
            }
            progressed => {
                progressed?;
                ringing.is_answer_due = false;
            }
        }
        Ok(ringing)
    }

    /// Waits, and serves what the caller wants meanwhile.
    async fn wait(mut self, wait: Duration) -> Result<Self, Over> {
        // The runtime's clock has steps of 1 ms: a sleep of no time would take one.
        if wait.is_zero() {
            return Ok(self);
        }
        let mut over = pin!(sleep(wait));
        loop {
            let event = tokio::select! {
                biased;
                event = self.invitation.event() => event,
                () = &mut over => return Ok(self),
            };
            let event = event.map_err(|cancelled| Over::unanswered(&cancelled))?;
            if let Err(error) = self.serve(event) {
                return Err(refuse(self.invitation, &error));
            }
        }
    }

    fn serve(&mut self, event: SessionEvent) -> Result<(), DescriptionError> {
        let media = &mut self.answering.handler;
        match event {
            SessionEvent::Offer(offer) => {
                change(offer, &mut **media, self.invitation.flow().local);
            }
            SessionEvent::Prack(prack) => {
                media.confirmed();
                if let Some(answer) = prack.session_description() {
                    return media.set_answer(answer);
                }
            }
            SessionEvent::Request(request) => take_inside(request, &self.answering),
            // Nothing of ours is answered here.
            _ => {}
        }
        Ok(())
    }
}
