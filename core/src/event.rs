//! What goes into the core and what comes out.

use bytes::Bytes;
use offhook_message::{Malformed, Message, Request, Response};

use crate::client_event::{
    OutgoingInviteEvent, PublicationEvent, ReferEvent, RegistrationEvent, RequestFailure,
    SubscriptionEvent,
};
use crate::flow::{Channel, Flow, Opener, Transport};
pub(crate) use crate::id::TransactionSlot;
pub use crate::id::{
    InviteId, OutgoingInviteId, OutgoingRequestId, PublicationId, ReferralId, RegistrationId,
    RequestId, SessionId, SubscriptionId, TransactionId,
};

/// Something for the core to act on.
#[derive(Debug)]
pub enum Input {
    /// A message arrived.
    Message {
        /// Where it came from.
        flow: Flow,
        /// The message.
        message: Message,
    },
    /// Octets arrived that are no SIP message. A request among them is answered, the rest is
    /// counted and dropped.
    Malformed {
        /// Where they came from.
        flow: Flow,
        /// What is wrong with them.
        malformed: Malformed,
    },
    /// A [`Transmit`] of this transaction could not be delivered
    /// ([RFC 3261 §18.4](https://www.rfc-editor.org/rfc/rfc3261#section-18.4)).
    Undelivered {
        /// The transaction named by the `Transmit`.
        transaction: TransactionId,
    },
    /// The answer to [`Output::Resolve`].
    Resolved {
        /// The transaction that asked.
        transaction: TransactionId,
        /// The ways there, best first; empty where there is none. Their local addresses are not
        /// looked at: the request is written already.
        flows: Vec<Flow>,
    },
    /// A connection is gone. Sessions and calls that came by a WebSocket end: those of the peer's have no other
    /// way, those of ours get BYE and CANCEL by the next. Sessions of other transports go on. Registrations and
    /// subscriptions that a connection of ours carried are refreshed by the next
    /// ([RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5)).
    ///
    /// The end of a connection that the peer opened is nothing to the core where it was no WebSocket.
    Disconnected {
        /// The connection.
        channel: Channel,
        /// Who opened it.
        opener: Opener,
    },
    /// Time has passed: call when [`UserAgentCore::timeout`](crate::UserAgentCore::timeout) says so.
    Timeout,
}

/// Something for the owner of the core to do.
#[derive(Debug)]
pub enum Output {
    /// Send these octets.
    Transmit(Transmit),
    /// Look up a host and answer with [`Input::Resolved`].
    Resolve(Resolve),
    /// Tell the application.
    Event(Event),
}

/// Octets to send.
#[derive(Debug)]
pub struct Transmit {
    /// Where to. A datagram goes from socket `flow.channel` to `flow.remote`. On a stream it goes
    /// over connection `flow.channel` while that is open, else over one to `flow.remote`
    /// ([RFC 3261 §18.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-18.2.2)).
    pub flow: Flow,
    /// One whole message.
    pub bytes: Bytes,
    /// The transaction to name in [`Input::Undelivered`]; `None` where nobody waits to hear.
    pub transaction: Option<TransactionId>,
}

/// A host to locate by [`Locating`](crate::locate::Locating) or otherwise.
#[derive(Debug)]
pub struct Resolve {
    /// The transaction to name in [`Input::Resolved`].
    pub transaction: TransactionId,
    /// The host name.
    pub host: String,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The transport that will be used.
    pub transport: Transport,
}

