//! What refuses a body before it is sent, if it says itself that it is too large.

use super::error::Failure;
use super::exchange::Exchange;

/// Refuses a body that announces more than it may have. One that does not is cut off where it is too much, by
/// [`crate::upstream::RequestBody`].
///
/// # Errors
/// It is refused.
pub fn check(exchange: &Exchange) -> Result<(), Failure> {
    if exchange.body.is_too_large() { Err(Failure::BodyTooLarge) } else { Ok(()) }
}
