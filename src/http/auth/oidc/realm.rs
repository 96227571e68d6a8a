//! [`OidcRealm`]: the logins at one issuer, as the cookies of a request tell them.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderValue};

use super::issuer::Issuer;
use crate::config::OidcAuth;
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::cookies::{CookieName, CookieTooLarge};
use crate::http::auth::session::ended::EndedWhat;
use crate::http::auth::session::sealing::NoRandomBytes;
use crate::http::auth::session::store::{SessionStore, unix_now};

/// The logins at one issuer by one client. Routes may differ in the users that they let pass.
pub(crate) struct OidcRealm {
    /// The issuer.
    pub(crate) issuer: Issuer,
    /// The keys of sessions, and those that ended early.
    pub(crate) store: SessionStore,
    tag: String,
    session_cookie: CookieName,
    login_cookie: CookieName,
    /// Apart from the session: it is read at a logout only.
    hint_cookie: CookieName,
}

/// Why a login at the issuer makes no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// What is known of the user does not fit a browser's cookies.
    #[error("what the issuer says of the user is {0}")]
    TooLarge(#[from] CookieTooLarge),
    /// There is no key.
    #[error(transparent)]
    Random(#[from] NoRandomBytes),
}

impl OidcRealm {
    /// The logins at `issuer`.
    pub(crate) fn new(issuer: Issuer, store: SessionStore) -> Self {
        let tag = tag(issuer.settings());
        let [session_cookie, login_cookie, hint_cookie] =
            ["session", "login", "hint"].map(|what| CookieName::new(&tag, what));
        Self { issuer, store, tag, session_cookie, login_cookie, hint_cookie }
    }

    /// The name of the login service in cookies, seals and links: a digest of issuer and client.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The cookie of a browser that logs in.
    pub(crate) fn login_cookie(&self) -> &CookieName {
        &self.login_cookie
    }

    /// The login that a request shows, if it goes on.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let sealed = self.session_cookie.read(headers)?;
        let session = Session::decode(&self.store.keys().open(&self.purpose(), &sealed)?)?;
        self.goes_on(&session).then_some(session)
    }

    /// Whether a login goes on.
    pub(crate) fn goes_on(&self, session: &Session) -> bool {
        session.lasts(unix_now()) && !self.store.has_ended(&self.tag, session)
    }

    /// The fields that make a browser keep a session. Of the groups of a user that has too many, those for which
    /// `matters` says so are kept.
    ///
    /// # Errors
    /// If it fits no cookies.
    pub(crate) async fn keep(
        &self,
        mut session: Session,
        matters: impl Fn(&str) -> bool,
    ) -> Result<Vec<HeaderValue>, NoSession> {
        let keys = self.store.newest_keys().await?;
        let seal = |session: &Session| {
            let sealed = keys.seal(&self.purpose(), &session.encode())?;
            let time = Duration::from_secs(session.ends.saturating_sub(session.begun));
            Ok::<_, NoSession>(self.session_cookie.keep(&sealed, time)?)
        };
        match seal(&session) {
            Err(NoSession::TooLarge(_)) => {
                session.groups.retain(|group| matters(group));
                seal(&session)
            }
            sealed => sealed,
        }
    }

    /// The fields that make a browser keep the ID token of a login beside the session in `kept`, if all of it fits, or else
    /// forget that of an earlier login.
    pub(crate) async fn keep_hint(
        &self,
        id_token: Option<String>,
        time: Duration,
        kept: &[HeaderValue],
        headers: &HeaderMap,
    ) -> Vec<HeaderValue> {
        let size = |fields: &[HeaderValue]| fields.iter().map(HeaderValue::len).sum::<usize>();
        let sealed = match (id_token, self.store.newest_keys().await) {
            (Some(token), Ok(keys)) => keys.seal(&self.hint_purpose(), token.as_bytes()).ok(),
            _ => None,
        };
        let fields = sealed.and_then(|sealed| self.hint_cookie.keep(&sealed, time).ok());
        let fits = |fields: &Vec<HeaderValue>| size(fields) + size(kept) <= MOST_COOKIES;
        fields.filter(fits).unwrap_or_else(|| self.hint_cookie.forget(headers))
    }

    /// The ID token of the login that a request shows, if its browser has kept it.
    pub(crate) fn hint(&self, headers: &HeaderMap) -> Option<String> {
        let sealed = self.hint_cookie.read(headers)?;
        String::from_utf8(self.store.keys().open(&self.hint_purpose(), &sealed)?).ok()
    }

    /// Ends the login of a request, also those of other hosts that came of the same login at the issuer. Returns the
    /// fields that make the browser forget it.
    pub(crate) async fn end(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        if let Some(session) = self.session(headers) {
            self.store.end(&self.tag, EndedWhat::Session(&session.id), session.ends).await;
            if let Some(sid) = &session.sid {
                self.end_at_issuer(EndedWhat::IssuerSession(sid)).await;
            }
        }
        [&self.session_cookie, &self.login_cookie, &self.hint_cookie].map(|cookie| cookie.forget(headers)).concat()
    }

    /// Ends what the issuer says has ended.
    pub(crate) async fn end_at_issuer(&self, what: EndedWhat<'_>) {
        self.store.end(&self.tag, what, unix_now() + LONGEST_SESSION.as_secs()).await;
    }

    fn hint_purpose(&self) -> String {
        format!("hint {}", self.tag)
    }

    fn purpose(&self) -> String {
        format!("session {}", self.tag)
    }
}

fn tag(settings: &OidcAuth) -> String {
    let sum = digest(&SHA256, format!("{}\0{}", settings.issuer, settings.client_id).as_bytes());
    let (start, _) = sum.as_ref().split_first_chunk().expect("a SHA-256 has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}

/// Bytes of the cookies of a login together.
const MOST_COOKIES: usize = 8 * 1024;
/// As long as any route's login may last.
const LONGEST_SESSION: Duration = Duration::from_hours(30 * 24);
