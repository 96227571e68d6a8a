//! [`LoginRecheck`]: looks at a login again while its WebSocket lives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::user::AuthenticatedUser;

/// Looks at the logins of a route again.
pub(crate) trait LoginRecheck: Send + Sync {
    /// The name of the route.
    fn route(&self) -> &Arc<str>;

    /// How often a login is looked at again; `None` is never.
    fn every(&self) -> Option<Duration>;

    /// Whether the login of `user` still counts.
    fn stands<'a>(&'a self, user: &'a AuthenticatedUser) -> Pin<Box<dyn Future<Output = LoginStanding> + Send + 'a>>;
}

/// Whether a login still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginStanding {
    /// It does.
    Stands,
    /// It does not.
    Ended,
    /// That cannot be known now, so that nothing changes.
    Unknown,
}
