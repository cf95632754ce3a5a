//! What happens to requests of ours.

use std::time::Duration;

use offhook_message::{Request, Response, StatusCode, UriBuf};

use crate::contact_target::ContactTarget;
use crate::id::{SessionId, SubscriptionId};

/// What happens to an INVITE of ours, as in the `OutgoingInviteRequestDelegate` of SIP.js.
#[derive(Debug)]
pub enum OutgoingInviteEvent {
    /// 100: the next hop has it.
    Trying {
        /// The response.
        message: Response,
    },
    /// 101 to 199. A PRACK for a reliable one goes out by itself, unless `is_offer`.
    Progress {
        /// The early session. `None` where the response makes no dialog, as it has no To tag or no Contact, says more than
        /// a dialog keeps, 16 KiB, or finds no room; or one that we have hung up: it still says that it rings.
        session: Option<SessionId>,
        /// Whether its session description is an offer. Then answer it with
        /// [`Session::prack`](crate::Session::prack).
        is_offer: bool,
        /// Whether it is reliable and its session description answers the offer of the INVITE: no later response need
        /// do so again ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
        is_answer: bool,
        /// The response.
        message: Response,
    },
    /// It rings for longer than [`Times::ringing`](crate::Times::ringing): CANCEL was sent, and
    /// [`Cancelled`](Self::Cancelled) follows.
    NoAnswer,
    /// The first 2xx. The session is confirmed, all other early ones are over. Further 2xx get ACK
    /// and BYE by themselves ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    Accept {
        /// The session.
        session: SessionId,
        /// Whether its session description is an offer. Then answer it with
        /// [`Session::acknowledge`](crate::Session::acknowledge); else the ACK is sent.
        is_offer: bool,
        /// The response.
        message: Response,
    },
    /// 3xx. [`InviteUserAgentClient::follow`](crate::InviteUserAgentClient::follow) tries one of
    /// the contacts, within 64·T1.
    Redirect {
        /// Where to, the preferred first.
        contacts: Vec<ContactTarget>,
        /// The response.
        message: Response,
    },
    /// 4xx, 5xx or 6xx: the call is over.
    Reject {
        /// The response.
        message: Response,
    },
    /// The call is over after
    /// [`InviteUserAgentClient::cancel`](crate::InviteUserAgentClient::cancel).
    Cancelled {
        /// The final response, 487 as a rule. A 2xx came too late: it got ACK and BYE. `None` where
        /// none came in 64·T1.
        message: Option<Response>,
    },
    /// The call is over, and no response says so.
    Failed {
        /// Why.
        cause: RequestFailure,
    },
}

/// What happens to a registration ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).
#[derive(Debug)]
pub enum RegistrationEvent {
    /// The registrar has our binding. Told again each time it is refreshed.
    Registered {
        /// How long it holds. It is refreshed before.
        expires: Duration,
        /// All bindings of the address, ours among them where the registrar lists any.
        bindings: Vec<Binding>,
        /// The way that requests of ours should go
        /// ([RFC 3608](https://www.rfc-editor.org/rfc/rfc3608)).
        service_route: Vec<UriBuf>,
        /// The response.
        message: Response,
    },
    /// The registrar refused.
    Refused {
        /// When it is asked again. `None`: it never is, the registration is over.
        retry_in: Option<Duration>,
        /// The response.
        message: Response,
    },
    /// The registrar is not there.
    Failed {
        /// Why.
        cause: RequestFailure,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// Our binding is gone, or with it all of the address, and the registration is over.
    Unregistered {
        /// The response; `None` where there was nothing to end, or the registrar did not answer:
        /// then the binding runs out by itself.
        message: Option<Response>,
    },
}

/// What happens to a REFER of ours
/// ([RFC 3515 §2.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4)).
#[derive(Debug)]
pub enum ReferEvent {
    /// 2xx: the peer calls. Progress may be told before.
    Accepted {
        /// Whether it will tell what becomes of the call. If not, this is the last event.
        is_subscribed: bool,
        /// The response.
        message: Response,
    },
    /// A NOTIFY.
    Progress {
        /// The status of the call that the peer places.
        status: StatusCode,
        /// The NOTIFY, which is answered.
        message: Request,
    },
    /// Nothing further will be told.
    Terminated {
        /// What was told last, where this is the end that the peer tells. Unless it is final, how the call ended stays unknown.
        status: Option<StatusCode>,
        /// Why.
        cause: ReferEnd,
    },
    /// The peer does not call. This is the last event.
    Refused {
        /// The response.
        message: Response,
    },
}

/// Why nothing further is told of a REFER of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferEnd {
    /// The peer said so.
    Notified,
    /// The time of the subscription is over, or no NOTIFY came in 64·T1 after the 2xx
    /// ([RFC 6665 §4.1.2.4](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.4)).
    Expired,
    /// No response came. The session ends.
    Unanswered,
    /// The peer does not know the dialog any more, or cannot be reached.
    Gone,
}

