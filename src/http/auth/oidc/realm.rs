//! [`OidcRealm`]: the logins at one issuer, as the cookies of a request tell them.

mod ends;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::claims::RefreshToken;
use super::issuer::Issuer;
use super::refresh::NotVouched;
use super::renewal::{Renewal, RenewalOutcome, Renewals, RenewedLogin};
use crate::config::OidcAuth;
use crate::drain::Drain;
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::cookies::{CookieName, CookieTooLarge};
use crate::http::auth::session::ended::EndedWhat;
use crate::http::auth::session::kept::KeptToken;
use crate::http::auth::session::store::{SessionStore, unix_now};
use crate::sealing::NoRandomBytes;

/// The logins at one issuer by one client. Routes may differ in the users that they let pass.
pub(crate) struct OidcRealm {
    /// The issuer.
    pub(crate) issuer: Issuer,
    /// The keys of sessions, and those that ended early.
    pub(crate) store: SessionStore,
    renewals: Renewals,
    /// Runs what renews a login.
    pub(super) drain: Drain,
    tag: String,
    session_cookie: CookieName,
    login_cookie: CookieName,
    /// Apart from the session: it is read when that is to be renewed.
    refresh_cookie: CookieName,
    /// Apart from the session: it is read at a logout only.
    hint_cookie: CookieName,
}

/// A login that a request shows.
pub(crate) struct ShownLogin {
    /// The login as it is now.
    pub(crate) session: Session,
    /// What it can be renewed by.
    pub(crate) renewal: Option<Renewal>,
    /// The login as the browser has it.
    shown: Session,
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
    /// The logins at `issuer`; the tasks that renew them run on `drain`.
    pub(crate) fn new(issuer: Issuer, store: SessionStore, drain: Drain) -> Self {
        let tag = tag(issuer.settings());
        let [session_cookie, login_cookie, refresh_cookie, hint_cookie] =
            ["session", "login", "refresh", "hint"].map(|what| CookieName::new(&tag, what));
        let renewals = Renewals::new(&tag);
        Self { issuer, store, renewals, drain, tag, session_cookie, login_cookie, refresh_cookie, hint_cookie }
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
        self.shown(headers).map(|login| login.session).filter(|session| self.goes_on(session))
    }

    /// The login that a request shows, unless it was ended. Its time may be over.
    pub(crate) fn shown(&self, headers: &HeaderMap) -> Option<ShownLogin> {
        let sealed = self.session_cookie.read(headers)?;
        let shown = Session::decode(&self.store.keys().open(&self.purpose(), &sealed)?)?;
        // What has ended is not remembered for longer than that.
        let is_too_old = shown.renewable && shown.vouched() + LONGEST_SESSION.as_secs() <= unix_now();
        if is_too_old || self.store.has_ended(&self.tag, &shown) {
            return None;
        }
        let renewal = shown.renewable.then(|| {
            self.renewals.of(
                &shown,
                || self.refresh_token(headers, &shown),
                || self.kept(self.store.kept_token(&self.tag, &shown.id)),
            )
        });
        let renewal = renewal.flatten();
        let newest = renewal.as_ref().and_then(|renewal| renewal.newer_than(&shown));
        let session = if let Some(newest) = newest {
            newest.session
        } else {
            if shown.renewed.is_some() {
                self.store.forget_token(&self.tag, &shown.id);
            }
            shown.clone()
        };
        Some(ShownLogin { session, renewal, shown })
    }

    /// Whether a login goes on.
    pub(crate) fn goes_on(&self, session: &Session) -> bool {
        session.lasts(unix_now()) && !self.store.has_ended(&self.tag, session)
    }

