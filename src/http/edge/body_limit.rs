//! Refuses a body before it is sent, if the request announces that it is too large.

use super::exchange::RequestExchange;
use crate::http::error::RequestFailure;

/// Refuses a body that announces more bytes than it may have. A body that announces nothing is cut off where it is too
/// much, by [`crate::upstream::RequestBody`].
///
/// # Errors
/// If the body is refused.
pub(crate) fn check(exchange: &RequestExchange) -> Result<(), RequestFailure> {
    if exchange.body.is_too_large() { Err(RequestFailure::BodyTooLarge) } else { Ok(()) }
}
