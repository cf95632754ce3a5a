use crate::grammar::{Cursor, number_as};
use crate::headers::Params;

/// What a subscription is about: the value of Event
/// ([RFC 6665 8.2.1](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.1)).
#[derive(Clone, Copy, Debug)]
pub struct EventPackage<'a> {
    /// The package with its templates: `refer`, `presence.winfo` …
    pub name: &'a [u8],
    /// What tells several subscriptions of one dialog apart.
    pub id: Option<&'a [u8]>,
    /// All parameters, the id among them.
    pub params: Params<'a>,
}

impl<'a> EventPackage<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let name = cursor.token().ok_or("the name of the package is missing")?;
        let params = Params::take(cursor)?;
        Ok(Self {
            name,
            id: params.get("id").map(|id| id.as_bytes()),
            params,
        })
    }
}

/// How a subscription is, as its notifier says: the value of Subscription-State
/// ([RFC 6665 8.2.3](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.3)).
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated`, or another, as it came.
    pub state: &'a [u8],
    /// How long it lives without a refresh, in seconds.
    pub expires: Option<u32>,
    /// Why it is terminated.
    pub reason: Option<&'a [u8]>,
    /// When to subscribe again, in seconds.
    pub retry_after: Option<u32>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let state = cursor.token().ok_or("the state is missing")?;
        let params = Params::take(cursor)?;
        let number = |name| params.get(name).and_then(|it| number_as(it.as_bytes()));
        Ok(Self {
            state,
            expires: number("expires"),
            retry_after: number("retry-after"),
            reason: params.get("reason").map(|reason| reason.as_bytes()),
            params,
        })
    }

    /// Whether the subscription is over.
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }
}

#[cfg(test)]
mod tests {
    use crate::headers::tests::headers;

    #[test]
    fn an_event_may_have_an_id() {
        let with = headers("o: refer ; ID=93809824;x=y");
        let event = with.event().unwrap().unwrap();
        assert_eq!(
            (event.name, event.id),
            (&b"refer"[..], Some(&b"93809824"[..]))
        );
        let without = headers("Event: presence.winfo");
        let event = without.event().unwrap().unwrap();
        assert_eq!((event.name, event.id), (&b"presence.winfo"[..], None));
        assert!(headers("Event:").event().is_err());
        assert!(headers("Event: a, b").event().is_err());
        assert!(headers("s: x").event().unwrap().is_none());
    }

    #[test]
    fn a_state_says_how_long_or_why() {
        let active = headers("Subscription-State: active;expires=60");
        let state = active.subscription_state().unwrap().unwrap();
        assert!(!state.is_terminated());
        assert_eq!((state.expires, state.retry_after), (Some(60), None));
        let later = headers("Subscription-State: terminated;reason=probation;retry-after=7");
        let state = later.subscription_state().unwrap().unwrap();
        assert_eq!(state.retry_after, Some(7));
        let over = headers("Subscription-State: Terminated;reason=noresource;expires=x");
        let state = over.subscription_state().unwrap().unwrap();
        assert!(state.is_terminated());
        assert_eq!(
            (state.expires, state.reason),
            (None, Some(&b"noresource"[..]))
        );
        assert!(
            headers("Subscription-State: ;a")
                .subscription_state()
                .is_err()
        );
    }
}
