//! What becomes of a request that an issuer fails.

use std::time::Duration;

use super::issuer::IssuerError;
use crate::http::error::RequestFailure;

/// What the client is told.
pub(super) fn failure(error: IssuerError) -> RequestFailure {
    match error {
        IssuerError::Unavailable(_) => RequestFailure::LoginServiceUnavailable(error.into()),
        IssuerError::Busy => RequestFailure::TooManyLogins { retry_after: BUSY },
        IssuerError::Invalid(_) => RequestFailure::LoginInvalid(error.into()),
    }
}

/// A trade takes less.
const BUSY: Duration = Duration::from_secs(2);
