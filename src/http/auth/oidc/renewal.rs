//! [`Renewals`]: the refresh tokens of logins that go on.
//!
//! An issuer may replace the token each time it is used, and may take a second use of one for theft. So the newest token
//! of a login stands here from the moment the issuer has given it, all requests and WebSockets of the login use that one, one
//! after the other, and each answer to the browser brings it until the browser shows it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::claims::{RefreshToken, UserFacts};
use crate::http::auth::session::contents::Session;
use crate::http::auth::session::store::unix_now;

/// The refresh tokens of logins that go on.
pub(crate) struct Renewals {
    realm: Arc<str>,
    known: Mutex<HashMap<String, Renewal>>,
}

/// What came of the attempt to renew a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenewalOutcome {
    /// The issuer vouches for it.
    Renewed,
    /// The issuer does not, and it has ended.
    Ended,
    /// The issuer does not take the question: the login goes on until its own end.
    Impossible,
    /// The issuer says nothing now.
    Unknown,
}

/// What a login is renewed by; cheap to clone.
#[derive(Clone)]
pub(crate) struct Renewal(Arc<RenewalShared>);

struct RenewalShared {
    /// The login service whose tokens these are: no other one may see them.
    realm: Arc<str>,
    state: Mutex<RenewalState>,
    /// Held by the one that asks the issuer; others wait for what it finds.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct RenewalState {
    renewed: RenewedLogin,
    /// What the issuer has said last.
    said: Option<(Instant, RenewalOutcome)>,
    /// Whether the browser has shown this token.
    is_shown: bool,
}

/// A login, and the refresh token that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RenewedLogin {
    /// The login as the issuer has vouched for it last.
    pub(crate) session: Session,
    /// The newest token.
    pub(crate) token: RefreshToken,
}

impl RenewedLogin {
    /// The login with the token that has replaced its own. It is newer than the one before, and lasts no longer for that.
    pub(super) fn with_token(mut self, token: RefreshToken) -> Self {
        self.session.renewed = Some(self.session.vouched() + 1);
        self.session.ends += 1;
        Self { token, ..self }
    }

    /// The login after the issuer has vouched for it: it begins anew, with what is known of the user now.
    pub(super) fn vouched_for(mut self, facts: Option<UserFacts>) -> Self {
        let session = &mut self.session;
        let time = session.ends.saturating_sub(session.vouched());
        let at = unix_now().max(session.vouched() + 1);
        session.renewed = Some(at);
        session.ends = at + time;
        if let Some(facts) = facts {
            session.email = facts.email;
            // Those that a cookie had no room for did not matter at the login.
            session.groups = facts.groups.unwrap_or_default();
        }
        self
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal")
    }
}

impl PartialEq for Renewal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Renewal {}

impl Renewals {
    /// None yet, of the login service of this name.
    pub(super) fn new(realm: &str) -> Self {
        Self { realm: realm.into(), known: Mutex::default() }
    }

    /// What the login that a request shows is renewed by. `token` reads the refresh token that it brings, `kept` what is known
    /// from before a restart; `None` without any.
    pub(super) fn of(
        &self,
        shown: &Session,
        token: impl FnOnce() -> Option<RefreshToken>,
        kept: impl FnOnce() -> Option<RenewedLogin>,
    ) -> Option<Renewal> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(renewal) = known.get(&shown.id) {
            renewal.shown(shown, token);
            return Some(renewal.clone());
        }
        let is_newer = |kept: &RenewedLogin| kept.session.vouched() > shown.vouched();
        let (renewed, is_shown) = match kept().filter(is_newer) {
            Some(kept) => (kept, false),
            None => (RenewedLogin { session: shown.clone(), token: token()? }, true),
        };
        let state = Mutex::new(RenewalState { renewed, said: None, is_shown });
        let (realm, asking) = (Arc::clone(&self.realm), Arc::default());
        let renewal = Renewal(Arc::new(RenewalShared { realm, state, asking }));
        if known.len() >= MOST {
            // What its browser has, it brings again.
            known.retain(|_, one| Arc::strong_count(&one.0) > 1 || !one.state().is_shown);
        }
        if known.len() < MOST {
            known.insert(shown.id.clone(), renewal.clone());
        }
        Some(renewal)
    }

    /// Forgets a login that has ended.
    pub(super) fn forget(&self, login: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(login);
    }
}

impl Renewal {
    /// The login as it is now, with its token.
    pub(crate) fn newest(&self) -> RenewedLogin {
        self.state().renewed.clone()
    }

    /// The login as it is now, if that is newer than what a browser has shown.
    pub(super) fn newer_than(&self, shown: &Session) -> Option<RenewedLogin> {
        let state = self.state();
        (state.renewed.session.vouched() > shown.vouched()).then(|| state.renewed.clone())
    }

