//! [`OidcProof`]: lets requests in whose cookies hold a login, and sends browsers without one to the login page.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};

use super::allowed::is_allowed;
use super::realm::OidcRealm;
use super::return_target::ReturnTarget;
use crate::config::AllowedUsers;
use crate::http::auth::navigation::RequestMode;
use crate::http::auth::proof::ProofAnswer;
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
    pub(crate) fn ask(&self, exchange: &RequestExchange) -> ProofAnswer {
        if let Some(session) = self.realm.session(&exchange.head.headers)
            && self.admits(&session)
        {
            return ProofAnswer::Admitted(self.user(session));
        }
        let is_page = matches!(exchange.head.method, Method::GET | Method::HEAD)
            && RequestMode::of(&exchange.head.headers) == RequestMode::Navigation;
        if !is_page && !asks_for_login_proxy(&exchange.head.method, exchange.target.path()) {
            return ProofAnswer::NotOffered;
        }
        let to = ReturnTarget::of(&exchange.target).encode();
        match HeaderValue::try_from(format!("/.frontgate/login?with={}&to={to}", self.realm.tag())) {
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

    /// Whether the user of a login may pass on this route, and the login still lasts there.
    pub(crate) fn admits(&self, session: &Session) -> bool {
        is_allowed(&self.allow, session) && unix_now() < self.end(session)
    }

    /// Whether a login that this route has let in still counts there.
    pub(crate) fn stands(&self, session: &Session) -> bool {
        self.realm.goes_on(session) && self.admits(session)
    }

    fn end(&self, session: &Session) -> u64 {
        session.ends.min(session.begun + self.session.as_secs())
    }

    fn user(&self, session: Session) -> AuthenticatedUser {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, session.id.as_bytes()).as_ref());
        let mut user = AuthenticatedUser::new(session.user().into(), ProofKind::Oidc, SessionKey(key));
        user.until = Some(UNIX_EPOCH + Duration::from_secs(self.end(&session)));
        user.evidence = LoginEvidence::Session(Arc::new(session));
        user
    }
}