    /// The fields that make a browser keep a session, and its refresh token where all of it fits. Of the groups of a user that
    /// has too many, those for which `matters` says so are kept.
    ///
    /// # Errors
    /// If it fits no cookies.
    pub(crate) async fn keep(
        &self,
        mut session: Session,
        token: Option<&RefreshToken>,
        matters: impl Fn(&str) -> bool,
    ) -> Result<Vec<HeaderValue>, NoSession> {
        let keys = self.store.newest_keys().await?;
        let seal = |session: &Session| {
            let sealed = keys.seal(&self.purpose(), &session.encode())?;
            // What can be renewed outlives its own time.
            let time = session.ends.saturating_sub(session.vouched());
            let time = if session.renewable { LONGEST_SESSION } else { Duration::from_secs(time) };
            Ok::<_, NoSession>(self.session_cookie.keep(&sealed, time)?)
        };
        if let Some(token) = token {
            session.renewable = true;
            let bound = BoundToken {
                login: Cow::Borrowed(&session.id),
                vouched: session.vouched(),
                token: Cow::Borrowed(&token.0),
            };
            let text = serde_json::to_vec(&bound).expect("text and numbers can be written");
            let sealed = keys.seal(&self.refresh_purpose(), &text)?;
            let together = |session: &Session| {
                let (mut kept, fields) =
                    (seal(session).ok()?, self.refresh_cookie.keep(&sealed, LONGEST_SESSION).ok()?);
                kept.extend(fields);
                (size(&kept) <= MOST_COOKIES).then_some(kept)
            };
            let mut lean = session.clone();
            lean.groups.retain(|group| matters(group));
            if let Some(kept) = together(&session).or_else(|| together(&lean)) {
                return Ok(kept);
            }
            tracing::debug!("a refresh token does not fit a browser's cookies");
        }
        session.renewable = false;
        match seal(&session) {
            Err(NoSession::TooLarge(_)) => {
                session.groups.retain(|group| matters(group));
                seal(&session)
            }
            sealed => sealed,
        }
    }

    /// The fields that bring a browser what it does not have of its login yet.
    pub(crate) async fn brought(&self, login: &ShownLogin) -> Vec<HeaderValue> {
        let newest = login.renewal.as_ref().and_then(|renewal| renewal.newer_than(&login.shown));
        match newest {
            Some(RenewedLogin { session, token }) => {
                // Groups for which there was no room at the login did not matter.
                let matters = |group: &str| login.shown.groups.iter().any(|own| own == group);
                self.keep(session, Some(&token), matters).await.unwrap_or_default()
            }
            None => Vec::new(),
        }
    }

    /// Asks the issuer whether a login still counts, unless that was done a moment ago. One that it does not vouch for has ended,
    /// for all its tabs. The question goes on when its asker is gone: the token is spent with it.
    pub(crate) async fn renew(self: &Arc<Self>, renewal: &Renewal) -> RenewalOutcome {
        let turn = renewal.turn().await;
        if let Some(said) = renewal.said_recently() {
            return said;
        }
        let (tell, told) = oneshot::channel();
        let (realm, renewal) = (Arc::clone(self), renewal.clone());
        self.drain.spawn(async move {
            let _turn = turn;
            tokio::select! {
                said = realm.ask(&renewal) => {
                    // It may be gone.
                    let _ = tell.send(said);
                }
                () = realm.drain.hard() => {}
            }
        });
        told.await.unwrap_or(RenewalOutcome::Unknown)
    }

    async fn ask(&self, renewal: &Renewal) -> RenewalOutcome {
        let mut login = renewal.newest();
        let id = login.session.id.clone();
        if let Some(kept) = self.kept(self.store.newest_kept_token(&self.tag, &id).await) {
            renewal.renew(kept);
            login = renewal.newest();
        }
        if self.store.has_ended(&self.tag, &login.session) {
            return RenewalOutcome::Ended;
        }
        let refreshed = match self.issuer.refresh(&login.token).await {
            Ok(refreshed) => {
                let token = refreshed.token().filter(|token| *token != login.token);
                if let Some(token) = &token {
                    // The one before is spent, whatever becomes of what comes next.
                    login = login.with_token(token.clone());
                    renewal.replace(login.clone());
                    self.keep_until_shown(&login).await;
                }
                self.issuer.facts(&refreshed, &login.session).await.map(|facts| (facts, token.is_some()))
            }
            Err(error) => Err(error),
        };
        let issuer = &self.issuer.settings.issuer;
        match refreshed {
            Ok((facts, is_new)) => {
                let renewed = login.vouched_for(facts);
                if is_new {
                    self.keep_until_shown(&renewed).await;
                }
                renewal.renew(renewed);
                self.issuer.answers.answered(issuer, "the issuer says again whether logins count");
                RenewalOutcome::Renewed
            }
            Err(NotVouched::NoTokens(why)) => {
                tracing::debug!(why, "logins cannot be renewed");
                renewal.note(RenewalOutcome::Impossible)
            }
            Err(NotVouched::Unknown(why)) => {
                self.issuer.answers.failed(issuer, &why, "the issuer does not say whether a login still counts");
                renewal.note(RenewalOutcome::Unknown)
            }
            Err(NotVouched::Refused(why)) => {
                // Another process may have used it in the meantime, and has another one now.
                if let Some(kept) = self.kept(self.store.newest_kept_token(&self.tag, &id).await)
                    && kept.session.vouched() > login.session.vouched()
                {
                    renewal.renew(kept);
                    return RenewalOutcome::Renewed;
                }
                tracing::info!(user = login.session.user(), why, "login ended by the issuer");
                self.ended(&login.session).await;
                RenewalOutcome::Ended
            }
        }
    }

