//! [`OidcProof`]: lets requests in whose cookies hold a login, and sends browsers without one to the login page.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::allowed::is_allowed;
use super::login_wish::LoginWish;
use super::realm::{OidcRealm, ShownLogin};
use super::renewal::{Renewal, RenewalOutcome};
use super::return_target::ReturnTarget;
use crate::config::AllowedUsers;
use crate::http::auth::navigation::RequestMode;
use crate::http::auth::proof::ProofAnswer;
use crate::http::auth::recheck::{LoginStanding, Look};
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::store::unix_now;
use crate::http::auth::user::{AuthenticatedUser, LoginEvidence, ProofKind, SessionKey};
use crate::http::edge::exchange::RequestExchange;
use crate::http::proxy::body::AnswerBody;

/// The logins of a route at an issuer.
#[derive(Clone)]
pub(crate) struct OidcProof {
    /// The logins at the issuer.
    pub(crate) realm: Arc<OidcRealm>,
    /// The users that may pass.
    pub(crate) allow: AllowedUsers,
    /// How long a login lasts on this route.
    pub(crate) session: Duration,
}

/// Whether the Control UI asks if a login proxy is in its way: after any 401 it sends this request, and takes nothing but a
/// redirect for a yes. Then it tries the login in a hidden frame, where a user who is still logged in at the issuer notices
/// nothing, and offers a way to the login otherwise.
fn asks_for_login_proxy(method: &Method, path: &str) -> bool {
    *method == Method::HEAD && path.ends_with("/control-ui-config.json")
}

impl OidcProof {
    /// Looks for a login in the cookies of a request.
    pub(crate) async fn ask(&self, exchange: &RequestExchange) -> ProofAnswer {
        if let Some(login) = self.realm.shown(&exchange.head.headers)
            && let Some(user) = self.user(login).await
        {
            return ProofAnswer::Admitted(user);
        }
        let is_page = matches!(exchange.head.method, Method::GET | Method::HEAD)
            && RequestMode::of(&exchange.head.headers) == RequestMode::Navigation;
        if !is_page && !asks_for_login_proxy(&exchange.head.method, exchange.target.path()) {
            return ProofAnswer::NotOffered;
        }
        let wish = self.wish(&exchange.head.headers);
        match HeaderValue::try_from(wish.path(self.realm.tag(), &ReturnTarget::of(&exchange.target))) {
            Ok(location) => {
                let mut response = Response::new(AnswerBody::empty());
                *response.status_mut() = StatusCode::FOUND;
                response.headers_mut().insert(LOCATION, location);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                ProofAnswer::Answer(response)
            }
            Err(_) => ProofAnswer::NotOffered,
        }
    }

    /// What a request that was not let in needs.
    fn wish(&self, headers: &HeaderMap) -> LoginWish {
        match self.realm.session(headers) {
            None => LoginWish::Any,
            Some(session) if is_allowed(&self.allow, &session) => LoginWish::Anew,
            Some(_) => LoginWish::Denied,
        }
    }

    /// Whether the user of a login may pass on this route, and the login still lasts there.
    pub(crate) fn admits(&self, session: &Session) -> bool {
        is_allowed(&self.allow, session) && unix_now() < self.end(session)
    }

    /// Whether a login that this route has let in still counts there. One that can be renewed does not end by itself: the issuer
    /// has to refuse it.
    pub(crate) async fn stands(&self, session: &Session, renewal: Option<&Renewal>, look: Look) -> LoginStanding {
        let counts = |session: &Session| self.realm.goes_on(session) && self.admits(session);
        let stands = |holds: bool| if holds { LoginStanding::Stands } else { LoginStanding::Ended };
        let Some(renewal) = renewal else { return stands(counts(session)) };
        let is_out = |session: &Session| {
            !is_allowed(&self.allow, session) || self.realm.store.has_ended(self.realm.tag(), session)
        };
        let newest = renewal.newest().session;
        if is_out(&newest) || !renewal.is_of(self.realm.tag()) {
            return LoginStanding::Ended;
        }
        if look == Look::AtHand {
            return if counts(&newest) { LoginStanding::Stands } else { LoginStanding::Unknown };
        }
        match self.realm.renew(renewal).await {
            RenewalOutcome::Ended => LoginStanding::Ended,
            RenewalOutcome::Unknown => LoginStanding::Unknown,
            RenewalOutcome::Impossible => stands(counts(&newest)),
            RenewalOutcome::Renewed => {
                let newest = renewal.newest().session;
                if is_out(&newest) { LoginStanding::Ended } else { LoginStanding::Until(self.until(&newest)) }
            }
        }
    }

    fn end(&self, session: &Session) -> u64 {
        session.ends.min(session.vouched() + self.session.as_secs())
    }

    fn until(&self, session: &Session) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.end(session))
    }

    /// The user of a login, if it counts here, maybe after the issuer was asked.
    async fn user(&self, mut login: ShownLogin) -> Option<AuthenticatedUser> {
        if let Some(renewal) = &login.renewal
            && unix_now() >= self.end(&login.session)
            && self.realm.renew(renewal).await == RenewalOutcome::Renewed
        {
            login.session = renewal.newest().session;
        }
        if !self.realm.goes_on(&login.session) || !self.admits(&login.session) {
            return None;
        }
        let cookies = self.realm.brought(&login).await;
        let ShownLogin { session, renewal, .. } = login;
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, session.id.as_bytes()).as_ref());
        let mut user = AuthenticatedUser::new(session.user().into(), ProofKind::Oidc, SessionKey(key));
        user.until = Some(self.until(&session));
        user.evidence = LoginEvidence::Session(Arc::new(session), renewal);
        user.cookies = cookies;
        Some(user)
    }
}