/// Something an application may want to know.
#[derive(Debug)]
pub enum Event {
    /// A new call. Take it with [`invite_server`](crate::UserAgentCore::invite_server).
    Invite(InviteId),
    /// A CANCEL came before a final response. Its 200 and the 487 to the INVITE are sent, the
    /// invite is gone ([RFC 3261 §9.2](https://www.rfc-editor.org/rfc/rfc3261#section-9.2)).
    Cancelled {
        /// The call.
        invite: InviteId,
        /// The CANCEL.
        message: Request,
    },
    /// The call ended before we answered it, and not by CANCEL.
    InviteEnded {
        /// The call.
        invite: InviteId,
        /// Why.
        cause: InviteEnd,
    },
    /// Timer H: no ACK came for a final response other than 2xx.
    NotAcknowledged {
        /// The call.
        invite: InviteId,
    },
    /// A response to the INVITE could not be delivered. The call goes on; the caller may repeat
    /// its INVITE.
    Undelivered {
        /// The call.
        invite: InviteId,
    },
    /// A PRACK acknowledged a reliable provisional response, and is answered. One that makes an offer comes as
    /// [`Event::Offer`] instead.
    Prack {
        /// The session.
        session: SessionId,
        /// The PRACK; its body holds the answer where our response made the offer.
        message: Request,
    },
    /// The peer wants to change the session, by re-INVITE, UPDATE or PRACK. Its request bears an
    /// offer, or asks for ours where it is a re-INVITE without one. Respond with
    /// [`Session::answer`](crate::Session::answer) or [`Session::refuse_offer`](crate::Session::refuse_offer), or it gets 488
    /// after 32·T1. When the session ends, or a BYE of ours goes out, it gets 487 and no [`OfferWithdrawn`](Self::OfferWithdrawn)
    /// follows.
    Offer {
        /// The session.
        session: SessionId,
        /// The request.
        message: Request,
    },
    /// The peer took its re-INVITE back with a CANCEL: it has got 487, and what was agreed before
    /// holds.
    OfferWithdrawn {
        /// The session.
        session: SessionId,
    },
    /// A request of one of the [`methods`](crate::Config::methods) that the application answers. Take it with
    /// [`request_server`](crate::UserAgentCore::request_server).
    Request {
        /// The request.
        request: RequestId,
        /// The session it belongs to; `None` outside of a dialog.
        session: Option<SessionId>,
    },
    /// A 2xx goes out that [`accept`](crate::InviteUserAgentServer::accept) held back, for a PRACK or for the answer to an
    /// offer in the early session. One that waits for nothing goes out at once, without this event.
    Accepted {
        /// The session.
        session: SessionId,
    },
    /// The ACK of our 2xx came.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The ACK; its body holds the answer where our 2xx made the offer.
        acknowledgement: Request,
    },
    /// The final response to a request of ours inside the session, BYE apart. Its CSeq says to which, and is higher
    /// where the request went out again with credentials. That to a re-INVITE is acknowledged. A 2xx to an offer has
    /// the answer. After a response that says that the peer is gone the session ends
    /// ([RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)).
    Answered {
        /// The session.
        session: SessionId,
        /// The response.
        message: Response,
    },
    /// The session timer has refreshed the session by re-INVITE, which repeats our last session description, and the 2xx
    /// has the answer to that: the peer's media may have moved
    /// ([RFC 4028 §7.4](https://www.rfc-editor.org/rfc/rfc4028#section-7.4)). It answers no offer that you have made
    /// meanwhile. A refresh without a description, or that is refused, is not told.
    Refreshed {
        /// The session.
        session: SessionId,
        /// The 2xx.
        message: Response,
    },
    /// A request of ours inside the session has no outcome.
    Unanswered {
        /// The session.
        session: SessionId,
        /// Why.
        cause: Unanswered,
    },
    /// The ACK of our 2xx to a re-INVITE came.
    Reconfirmed {
        /// The session.
        session: SessionId,
        /// The ACK; its body holds the answer where our 2xx made the offer.
        acknowledgement: Request,
    },
    /// Our BYE is out, whether the application asked for it or not: from now on no media is sent, and none
    /// heard ([RFC 3261 §15.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.1)). [`Event::Ended`] follows, after 64·T1 at the
    /// latest.
    Terminating {
        /// The session.
        session: SessionId,
        /// Why: [`SessionEnd::LocalBye`] where the application asked for it.
        cause: SessionEnd,
    },
    /// The session is over, its dialog is gone.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        cause: SessionEnd,
        /// The BYE that ended it, where the peer sent one and it was not refused.
        message: Option<Request>,
    },
    /// Something happened to an INVITE of ours.
    OutgoingInvite {
        /// The call.
        invite: OutgoingInviteId,
        /// What happened.
        event: OutgoingInviteEvent,
    },
    /// A response to a request of ours outside of a dialog. A final one is the last.
    Response {
        /// The request.
        request: OutgoingRequestId,
        /// The response.
        message: Response,
    },
    /// Something happened to a registration.
    Registration {
        /// The registration.
        registration: RegistrationId,
        /// What happened.
        event: RegistrationEvent,
    },
    /// No response to a request of ours outside of a dialog will come.
    RequestFailed {
        /// The request.
        request: OutgoingRequestId,
        /// Why.
        cause: RequestFailure,
    },
    /// The 2xx to a re-INVITE of ours that asked for an offer. Answer it with
    /// [`Session::acknowledge`](crate::Session::acknowledge), or hang up: without either the session ends after
    /// 64·T1.
    AnsweredWithOffer {
        /// The session.
        session: SessionId,
        /// The response.
        message: Response,
    },
    /// The peer sends us elsewhere, where REFER is among the [`methods`](crate::Config::methods). Take it with
    /// [`refer_server`](crate::UserAgentCore::refer_server).
    Referred {
        /// The REFER.
        request: RequestId,
        /// The session it belongs to; `None` outside of a dialog.
        session: Option<SessionId>,
    },
    /// Something happened to a REFER of ours. It may be told after the end of the session: what
    /// becomes of a REFER is told until it is known ([RFC 5057 §4.2](https://www.rfc-editor.org/rfc/rfc5057#section-4.2)).
    Refer {
        /// The session.
        session: SessionId,
        /// The number that [`Session::refer`](crate::Session::refer) gave.
        cseq: u32,
        /// What happened.
        event: ReferEvent,
    },
    /// Something happened to a subscription of ours.
    Subscription {
        /// The subscription.
        subscription: SubscriptionId,
        /// What happened.
        event: SubscriptionEvent,
    },
    /// Something happened to a state that we publish.
    Publication {
        /// The published state.
        publication: PublicationId,
        /// What happened.
        event: PublicationEvent,
    },
}

