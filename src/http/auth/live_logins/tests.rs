use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use crate::http::auth::live_logins::*;

/// Answers what it is told to, and counts.
struct Scripted {
    route: Arc<str>,
    every: Option<Duration>,
    says: Mutex<LoginStanding>,
    asked: AtomicUsize,
}

impl LoginRecheck for Scripted {
    fn route(&self) -> &Arc<str> {
        &self.route
    }

    fn every(&self) -> Option<Duration> {
        self.every
    }

    fn stands<'a>(
        &'a self,
        _user: &'a AuthenticatedUser,
        _look: Look,
    ) -> Pin<Box<dyn Future<Output = LoginStanding> + Send + 'a>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let said = *self.says.lock().unwrap();
        Box::pin(async move { said })
    }
}

fn scripted(route: &str, every: Option<Duration>) -> Arc<Scripted> {
    let says = Mutex::new(LoginStanding::Stands);
    Arc::new(Scripted { route: route.into(), every, says, asked: AtomicUsize::new(0) })
}

impl Scripted {
    fn say(&self, standing: LoginStanding) {
        *self.says.lock().unwrap() = standing;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn of(all: &[(&str, Option<&Arc<Scripted>>)]) -> RouteRechecks {
    let one = |(route, recheck): &(&str, Option<&Arc<Scripted>>)| {
        (Arc::from(*route), recheck.map(|recheck| Arc::clone(recheck) as Arc<dyn LoginRecheck>))
    };
    Arc::new(all.iter().map(one).collect())
}

fn user(number: u8) -> Arc<AuthenticatedUser> {
    Arc::new(AuthenticatedUser::new("ann".into(), ProofKind::Basic, SessionKey([number; 32])))
}

fn enter(logins: &LiveLogins, user: &Arc<AuthenticatedUser>, by: &Arc<Scripted>) -> (LiveLoginGuard, Arc<RelayStats>) {
    let relay = Arc::<RelayStats>::default();
    let recheck = Arc::clone(by) as Arc<dyn LoginRecheck>;
    let link = LiveLink::WebSocket(Arc::clone(&relay));
    (logins.enter(OpeningLogin { user: Arc::clone(user), recheck }, link), relay)
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_login_is_looked_at_once_for_all_its_sockets_and_they_end_together() {
    let logins = LiveLogins::new(&Drain::new(), Arc::default());
    let route = scripted("/", Some(MINUTE));
    logins.take_over(of(&[("/", Some(&route))]));
    let (_one, first) = enter(&logins, &user(1), &route);
    let (_two, second) = enter(&logins, &user(1), &route);
    let (_other, stranger) = enter(&logins, &user(2), &route);
    sleep(3 * MINUTE).await;
    assert!((6..=8).contains(&route.asked()), "{}", route.asked());
    // The service is away, which ends nothing.
    route.say(LoginStanding::Unknown);
    sleep(2 * MINUTE).await;
    assert!(!first.is_asked_to_end() && !stranger.is_asked_to_end());
    route.say(LoginStanding::Ended);
    sleep(MINUTE).await;
    assert!(first.is_asked_to_end() && second.is_asked_to_end() && stranger.is_asked_to_end());
    assert!(logins.state().sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_without_sockets_is_forgotten() {
    let (drain, route) = (Drain::new(), scripted("/", Some(MINUTE)));
    let logins = LiveLogins::new(&drain, Arc::default());
    logins.take_over(of(&[("/", Some(&route))]));
    let (one, _) = enter(&logins, &user(1), &route);
    let (two, _) = enter(&logins, &user(1), &route);
    drop(one);
    assert_eq!(logins.state().sessions.len(), 1);
    drop(two);
    assert!(logins.state().sessions.is_empty());
    drain.ended().await;
    assert_eq!(route.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_configuration_looks_at_once_and_an_absent_route_asks_the_others() {
    type RoutesAfter = &'static [(&'static str, Option<LoginStanding>)];
    let cases: [(RoutesAfter, bool); 6] = [
        (&[("/", Some(LoginStanding::Stands))], false),
        (&[("/", Some(LoginStanding::Ended))], true),
        (&[("/", Some(LoginStanding::Ended)), ("/x", Some(LoginStanding::Stands))], true),
        (&[("/", None)], false),
        (&[("/x", Some(LoginStanding::Ended)), ("/y", Some(LoginStanding::Stands))], false),
        (&[("/x", Some(LoginStanding::Ended)), ("/y", None)], true),
    ];
    for (after, ends) in cases {
        let logins = LiveLogins::new(&Drain::new(), Arc::default());
        let before = scripted("/", None);
        logins.take_over(of(&[("/", Some(&before))]));
        let (_guard, relay) = enter(&logins, &user(1), &before);
        sleep(MINUTE).await;
        assert_eq!(before.asked(), 0);
        let made: Vec<_> = after
            .iter()
            .map(|(route, says)| {
                let made = scripted(route, None);
                (*route, says.map(|says| made.say(says)).map(|()| made))
            })
            .collect();
        logins.take_over(of(&made.iter().map(|(route, made)| (*route, made.as_ref())).collect::<Vec<_>>()));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(relay.is_asked_to_end(), ends, "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_opens_under_another_configuration_is_looked_at_when_it_opens() {
    let logins = LiveLogins::new(&Drain::new(), Arc::default());
    let (before, after) = (scripted("/", None), scripted("/", None));
    after.say(LoginStanding::Ended);
    logins.take_over(of(&[("/", Some(&after))]));
    let (_guard, relay) = enter(&logins, &user(1), &before);
    sleep(Duration::from_millis(1)).await;
    assert!(relay.is_asked_to_end());
}

#[tokio::test(start_paused = true)]
async fn a_login_that_ends_by_itself_ends_then() {
    let logins = LiveLogins::new(&Drain::new(), Arc::default());
    let route = scripted("/", None);
    logins.take_over(of(&[("/", Some(&route))]));
    let ended = AuthenticatedUser { until: Some(SystemTime::now() - Duration::from_secs(1)), ..(*user(1)).clone() };
    let lives = AuthenticatedUser { until: Some(SystemTime::now() + 10 * MINUTE), ..(*user(2)).clone() };
    let (_one, over) = enter(&logins, &Arc::new(ended), &route);
    let (_two, stays) = enter(&logins, &Arc::new(lives), &route);
    sleep(Duration::from_millis(1)).await;
    assert!(over.is_asked_to_end() && !stays.is_asked_to_end());
}
