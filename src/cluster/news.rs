//! [`News`]: replicas tell each other that something has changed which they share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The listeners to what other replicas announce, by its name.
#[derive(Default)]
pub(super) struct News(Mutex<HashMap<&'static str, mpsc::Sender<Announcement>>>);

/// Another replica says that something has changed, and waits for a moment until this is dropped. Or it may have said so while
/// this process could not hear it.
pub(crate) struct Announcement {
    _seen: Option<oneshot::Sender<()>>,
}

impl News {
    /// What is said of `what` from here on. One listener hears it: the last one.
    pub(super) fn listen(&self, what: &'static str) -> mpsc::Receiver<Announcement> {
        let (sender, announcements) = mpsc::channel(MOST_UNHEARD);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what, sender);
        announcements
    }

    /// Tells the listener, and waits until it has looked.
    pub(super) async fn heard(&self, what: &str) {
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).cloned();
        let (seen, looked) = oneshot::channel();
        // One that has not looked since a while finds all there is when it does.
        if listener.is_some_and(|listener| listener.try_send(Announcement { _seen: Some(seen) }).is_ok()) {
            let _ = timeout(PATIENCE, looked).await;
        }
    }

    /// Tells every listener that it may have missed something.
    pub(super) fn missed(&self) {
        for listener in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            // One that has not looked since a while finds all there is when it does.
            let _ = listener.try_send(Announcement { _seen: None });
        }
    }
}

const MOST_UNHEARD: usize = 16;
/// The replica that told does not wait any longer.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_teller_waits_until_the_listener_has_looked_or_for_a_moment() {
        let news = News::default();
        news.heard("nobody listens").await;
        let mut announcements = news.listen("a");
        tokio::join!(news.heard("a"), async { drop(announcements.recv().await.unwrap()) });
        // It does not look.
        news.heard("a").await;
        let (mut later, mut other) = (news.listen("a"), news.listen("b"));
        news.missed();
        drop((later.recv().await.unwrap(), other.recv().await.unwrap()));
        tokio::join!(news.heard("a"), async { drop(later.recv().await.unwrap()) });
        drop(later);
        news.heard("a").await;
    }
}
