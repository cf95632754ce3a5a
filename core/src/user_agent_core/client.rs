//! What the core does as a client.

use std::time::Instant;

use offhook_message::Method;

use super::UserAgentCore;
use crate::client_event::RequestError;
use crate::id::{
    OutgoingInviteId, OutgoingRequestId, PublicationId, RegistrationId, SubscriptionId,
};
use crate::outgoing::{
    OutgoingRequest, PublicationOptions, RegistrationOptions, SubscriptionOptions,
};
use crate::uac::{
    self, InviteUserAgentClient, PublishUserAgentClient, RegisterUserAgentClient,
    SubscribeUserAgentClient,
};

impl UserAgentCore {
    /// Places a call: sends an INVITE. What becomes of it is told by
    /// [`Event::OutgoingInvite`](crate::Event::OutgoingInvite).
    pub fn invite(
        &mut self,
        now: Instant,
        request: OutgoingRequest,
    ) -> Result<OutgoingInviteId, RequestError> {
        uac::invite::start(self.at(now), request)
    }

    /// A call of ours that is not answered yet. `None` where it is answered or over.
    pub fn invite_client(
        &mut self,
        now: Instant,
        id: OutgoingInviteId,
    ) -> Option<InviteUserAgentClient<'_>> {
        InviteUserAgentClient::new(self.at(now), id)
    }

    /// Sends a request outside of a dialog that makes none: OPTIONS, MESSAGE, REGISTER, PUBLISH.
    /// Each response is told by [`Event::Response`](crate::Event::Response).
    ///
    /// # Errors
    ///
    /// [`RequestError::NotAlone`] for INVITE, which [`invite`](Self::invite) sends, and for ACK, CANCEL, BYE and PRACK,
    /// which belong to a dialog or transaction.
    pub fn request(
        &mut self,
        now: Instant,
        method: Method,
        request: OutgoingRequest,
    ) -> Result<OutgoingRequestId, RequestError> {
        uac::request::start(self.at(now), method, request)
    }

    /// Registers an address, and keeps it registered. What becomes of it is told by
    /// [`Event::Registration`](crate::Event::Registration).
    pub fn register(
        &mut self,
        now: Instant,
        options: RegistrationOptions,
    ) -> Result<RegistrationId, RequestError> {
        self.stays()?;
        uac::register::start(self.at(now), options)
    }

    /// A registration. `None` where it is over.
    pub fn register_client(
        &mut self,
        now: Instant,
        id: RegistrationId,
    ) -> Option<RegisterUserAgentClient<'_>> {
        RegisterUserAgentClient::new(self.at(now), id)
    }

    /// Subscribes to the state of a resource, and keeps the subscription
    /// ([RFC 6665](https://www.rfc-editor.org/rfc/rfc6665)). What becomes of it is told by
    /// [`Event::Subscription`](crate::Event::Subscription).
    pub fn subscribe(
        &mut self,
        now: Instant,
        options: SubscriptionOptions,
    ) -> Result<SubscriptionId, RequestError> {
        self.stays()?;
        uac::subscribe::start(self.at(now), options)
    }

    /// A subscription. `None` where it is over.
    pub fn subscribe_client(
        &mut self,
        now: Instant,
        id: SubscriptionId,
    ) -> Option<SubscribeUserAgentClient<'_>> {
        SubscribeUserAgentClient::new(self.at(now), id)
    }

    /// Publishes a state, and keeps it published
    /// ([RFC 3903](https://www.rfc-editor.org/rfc/rfc3903)). What becomes of it is told by
    /// [`Event::Publication`](crate::Event::Publication).
    pub fn publish(
        &mut self,
        now: Instant,
        options: PublicationOptions,
    ) -> Result<PublicationId, RequestError> {
        self.stays()?;
        uac::publish::start(self.at(now), options)
    }

    /// A published state. `None` where it is over.
    pub fn publish_client(
        &mut self,
        now: Instant,
        id: PublicationId,
    ) -> Option<PublishUserAgentClient<'_>> {
        PublishUserAgentClient::new(self.at(now), id)
    }

    /// What is begun while we leave has nobody who ends it.
    fn stays(&self) -> Result<(), RequestError> {
        match self.state.refusing {
            Some(_) => Err(RequestError::Leaving),
            None => Ok(()),
        }
    }
}
