//! [`LoginPages`]: the paths below `/.frontgate/` by which users log in and out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, SET_COOKIE};
use http::{HeaderValue, Method, Response};

use super::backchannel_logout::backchannel_logout;
use super::code_trade::CodeTrade;
use super::failure::failure;
use super::go_page::{GoOn, LoginPage};
use super::login_attempt::{BrowserSecret, LONGEST_LOGIN, LoginAttempt, is_attempt_id};
use super::login_wish::LoginWish;
use super::logout::logout;
use super::origin::origin;
use super::proof::OidcProof;
use super::realm::{NoSession, OidcRealm};
use super::return_target::{ReturnTarget, parameter};
use crate::config::{ClientAccess, HostPattern};
use crate::http::auth::passwords::{Passwords, TooManyAttempts};
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::store::unix_now;
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::{AnotherLogin, BadRequest, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy, LoggedAddress};
use crate::observe::clean::{LONGEST, clean};
use crate::observe::metrics::IssuerLogin;
use crate::observe::percent_encoding::decoded;

/// The pages of all login services of a listener.
pub(crate) struct LoginPages {
    logins: Vec<HostLogin>,
    /// Counts the failures of each client, with those of passwords.
    failures: Passwords,
}

/// A route whose users log in at an issuer.
#[derive(Clone)]
pub(crate) struct HostLogin {
    /// The hosts that it is for; `None` is every host.
    pub(crate) host: Option<HostPattern>,
    /// Where a user begins who has asked for no page.
    pub(crate) front: ReturnTarget,
    /// The clients that may pass.
    pub(crate) access: ClientAccess,
    /// The logins.
    pub(crate) proof: OidcProof,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoginStep {
    Login,
    Callback,
    Logout,
    LoggedOut,
    BackchannelLogout,
}

impl LoginStep {
    fn of(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/.frontgate/")? {
            "login" => Self::Login,
            "callback" => Self::Callback,
            "logout" => Self::Logout,
            "logged-out" => Self::LoggedOut,
            "backchannel-logout" => Self::BackchannelLogout,
            _ => return None,
        })
    }
}

impl LoginPages {
    /// The pages for these routes. Failed logins count in `failures`.
    pub(crate) fn new(logins: Vec<HostLogin>, failures: Passwords) -> Self {
        Self { logins, failures }
    }

    /// Whether a request is for one of the pages. Their paths belong to frontgate on a host with such a route, letter by
    /// letter; a gateway gets no other spelling of them by this, since nothing is let in.
    pub(crate) fn takes(&self, host: &str, path: &str) -> bool {
        LoginStep::of(path).is_some() && self.of_host(host).next().is_some()
    }

