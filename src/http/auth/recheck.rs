//! [`LoginRecheck`]: looks at a login again while its WebSocket lives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::user::AuthenticatedUser;

/// Looks at the logins of a route again.
pub(crate) trait LoginRecheck: Send + Sync {
    /// The name of the route.
    fn route(&self) -> &Arc<str>;

    /// How often a login is looked at again; `None` is never.
    fn every(&self) -> Option<Duration>;

    /// Whether the login of `user` still counts.
    fn stands<'a>(
        &'a self,
        user: &'a AuthenticatedUser,
        look: Look,
    ) -> Pin<Box<dyn Future<Output = LoginStanding> + Send + 'a>>;
}

/// How far a look at a login goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// No further than what is known here: no login service and no issuer is asked.
    AtHand,
    /// To the one that knows.
    Asked,
}

/// Whether a login still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginStanding {
    /// It does.
    Stands,
    /// It does, and its own end is then.
    Until(SystemTime),
    /// It does not.
    Ended,
    /// That cannot be known now, so that nothing changes.
    Unknown,
}