/// What happens to a subscription of ours
/// ([RFC 6665 §4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.1)).
#[derive(Debug)]
pub enum SubscriptionEvent {
    /// 2xx to a SUBSCRIBE: NOTIFYs follow, where none was faster. Told again each time it is
    /// refreshed.
    Accepted {
        /// How long it lives. It is refreshed before. NOTIFYs may shorten that.
        expires: Duration,
        /// The response.
        message: Response,
    },
    /// A NOTIFY, which is answered.
    Notified {
        /// How the subscription is. After `Terminated` another event says how it goes on.
        state: SubscriptionState,
        /// The NOTIFY; its body is the state of the resource.
        message: Request,
    },
    /// Another notifier has answered the SUBSCRIBE, within
    /// [`SubscriptionOptions::notifiers`](crate::SubscriptionOptions::notifiers). Its NOTIFY follows.
    Forked {
        /// The subscription that this makes. It ends by itself, and is not made anew.
        subscription: SubscriptionId,
    },
    /// The subscription is gone, and is made anew.
    Lost {
        /// Why it is gone.
        cause: SubscriptionEnd,
        /// When the next SUBSCRIBE goes out.
        retry_in: Duration,
    },
    /// The subscription is over.
    Terminated {
        /// Why.
        cause: SubscriptionEnd,
    },
}

/// How a subscription is, as a NOTIFY says
/// ([RFC 6665 §4.1.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    /// It is accepted; so are states that no document names.
    Active,
    /// Nobody has decided yet whether we may have it.
    Pending,
    /// It is over.
    Terminated,
}

/// Why a subscription is gone.
#[derive(Debug)]
pub enum SubscriptionEnd {
    /// The last NOTIFY ended it, and says why.
    Notified,
    /// The notifier refused a SUBSCRIBE, or knows the subscription no more (481).
    Refused {
        /// The response.
        message: Box<Response>,
    },
    /// The notifier is not there.
    Failed {
        /// Why.
        cause: RequestFailure,
    },
    /// No NOTIFY came in 64·T1 after a SUBSCRIBE: Timer N
    /// ([RFC 6665 §4.1.2](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2)).
    NotNotified,
    /// Its time is over, and no SUBSCRIBE to refresh it was accepted.
    Expired,
    /// We ended it, or asked for the state once and have it.
    Unsubscribed,
}

/// What happens to a state that we publish
/// ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).
#[derive(Debug)]
pub enum PublicationEvent {
    /// The compositor has the state. Told again each time it is refreshed or changed.
    Published {
        /// How long it keeps it. It is refreshed before.
        expires: Duration,
        /// The response.
        message: Response,
    },
    /// The compositor refused.
    Refused {
        /// When it is asked again. `None`: it never is, the publication is over.
        retry_in: Option<Duration>,
        /// The response.
        message: Response,
    },
    /// The compositor is not there.
    Failed {
        /// Why.
        cause: RequestFailure,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The state is gone, and the publication is over.
    Unpublished {
        /// The response; `None` where there was nothing to remove, or the compositor did not answer:
        /// then the state runs out by itself.
        message: Option<Response>,
    },
}

/// Where an address is reached, as its registrar says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The Contact.
    pub uri: UriBuf,
    /// How long it holds, where the registrar says so.
    pub expires: Option<Duration>,
}

/// Why a request of ours has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// No response came in 64·T1, from the last of the flows
    /// ([RFC 3261 §8.1.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.1)).
    #[error("no response came in time")]
    Timeout,
    /// It could not be delivered by the last of the flows.
    #[error("the request could not be delivered")]
    Undelivered,
    /// The 2xx has no To tag or no Contact, or says more than a dialog keeps. It got ACK and BYE.
    #[error("the answer has no To tag, no Contact, or more than the 16 KiB that a dialog keeps")]
    NoDialog,
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no flow to send it by.
    #[error("there is no flow to send the request by: look up its next hop first")]
    NoFlow,
    /// The core has as many calls or transactions as [`Limits`](crate::Limits) allows.
    #[error("there are as many calls as the limits allow: try again later")]
    Full,
    /// New calls are refused: nothing is kept up any more.
    #[error("new calls are refused, so nothing is registered, subscribed or published any more")]
    Leaving,
    /// The method belongs to a dialog or to another request.
    #[error("the method belongs to a dialog or to another request: use the verb of that")]
    NotAlone,
    /// There is nothing to follow: the call was not redirected.
    #[error("the call was not redirected, so there is nothing to follow")]
    NotRedirected,
    /// The call was redirected too often.
    #[error("the call was redirected too often: give it up")]
    TooManyRedirects,
    /// The call went there already.
    #[error("the call went to this address already: try another contact")]
    AlreadyTried,
    /// The Call-ID is empty or has white space in it.
    #[error("the Call-ID is empty or has white space in it: leave it out to get a good one")]
    BadCallId,
}
