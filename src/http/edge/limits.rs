//! What refuses a body before it is sent, if it says itself that it is too large.

use super::exchange::RequestExchange;
use crate::http::error::RequestFailure;

/// Refuses a body that announces more than it may have. One that does not is cut off where it is too much, by
/// [`crate::upstream::RequestBody`].
///
/// # Errors
/// It is refused.
pub fn check(exchange: &RequestExchange) -> Result<(), RequestFailure> {
    if exchange.body.is_too_large() { Err(RequestFailure::BodyTooLarge) } else { Ok(()) }
}