    /// Waits for the right to ask the issuer.
    pub(super) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.0.asking).lock_owned().await
    }

    /// Whether it is of the login service of this name.
    pub(super) fn is_of(&self, realm: &str) -> bool {
        *self.0.realm == *realm
    }

    /// What the issuer has said a moment ago, or for good.
    pub(super) fn said_recently(&self) -> Option<RenewalOutcome> {
        let state = self.state();
        let (at, said) = state.said?;
        let is_over = unix_now() >= state.renewed.session.ends;
        let holds = match said {
            RenewalOutcome::Impossible | RenewalOutcome::Ended => true,
            RenewalOutcome::Renewed => at.elapsed() < FRESH && !is_over,
            RenewalOutcome::Unknown => at.elapsed() < LEFT_ALONE,
        };
        holds.then_some(said)
    }

    /// Notes what the issuer has said.
    pub(super) fn note(&self, said: RenewalOutcome) -> RenewalOutcome {
        self.state().said = Some((Instant::now(), said));
        said
    }

    /// Takes over a token that has replaced the one before. The issuer has said nothing else yet.
    pub(super) fn replace(&self, renewed: RenewedLogin) {
        let mut state = self.state();
        if renewed.session.vouched() > state.renewed.session.vouched() {
            *state = RenewalState { renewed, said: None, is_shown: false };
        }
    }

    /// Takes over what the issuer has said, or another process knows.
    pub(super) fn renew(&self, renewed: RenewedLogin) {
        let mut state = self.state();
        if renewed.session.vouched() > state.renewed.session.vouched() {
            let said = Some((Instant::now(), RenewalOutcome::Renewed));
            *state = RenewalState { renewed, said, is_shown: false };
        }
    }

    /// Notes what a browser has shown. It may have got that from another replica.
    fn shown(&self, session: &Session, token: impl FnOnce() -> Option<RefreshToken>) {
        let mut state = self.state();
        let known = state.renewed.session.vouched();
        if session.vouched() == known {
            state.is_shown = true;
        } else if session.vouched() > known
            && let Some(token) = token()
        {
            let renewed = RenewedLogin { session: session.clone(), token };
            *state = RenewalState { renewed, said: None, is_shown: true };
        }
    }

    fn state(&self) -> MutexGuard<'_, RenewalState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Several that ask at once, such as the tabs of a browser, get one answer of the issuer.
const FRESH: Duration = Duration::from_secs(1);
/// An issuer that is gone is not asked for each request of a page.
const LEFT_ALONE: Duration = Duration::from_secs(3);
/// Some two kilobytes each.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, renewed: Option<u64>) -> Session {
        let (subject, begun, ends) = ("ann".to_owned(), 10, 100);
        let id = id.to_owned();
        Session { id, subject, email: None, groups: Vec::new(), sid: None, begun, ends, renewed, renewable: true }
    }

    fn token(text: &str) -> RefreshToken {
        RefreshToken(text.to_owned())
    }

    #[test]
    fn all_requests_of_a_login_have_its_newest_token() {
        let renewals = Renewals::new("r");
        assert!(renewals.of(&session("a", None), || None, || None).is_none());
        let first = renewals.of(&session("a", None), || Some(token("1")), || None).unwrap();
        first.renew(RenewedLogin { session: session("a", Some(20)), token: token("2") });
        // An answer that was late changes nothing.
        first.renew(RenewedLogin { session: session("a", Some(15)), token: token("x") });
        // A tab that has the old cookies yet, and one with those of another replica.
        for (shown, brings, expected) in
            [(None, "1", "2"), (Some(20), "2", "2"), (Some(30), "3", "3"), (Some(20), "2", "3")]
        {
            let shown = session("a", shown);
            let renewal = renewals.of(&shown, || Some(token(brings)), || None).unwrap();
            assert_eq!((renewal.newest().token, renewal == first), (token(expected), true), "{shown:?}");
            assert_eq!(renewal.newer_than(&shown).is_some(), brings != expected, "{shown:?}");
        }
        renewals.forget("a");
        assert!(renewals.of(&session("a", None), || Some(token("1")), || None).unwrap() != first);
    }

    #[test]
    fn a_token_that_is_replaced_gives_no_time_and_what_is_not_said_any_more_is_gone() {
        let before = Session { email: Some("a@b".to_owned()), groups: vec!["g".to_owned()], ..session("a", None) };
        let login = RenewedLogin { session: before, token: token("1") }.with_token(token("2"));
        assert_eq!((login.session.vouched(), login.session.ends, &login.token), (11, 101, &token("2")));
        let same = login.clone().vouched_for(None).session;
        assert_eq!((same.ends - same.vouched(), same.email.as_deref(), same.groups.len()), (90, Some("a@b"), 1));
        let less = login.vouched_for(Some(UserFacts::default())).session;
        assert_eq!((less.email, less.groups), (None, Vec::new()));
    }

    #[test]
    fn a_restart_knows_a_token_that_the_browser_does_not_have() {
        for (kept, expected) in [(Some(20), "kept"), (None, "own"), (Some(5), "own")] {
            let kept = kept.map(|at| RenewedLogin { session: session("a", Some(at)), token: token("kept") });
            let renewal = Renewals::new("r").of(&session("a", None), || Some(token("own")), || kept).unwrap();
            assert_eq!(renewal.newest().token, token(expected));
        }
    }

    #[test]
    fn what_browsers_have_makes_room_and_what_they_lack_stays() {
        let renewals = Renewals::new("r");
        let lacks = renewals.of(&session("lacks", None), || Some(token("1")), || None).unwrap();
        lacks.renew(RenewedLogin { session: session("lacks", Some(20)), token: token("2") });
        drop(lacks);
        let live = renewals.of(&session("live", None), || Some(token("1")), || None).unwrap();
        for number in 0..MOST + 10 {
            renewals.of(&session(&number.to_string(), None), || Some(token("1")), || None).unwrap();
        }
        assert!(renewals.known.lock().unwrap().len() <= MOST);
        assert_eq!(renewals.of(&session("lacks", None), || Some(token("1")), || None).unwrap().newest().token.0, "2");
        assert!(renewals.of(&session("live", None), || Some(token("1")), || None).unwrap() == live);
    }
}
