//! The ends of logins at the wish of their users or their issuer.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use tokio::sync::oneshot;

use super::{LONGEST_SESSION, OidcRealm, ShownLogin};
use crate::http::auth::oidc::renewal::Renewal;
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::ended::EndedWhat;
use crate::http::auth::session::store::unix_now;

impl OidcRealm {
    /// Ends the login of a request, also those of other hosts that came of the same login at the issuer. Returns the
    /// fields that make the browser forget it.
    pub(crate) async fn end(self: &Arc<Self>, headers: &HeaderMap) -> Vec<HeaderValue> {
        if let Some(ShownLogin { session, renewal, .. }) = self.shown(headers) {
            let sid = session.sid.clone();
            self.end_surely(session, sid, renewal).await;
        }
        [&self.session_cookie, &self.login_cookie, &self.refresh_cookie, &self.hint_cookie]
            .map(|cookie| cookie.forget(headers))
            .concat()
    }

    /// Ends the login of a request that the login `next` replaces in its browser, where no logout could end it any more.
    pub(crate) async fn leave(self: &Arc<Self>, headers: &HeaderMap, next: &Session) {
        if let Some(ShownLogin { session, renewal, .. }) = self.shown(headers) {
            // With the token an issuer may end all that came of the same login there (RFC 7009 §2.1), which `next` came of.
            let is_same = session.sid.is_some() && session.sid == next.sid && session.subject == next.subject;
            self.end_surely(session, None, renewal.filter(|_| !is_same)).await;
        }
    }

    /// Ends what the issuer says has ended.
    pub(crate) async fn end_at_issuer(&self, what: EndedWhat<'_>) {
        self.store.end(&self.tag, what, unix_now() + LONGEST_SESSION.as_secs()).await;
    }

    /// Ends a login, those that came of `sid` too, and revokes its token; whether or not the one that asked for it stays to see it.
    async fn end_surely(self: &Arc<Self>, session: Session, sid: Option<String>, renewal: Option<Renewal>) {
        let (realm, (over, is_over)) = (Arc::clone(self), oneshot::channel::<()>());
        self.drain.spawn(async move {
            realm.revoke(renewal);
            let at_issuer = async {
                if let Some(sid) = &sid {
                    realm.end_at_issuer(EndedWhat::IssuerSession(sid)).await;
                }
            };
            tokio::select! {
                biased;
                _ = async { tokio::join!(realm.ended(&session), at_issuer) } => {}
                () = realm.drain.hard() => {}
            }
            drop(over);
        });
        // No value is ever sent.
        let _ = is_over.await;
    }
}
