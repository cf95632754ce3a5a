use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use offhook_core::{Credentials, DigestAlgorithm, Unauthorized};
use offhook_message::{Request, Text};

/// Demands credentials for calls and other requests that come in, and checks them, as
/// [`offhook_core::Authenticator`] says.
///
/// ```
/// use offhook::message::Text;
/// use offhook::{Authenticator, Credentials, Invitation};
///
/// let (realm, alice) = (Text::from_static("example.com"), Text::from_static("alice"));
/// let users = vec![Credentials::password(alice, "secret")];
/// let authenticator = Authenticator::new(&realm, move |_| users.clone())?;
///
/// async fn take(invitation: Invitation, authenticator: &Authenticator) -> Result<(), offhook::Error> {
///     match authenticator.authenticate(invitation.message()) {
///         Ok(user) => println!("{user} calls"),
///         Err(unauthorized) => {
///             invitation.reject(unauthorized)?;
///         }
///     }
///     Ok(())
/// }
/// # Ok::<_, offhook::StartError>(())
/// ```
pub struct Authenticator {
    core: Mutex<offhook_core::Authenticator>,
    users: Box<Users>,
}

type Users = dyn Fn(&str) -> Vec<Credentials> + Send + Sync;

impl Authenticator {
    /// One that challenges with every algorithm. `users` gives the credentials for a user name: a
    /// password, or a hash for each algorithm; those of other names do no harm.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn new(
        realm: &Text,
        users: impl Fn(&str) -> Vec<Credentials> + Send + Sync + 'static,
    ) -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self {
            core: Mutex::new(offhook_core::Authenticator::new(realm, seed)),
            users: Box::new(users),
        })
    }

    /// With these algorithms alone; users whose hash is known need theirs.
    #[must_use]
    pub fn with_algorithms(self, algorithms: &[DigestAlgorithm]) -> Self {
        let core = self.core.into_inner();
        let core = core.unwrap_or_else(PoisonError::into_inner);
        Self {
            core: Mutex::new(core.with_algorithms(algorithms)),
            ..self
        }
    }

    /// The name of the user who sent the request.
    ///
    /// # Errors
    ///
    /// It has no credentials, or they are not right: reject it with this.
    pub fn authenticate(&self, request: &Request) -> Result<String, Unauthorized> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.authenticate(Instant::now(), request, &self.users)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}