    /// Answers a request that the pages take.
    ///
    /// # Errors
    /// If the step fails.
    pub(crate) async fn handle(
        &self,
        host: &str,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        access.answered_by = AnsweredBy::Frontgate;
        let step = LoginStep::of(exchange.target.path()).ok_or(RequestFailure::NoRoute)?;
        let client = exchange.forwarding.client;
        let logins: Vec<&HostLogin> = match step {
            // The issuer's own machine is no client of the route; what it says is signed.
            LoginStep::BackchannelLogout => self.of_host(host).collect(),
            _ => self.of_host(host).filter(|login| login.access.admits(client)).collect(),
        };
        if logins.is_empty() {
            return Err(RequestFailure::ClientNotAllowed);
        }
        let is_get = matches!(exchange.head.method, Method::GET | Method::HEAD);
        let is_post = exchange.head.method == Method::POST;
        let request = HostRequest { logins, exchange, client };
        let (page, cookies) = match step {
            LoginStep::Login if is_get => request.login().await?,
            LoginStep::Callback if is_get => self.callback(&request, access).await?,
            LoginStep::Logout if is_get || is_post => {
                let realms = request.logins.iter().map(|login| &login.proof.realm);
                logout(realms, &request.exchange.head.method, request.headers(), &request.origin()?).await?
            }
            LoginStep::LoggedOut if is_get => (LoginPage::LoggedOut(request.front()), Vec::new()),
            LoginStep::BackchannelLogout if is_post => {
                let proofs: Vec<&OidcProof> = request.logins.iter().map(|login| &login.proof).collect();
                return backchannel_logout(&proofs, request.exchange, client).await;
            }
            _ => return Err(RequestFailure::NoRoute),
        };
        let mut response = page.response().map(AnswerBody::full);
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// Takes a browser back from its issuer, unless its network has failed too often: each try is a question to the issuer.
    async fn callback(
        &self,
        request: &HostRequest<'_>,
        access: &mut AccessLine,
    ) -> Result<PageWithCookies, RequestFailure> {
        if let Err(TooManyAttempts { retry_after }) = self.failures.may_try(request.client) {
            access.metrics().auth.at_issuer(IssuerLogin::Paused);
            return Err(RequestFailure::TooManyLogins { retry_after });
        }
        let called_back = request.callback(access).await;
        let login = match &called_back {
            // Another tab has finished first, or the login begins again.
            Ok((LoginPage::Go(GoOn { keep: Some(_), .. }), _)) => return called_back,
            Ok(_) => IssuerLogin::Done,
            Err(RequestFailure::LoginRefused(_)) => IssuerLogin::Refused,
            Err(RequestFailure::LoginNotAllowed(_)) => IssuerLogin::NotAllowed,
            Err(RequestFailure::LoginServiceUnavailable(_) | RequestFailure::TooManyLogins { .. }) => {
                IssuerLogin::Unavailable
            }
            Err(_) => IssuerLogin::Invalid,
        };
        access.metrics().auth.at_issuer(login);
        // What belongs to no login that was begun has asked no issuer, and may be a page that was kept open.
        let is_unfinished = matches!(called_back, Err(RequestFailure::LoginUnfinished));
        if !is_unfinished && matches!(login, IssuerLogin::Refused | IssuerLogin::NotAllowed | IssuerLogin::Invalid) {
            self.failures.failed_elsewhere(request.client);
        }
        called_back
    }

    fn of_host(&self, host: &str) -> impl Iterator<Item = &HostLogin> {
        self.logins.iter().filter(move |login| login.host.as_ref().is_none_or(|pattern| pattern.matches(host)))
    }
}

/// A request for a page, and the login services of its host.
struct HostRequest<'a> {
    /// There is one at least.
    logins: Vec<&'a HostLogin>,
    exchange: &'a mut RequestExchange,
    client: Option<IpAddr>,
}

/// A page, and the cookies that come with it.
type PageWithCookies = (LoginPage, Vec<HeaderValue>);

impl<'a> HostRequest<'a> {
    fn headers(&self) -> &HeaderMap {
        &self.exchange.head.headers
    }

    fn origin(&self) -> Result<String, RequestFailure> {
        origin(self.exchange).ok_or(RequestFailure::BadRequest(BadRequest::BadHost))
    }

    /// Where a user begins who has asked for no page: at the root of the host, if that has a login.
    fn front(&self) -> ReturnTarget {
        let root = ReturnTarget::root();
        if self.logins.iter().any(|login| login.front == root) { root } else { self.logins[0].front.clone() }
    }