    /// Keeps what a login is renewed by until its browser has shown it.
    async fn keep_until_shown(&self, login: &RenewedLogin) {
        let RenewedLogin { session, token } = login;
        let text = serde_json::to_vec(&(session, &token.0)).expect("text and numbers can be written");
        // Without random bytes nothing is sealed; then the browser alone has it.
        let Ok(sealed) = self.store.keys().seal(&self.kept_purpose(), &text) else { return };
        let since = session.vouched();
        let kept = KeptToken { since, until: since + LONGEST_SESSION.as_secs(), sealed };
        self.store.keep_token(&self.tag, &session.id, kept).await;
    }

    fn kept(&self, kept: Option<KeptToken>) -> Option<RenewedLogin> {
        let (session, token) =
            serde_json::from_slice(&self.store.keys().open(&self.kept_purpose(), &kept?.sealed)?).ok()?;
        Some(RenewedLogin { session, token: RefreshToken(token) })
    }

    /// The refresh token that a request brings with this session.
    fn refresh_token(&self, headers: &HeaderMap, session: &Session) -> Option<RefreshToken> {
        let sealed = self.refresh_cookie.read(headers)?;
        let text = self.store.keys().open(&self.refresh_purpose(), &sealed)?;
        let bound: BoundToken<'_> = serde_json::from_slice(&text).ok()?;
        let belongs = bound.login == session.id && bound.vouched == session.vouched();
        belongs.then(|| RefreshToken(bound.token.into_owned()))
    }

    async fn ended(&self, session: &Session) {
        // A copy of its cookies may have been renewed later than this one.
        let until = if session.renewable { unix_now() + LONGEST_SESSION.as_secs() } else { session.ends };
        self.renewals.forget(&session.id);
        self.store.forget_token(&self.tag, &session.id);
        self.store.end(&self.tag, EndedWhat::Session(&session.id), until).await;
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
        let sealed = match (id_token, self.store.newest_keys().await) {
            (Some(token), Ok(keys)) => keys.seal(&self.hint_purpose(), token.as_bytes()).ok(),
            _ => None,
        };
        let fields = sealed.and_then(|sealed| self.hint_cookie.keep(&sealed, time).ok());
        let fits = |fields: &Vec<HeaderValue>| size(fields) + size(kept) <= MOST_COOKIES;
        fields.filter(fits).unwrap_or_else(|| self.hint_cookie.forget(headers))
    }

    /// The fields that make a browser forget the refresh token of an earlier login, where those in `kept` bring no other.
    pub(crate) fn forget_token(&self, kept: &[HeaderValue], headers: &HeaderMap) -> Vec<HeaderValue> {
        if self.refresh_cookie.is_in(kept) { Vec::new() } else { self.refresh_cookie.forget(headers) }
    }

    /// The ID token of the login that a request shows, if its browser has kept it.
    pub(crate) fn hint(&self, headers: &HeaderMap) -> Option<String> {
        let sealed = self.hint_cookie.read(headers)?;
        String::from_utf8(self.store.keys().open(&self.hint_purpose(), &sealed)?).ok()
    }

    fn refresh_purpose(&self) -> String {
        format!("refresh {}", self.tag)
    }

    fn kept_purpose(&self) -> String {
        format!("kept {}", self.tag)
    }

    fn hint_purpose(&self) -> String {
        format!("hint {}", self.tag)
    }

    fn purpose(&self) -> String {
        format!("session {}", self.tag)
    }
}

/// A refresh token, and the state of the login that it belongs to.
#[derive(Serialize, Deserialize)]
struct BoundToken<'a> {
    #[serde(rename = "i")]
    login: Cow<'a, str>,
    #[serde(rename = "r")]
    vouched: u64,
    #[serde(rename = "t")]
    token: Cow<'a, str>,
}

fn size(fields: &[HeaderValue]) -> usize {
    fields.iter().map(HeaderValue::len).sum()
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