/// Why a call ended before it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteEnd {
    /// The application answered nothing in time: 480 is sent.
    NoAnswer,
    /// The time in the INVITE's Expires is over: 487 is sent.
    Expired,
    /// The caller sent BYE on the early dialog: 200 and 487 are sent.
    Bye,
    /// No PRACK came for a reliable provisional response in 64·T1: 504 is sent
    /// ([RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3)).
    NoPrack,
    /// The WebSocket of the caller is gone, the only way to it
    /// ([RFC 7118 §5](https://www.rfc-editor.org/rfc/rfc7118#section-5)).
    Disconnected,
}

/// Why a request of ours inside a session has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// No response came. The session ends.
    Timeout,
    /// A change met a request of the peer's: again and again, or the peer was first with an offer of
    /// its own, so that ours is stale, or has left us no address to send ours to. Make another. What is
    /// agreed holds.
    Collision,
    /// A re-INVITE got nothing but provisional responses for [`Times::ringing`](crate::Times::ringing), and no
    /// final one after CANCEL. What was agreed before holds.
    Cancelled,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The peer sent BYE. Where a later request of its was faster, the BYE is refused
    /// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)), and a BYE of ours ends the session.
    RemoteBye,
    /// We sent BYE and it is answered; or we hung up while our 2xx waited for a PRACK, which was never sent.
    LocalBye,
    /// We sent BYE and no answer came in time.
    ByeUnanswered,
    /// No ACK came for our 2xx in 64·T1, and BYE was sent
    /// ([RFC 3261 §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).
    NotAcknowledged,
    /// Nobody refreshed the session in its time
    /// ([RFC 4028 §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)). A BYE was sent.
    Expired,
    /// The peer does not know the session any more (481), or did not answer a request inside it
    /// ([RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)). A BYE was sent.
    Gone,
    /// The caller sent CANCEL while our 2xx waited for a PRACK; it was never sent.
    Cancelled,
    /// Our 2xx waited for a PRACK that never came, and was never sent.
    NoPrack,
    /// It was one of those that our INVITE had made, and is not the one that was accepted first: the
    /// call was accepted by another, refused or given up, or the session itself ended with 199
    /// ([RFC 6228](https://www.rfc-editor.org/rfc/rfc6228)).
    NotAccepted,
    /// Their 2xx made an offer, and the application did not answer it in 64·T1.
    NotAnswered,
    /// The WebSocket of the peer is gone, the only way to it
    /// ([RFC 7118 §5](https://www.rfc-editor.org/rfc/rfc7118#section-5)), or one that we had opened: then BYE went by the
    /// next.
    Disconnected,
}