    /// The routes of this host with the login service of this name.
    fn proofs(&self, tag: &str) -> impl Iterator<Item = &'a OidcProof> {
        self.logins.iter().map(|login| &login.proof).filter(move |proof| proof.realm.tag() == tag)
    }

    /// Sends the browser to the issuer.
    async fn login(&self) -> Result<PageWithCookies, RequestFailure> {
        let query = self.exchange.target.query();
        let wanted = parameter(query, "with").and_then(|tag| self.proofs(tag).next());
        let realm = &wanted.unwrap_or(&self.logins[0].proof).realm;
        let target = parameter(query, "to").map_or_else(|| self.front(), ReturnTarget::decode);
        let wish = LoginWish::of(query);
        let issuers = self.issuers(wish, &target);
        if wanted.is_none() && issuers.len() > 1 {
            return Ok((LoginPage::Choose(issuers), Vec::new()));
        }
        let origin = self.origin()?;
        match (wish, self.login_at(realm)) {
            (LoginWish::Any, Some(_)) => {
                let to = format!("{origin}{}", target.as_str());
                return Ok((LoginPage::Go(GoOn { to, take: None, keep: None }), Vec::new()));
            }
            (LoginWish::Denied, Some(session)) => {
                return Err(RequestFailure::LoginNotAllowed(another(realm, &target, None, Some(&session))));
            }
            _ => {}
        }
        let take = parameter(query, "kept").filter(|id| is_attempt_id(id)).map(kept);
        self.begin(realm, origin, &target, BegunFor { another: wish == LoginWish::Another, take, failed: 0 }).await
    }

    /// The login services of the host, each with the path that begins a login at it.
    fn issuers(&self, wish: LoginWish, target: &ReturnTarget) -> Vec<(String, String)> {
        let mut issuers: Vec<(String, String)> = Vec::new();
        for HostLogin { proof: OidcProof { realm, .. }, .. } in &self.logins {
            let path = wish.path(realm.tag(), target);
            if issuers.iter().all(|(_, known)| *known != path) {
                let settings = realm.issuer.settings();
                let name = settings.issuer.trim_start_matches("https://").to_owned();
                issuers.push((name, path));
            }
        }
        issuers
    }

    /// The login that the request shows, if any route of its host with this login service lets it in.
    fn login_at(&self, realm: &Arc<OidcRealm>) -> Option<Session> {
        realm.session(self.headers()).filter(|session| self.proofs(realm.tag()).any(|proof| proof.admits(session)))
    }

    /// Begins a login.
    async fn begin(
        &self,
        realm: &Arc<OidcRealm>,
        origin: String,
        target: &ReturnTarget,
        begun_for: BegunFor,
    ) -> Result<PageWithCookies, RequestFailure> {
        let now = unix_now();
        let keys = realm.store.newest_keys().await.map_err(|error| RequestFailure::LoginInvalid(error.into()))?;
        let known = realm.login_cookie().read(self.headers());
        let known = known.and_then(|cookie| BrowserSecret::open(&keys, realm.tag(), &cookie, now));
        let begun = || {
            let browser = known.map_or_else(BrowserSecret::fresh, Ok)?;
            let mut attempt = LoginAttempt::new(&browser, origin.clone(), target, now, begun_for.failed)?;
            attempt.another = begun_for.another;
            let (state, cookie) = (attempt.seal(&keys, realm.tag())?, browser.seal(&keys, realm.tag(), now)?);
            Ok::<_, NoSession>((browser, attempt, state, cookie))
        };
        let (browser, attempt, state, cookie) = begun().map_err(|error| RequestFailure::LoginInvalid(error.into()))?;
        let (nonce, verifier) = (browser.nonce(&attempt), browser.verifier(&attempt));
        let url = realm.issuer.login_url(state, nonce, verifier, redirect_uri(&origin), attempt.another).await;
        let to = url.map_err(failure)?;
        let cookies = realm.login_cookie().keep(&cookie, Duration::from_secs(LONGEST_LOGIN));
        let cookies = cookies.map_err(|error| RequestFailure::LoginInvalid(error.into()))?;
        Ok((LoginPage::Go(GoOn { to, take: begun_for.take, keep: Some(kept(&attempt.id)) }), cookies))
    }

    /// Takes the browser back from the issuer.
    async fn callback(&self, access: &mut AccessLine) -> Result<PageWithCookies, RequestFailure> {
        let (query, now) = (self.exchange.target.query(), unix_now());
        let state = parameter(query, "state").unwrap_or_default();
        let opened = self.logins.iter().find_map(|login| {
            let realm = &login.proof.realm;
            Some((realm, LoginAttempt::open(&realm.store.keys(), realm.tag(), state, now)?))
        });
        let (realm, attempt) = opened.ok_or(RequestFailure::LoginUnfinished)?;
        let origin = self.origin()?;
        if attempt.origin != origin {
            return Err(RequestFailure::LoginUnfinished);
        }
        let to = format!("{origin}{}", attempt.target().as_str());
        let browser = realm.login_cookie().read(self.headers());
        let browser = browser.and_then(|cookie| BrowserSecret::open(&realm.store.keys(), realm.tag(), &cookie, now));
        let Some(browser) = browser.filter(|browser| attempt.is_of(browser)) else {
            // Another tab has finished first; or this is not the browser in which the login began.
            if self.login_at(realm).is_some() {
                return Ok((LoginPage::Go(GoOn { to, take: Some(kept(&attempt.id)), keep: None }), Vec::new()));
            }
            if attempt.failed > 0 {
                return Err(RequestFailure::LoginUnfinished);
            }
            let again = BegunFor { another: attempt.another, take: Some(kept(&attempt.id)), failed: 1 };
            return self.begin(realm, origin, &attempt.target(), again).await;
        };
        let iss = parameter(query, "iss").map(|iss| String::from_utf8_lossy(&decoded(iss.as_bytes())).into_owned());
        if !realm.issuer.is_own_answer(iss.as_deref()).await.map_err(failure)? {
            return Err(RequestFailure::LoginInvalid("the answer is another issuer's".into()));
        }
        if let Some(error) = parameter(query, "error") {
            self.tell_failed("the issuer refused", error);
            let offer = another(realm, &attempt.target(), Some(&attempt), None);
            return Err(RequestFailure::LoginRefused(offer));
        }
        let code = parameter(query, "code").map(|code| String::from_utf8_lossy(&decoded(code.as_bytes())).into_owned());
        let trade = CodeTrade {
            code: code.filter(|code| !code.is_empty()).ok_or(RequestFailure::LoginUnfinished)?,
            verifier: browser.verifier(&attempt),
            nonce: browser.nonce(&attempt),
            redirect: redirect_uri(&origin),
        };
        let mut facts = realm.issuer.trade(trade).await.map_err(failure)?;
        let (hint, token) = (facts.id_token.take(), facts.refresh_token.take());
        let proofs: Vec<&OidcProof> = self.proofs(realm.tag()).collect();
        let time = proofs.iter().map(|proof| proof.session).max().unwrap_or_default();
        let session = facts.session(unix_now(), time).map_err(|error| RequestFailure::LoginInvalid(error.into()))?;
        if !proofs.iter().any(|proof| proof.admits(&session)) {
            self.tell_failed("not allowed", session.user());
            realm.revoke_unused(token);
            let offer = another(realm, &attempt.target(), Some(&attempt), Some(&session));
            return Err(RequestFailure::LoginNotAllowed(offer));
        }
        let user: Arc<str> = session.user().into();
        let (id, client) = (self.exchange.id.as_str(), LoggedAddress(self.client));
        tracing::info!(id, %client, user = &*clean(user.as_bytes(), LONGEST), "login");
        access.user = Some(user);
        let matters = |group: &str| proofs.iter().any(|proof| proof.allow.groups.iter().any(|own| own == group));
        realm.leave(self.headers(), &session).await;
        let kept_session = realm.keep(session, token.as_ref(), matters).await;
        if kept_session.is_err() {
            realm.revoke_unused(token);
        }
        let mut cookies = kept_session.map_err(|error| RequestFailure::LoginInvalid(error.into()))?;
        cookies.extend(realm.forget_token(&cookies, self.headers()));
        let hint = realm.keep_hint(hint, time, &cookies, self.headers()).await;
        cookies.extend(hint);
        cookies.extend(realm.login_cookie().forget(self.headers()));
        Ok((LoginPage::Go(GoOn { to, take: Some(kept(&attempt.id)), keep: None }), cookies))
    }

    fn tell_failed(&self, why: &str, said: &str) {
        let (id, client) = (self.exchange.id.as_str(), LoggedAddress(self.client));
        let said = clean(said.as_bytes(), LONGEST);
        tracing::info!(id, %client, why, said = &*said, "login failed");
    }
}

fn redirect_uri(origin: &str) -> String {
    format!("{origin}/.frontgate/callback")
}

/// Why a login begins.
struct BegunFor {
    /// Whether it is to be another user than the one who is logged in at the issuer.
    another: bool,
    /// The name under which the tab has kept the fragment of the page.
    take: Option<String>,
    /// How many attempts before it have failed because the browser did not bring its secret.
    failed: u8,
}

/// The way to a login as another user, which leads where `attempt` was to lead, fragment and all.
fn another(
    realm: &Arc<OidcRealm>,
    target: &ReturnTarget,
    attempt: Option<&LoginAttempt>,
    session: Option<&Session>,
) -> AnotherLogin {
    let kept = attempt.map(|attempt| format!("&kept={}", attempt.id)).unwrap_or_default();
    let path = format!("{}{kept}", LoginWish::Another.path(realm.tag(), target));
    AnotherLogin { path, user: session.map(|session| session.user().to_owned()) }
}

/// The name under which a tab keeps the fragment of the page that its user asked for.
fn kept(id: &str) -> String {
    format!("frontgate:{id}")
}
