//! [`RevocationQueue`]: the refresh tokens that an issuer has yet to revoke.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::outage::IssuerOutage;

/// The refresh tokens that an issuer has yet to revoke. It is asked with a few at once, and the others wait.
pub(super) struct RevocationQueue {
    places: Semaphore,
    turns: Semaphore,
    /// Whether it revokes them.
    pub(super) outage: IssuerOutage,
}

impl Default for RevocationQueue {
    fn default() -> Self {
        let (places, turns) = (Semaphore::new(MOST_WAITING), Semaphore::new(MOST_AT_ONCE));
        Self { places, turns, outage: IssuerOutage::default() }
    }
}

impl RevocationQueue {
    /// Asks the issuer when it is time.
    ///
    /// # Errors
    /// If it does not revoke the token, or not in time, or if too many wait.
    pub(super) async fn in_turn(&self, ask: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        let _place = self.places.try_acquire().map_err(|_| format!("{MOST_WAITING} tokens wait already"))?;
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        timeout(LONGEST, ask).await.unwrap_or_else(|_| Err("it took too long".to_owned()))
    }
}

/// Some kilobytes each. At an issuer that is silent the last one waits for 20 minutes.
const MOST_WAITING: usize = 1024;
/// What an issuer is asked by frontgate itself leaves room for those that log in.
const MOST_AT_ONCE: usize = 16;
/// With the time for an answer that is waited for already.
const LONGEST: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn many_wait_for_their_turn_and_too_many_do_not() {
        let queue = RevocationQueue::default();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| Box::pin(queue.in_turn(pending()))).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        assert!(queue.in_turn(ready(Ok(()))).await.unwrap_err().contains("wait already"));
        drop(waiting);
        assert_eq!(queue.in_turn(ready(Ok(()))).await, Ok(()));
    }
}
