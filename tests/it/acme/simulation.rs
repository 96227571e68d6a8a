//! Years of renewals in a moment: the real code, a clock that jumps, and an authority in the same process.

use std::path::PathBuf;
use std::sync::Arc;

use frontgate::config::{self, AcmeChallengeKind, Certificate, Directory, Name, Tls};
use frontgate::drain::Drain;
use frontgate::tls::acme::{AcmeRenewal, AcmeSettings, Tokens};
use frontgate::tls::{CertChoice, Certificates, CheckedCert};
use instant_acme::HttpClient;
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::time::{Instant, sleep};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::server::Authority;

const BEGAN: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

/// A frontgate's ACME part, its authority, and its clock.
struct World {
    authority: Authority,
    certificates: Arc<Certificates>,
    state_dir: PathBuf,
    _folder: TempDir,
    names: Vec<Name>,
    began: Instant,
    drain: Drain,
}

impl World {
    fn new(names: &[&str]) -> Self {
        let began = Instant::now();
        let now = move || BEGAN + began.elapsed();
        let folder = TempDir::new().unwrap();
        let local = CheckedCert::open(&Tls::default(), None, BEGAN).unwrap();
        let name = |name: &&str| name.parse().map_or_else(|_| Name::Dns((*name).to_owned()), Name::Ip);
        Self {
            authority: Authority::new(now),
            certificates: Arc::new(Certificates::of(&local)),
            state_dir: folder.path().to_owned(),
            _folder: folder,
            names: names.iter().map(name).collect(),
            began,
            drain: Drain::new(),
        }
    }

    /// Starts frontgate's ACME part; once more is a restart.
    fn start(&mut self) {
        self.drain.harden();
        self.drain = Drain::new();
        let acme = config::Acme { directory: Directory::Url("https://ca.test/dir".into()), ..config::Acme::default() };
        let tls = Tls { names: self.names.clone(), certificate: Certificate::Acme, acme, ..Tls::default() };
        let challenges = vec![AcmeChallengeKind::TlsAlpn01, AcmeChallengeKind::Http01];
        let settings = AcmeSettings { tls, challenges, state_dir: Some(self.state_dir.clone()) };
        let began = self.began;
        let clock = Arc::new(move || BEGAN + began.elapsed());
        let acme = AcmeRenewal::open(settings, Arc::clone(&self.certificates), Tokens::default(), clock);
        let authority = self.authority.clone();
        let dial = Arc::new(move || Ok(Arc::new(authority.clone()) as Arc<dyn HttpClient>));
        self.drain.spawn(acme.run(dial, self.drain.clone()));
    }

    fn now(&self) -> OffsetDateTime {
        BEGAN + self.began.elapsed()
    }

    async fn pass(&self, time: Duration) {
        sleep(time.try_into().unwrap()).await;
    }

    /// The serial number of the public certificate that is shown for a name; `None`: the local one is.
    fn shown(&self, name: &str) -> Option<u64> {
        let CertChoice::Shown(shown) = self.certificates.choose(Some(name), None) else { panic!("a certificate") };
        let leaf = &shown.certified().cert[0];
        let (_, leaf) = X509Certificate::from_der(leaf).unwrap();
        if leaf.issuer().to_string().contains("frontgate") {
            return None;
        }
        let ends = leaf.validity().not_after.to_datetime();
        assert!(ends >= self.now() - Duration::SECOND, "a certificate is shown {} after its end", self.now() - ends);
        Some(leaf.raw_serial().iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn orders(&self) -> usize {
        self.authority.books().orders.len()
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_asks_for_shortlived_and_a_name_for_nothing() {
    let mut world = World::new(&["gw.test", "192.0.2.7"]);
    world.authority.books().profiles.insert("shortlived", Duration::hours(160));
    world.authority.books().profiles.insert("classic", Duration::days(90));
    world.start();
    world.pass(Duration::days(30)).await;
    let orders = world.authority.books().orders.clone();
    let of = |name: &str| {
        orders.iter().filter(|order| order.name == name).map(|order| order.profile.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("gw.test"), [None]);
    let shortlived = of("192.0.2.7");
    assert!(shortlived.iter().all(|profile| profile.as_deref() == Some("shortlived")), "{shortlived:?}");
    // Every two thirds of 160 hours, or a little sooner.
    assert!((7..=8).contains(&shortlived.len()), "{}", shortlived.len());
}

#[tokio::test(start_paused = true)]
async fn two_years_without_advice_are_a_dozen_orders_and_never_a_day_without_a_certificate() {
    let mut world = World::new(&["gw.test"]);
    world.start();
    for _ in 0..730 {
        world.pass(Duration::DAY).await;
        assert!(world.shown("gw.test").is_some(), "{}", world.now());
    }
    assert!((12..=13).contains(&world.orders()), "{}", world.orders());
}

#[tokio::test(start_paused = true)]
async fn a_window_that_moves_earlier_renews_earlier_and_says_what_is_replaced() {
    let mut world = World::new(&["gw.test"]);
    world.authority.books().window = Some(|came| (came + Duration::days(50), came + Duration::days(52)));
    world.start();
    world.pass(Duration::days(10)).await;
    assert_eq!((world.orders(), world.shown("gw.test")), (1, Some(1)));
    // The authority has to revoke its certificates, and so asks for renewals at once.
    world.authority.books().window = Some(|came| (came, came + Duration::HOUR));
    world.pass(Duration::hours(7)).await;
    assert_eq!((world.orders(), world.shown("gw.test")), (2, Some(2)));
    let replaced = world.authority.books().orders[1].replaces.clone().unwrap();
    // The authority's key, and the serial number 1 (RFC 9773 §4.1).
    assert_eq!(replaced.split('.').nth(1), Some("AQ"), "{replaced}");
    world.authority.books().window = Some(|came| (came + Duration::days(50), came + Duration::days(52)));
    world.pass(Duration::days(49)).await;
    assert_eq!(world.orders(), 2);
    world.pass(Duration::days(4)).await;
    assert_eq!((world.orders(), world.shown("gw.test")), (3, Some(3)));
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_always_says_at_once_gets_one_order_a_day() {
    let mut world = World::new(&["gw.test"]);
    world.authority.books().window = Some(|came| (came - Duration::DAY, came));
    world.start();
    world.pass(Duration::days(20)).await;
    assert!((19..=21).contains(&world.orders()), "{}", world.orders());
    // Restarts do not lead to more orders either.
    for _ in 0..20 {
        world.start();
        world.pass(Duration::MINUTE).await;
    }
    assert!(world.orders() <= 22, "{}", world.orders());
}

#[tokio::test(start_paused = true)]
async fn the_window_is_looked_at_as_often_as_the_authority_says() {
    for (seconds, least, most) in [(3600, 23, 25), (1, 1430, 1442), (6 * 3600, 4, 5), (0, 4, 5), (1_000_000, 1, 2)] {
        let mut world = World::new(&["gw.test"]);
        world.authority.books().window = Some(|came| (came + Duration::days(50), came + Duration::days(52)));
        world.authority.books().look_again = seconds;
        world.start();
        world.pass(Duration::DAY).await;
        let looks = world.authority.books().looks.len();
        assert!((least..=most).contains(&looks), "{seconds} s: {looks}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_asked_for_ever_more_seldom_over_restarts_too() {
    for (refused, least, most) in [
        // The waits after failures: 1 min, 15 min, 1 h, 6 h, then daily.
        (("rejectedIdentifier", None), 30, 34),
        (("rateLimited", Some(3 * 86_400)), 9, 11),
        // A month, of which a week is believed.
        (("rateLimited", Some(30 * 86_400)), 4, 5),
        (("serverInternal", Some(1)), 30, 34),
    ] {
        let mut world = World::new(&["gw.test"]);
        world.authority.books().refused = Some(refused);
        for _ in 0..300 {
            world.start();
            world.pass(Duration::minutes(144)).await;
        }
        let orders = world.orders();
        assert!((least..=most).contains(&orders), "{refused:?}: {orders}");
        assert_eq!(world.shown("gw.test"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_proven_stays_below_five_tries_an_hour() {
    let mut world = World::new(&["gw.test"]);
    world.authority.books().not_proven = Some("connection");
    world.start();
    world.pass(Duration::days(3)).await;
    let orders: Vec<_> = world.authority.books().orders.iter().map(|order| order.at).collect();
    // Two challenges are tried each time.
    assert!(orders.len() <= 14 && orders.len().is_multiple_of(2), "{}", orders.len());
    let busiest =
        orders.iter().map(|from| orders.iter().filter(|at| (*from..*from + Duration::HOUR).contains(*at)).count());
    assert!(busiest.max() <= Some(6), "{orders:?}");
    // The operator opens the port.
    world.authority.books().not_proven = None;
    world.pass(Duration::hours(27)).await;
    assert!(world.shown("gw.test").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_keeps_the_certificate_to_its_end_then_the_local_one_takes_over() {
    for outage in [true, false] {
        let mut world = World::new(&["gw.test"]);
        world.start();
        world.pass(Duration::days(50)).await;
        let before = world.orders();
        if outage {
            world.authority.books().down = Some((1, "text/html"));
        } else {
            world.authority.books().refused = Some(("serverInternal", None));
        }
        world.pass(Duration::days(40) - Duration::HOUR).await;
        assert_eq!(world.shown("gw.test"), Some(1));
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.shown("gw.test"), None);
        assert!(world.orders() - before < 60, "{}", world.orders());
        assert!(world.authority.books().visits < 1500, "{}", world.authority.books().visits);
        world.authority.books().down = None;
        world.authority.books().refused = None;
        world.pass(Duration::hours(27)).await;
        assert!(world.shown("gw.test").is_some_and(|serial| serial > 1), "outage: {outage}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_down_is_left_alone_as_long_as_it_says() {
    for kind in ["text/html", "application/problem+json"] {
        let mut world = World::new(&["gw.test"]);
        world.authority.books().down = Some((7200, kind));
        world.start();
        world.pass(Duration::DAY).await;
        let visits = world.authority.books().visits;
        assert!((11..=13).contains(&visits), "{kind}: {visits}");
        world.authority.books().down = None;
        world.pass(Duration::hours(3)).await;
        assert_eq!(world.shown("gw.test"), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_shows_what_was_kept_and_orders_nothing() {
    let mut world = World::new(&["gw.test", "other.test"]);
    world.start();
    world.pass(Duration::HOUR).await;
    assert_eq!(world.orders(), 2);
    for _ in 0..10 {
        world.certificates = World::new(&[]).certificates;
        world.start();
        assert!(world.shown("gw.test").is_some() && world.shown("other.test").is_some(), "at once");
        world.pass(Duration::days(1)).await;
    }
    assert_eq!(world.orders(), 2);
    assert!(world.authority.books().orders.iter().all(super::server::Order::succeeded));
}

#[tokio::test(start_paused = true)]
async fn without_a_place_to_keep_it_a_certificate_is_obtained_all_the_same_on_one_account() {
    let mut world = World::new(&["gw.test", "other.test"]);
    let file = world.state_dir.join("file");
    std::fs::write(&file, "").unwrap();
    world.state_dir = file.join("state");
    world.authority.books().window = Some(|came| (came + Duration::days(50), came + Duration::days(52)));
    world.start();
    world.pass(Duration::days(60)).await;
    assert!(world.shown("gw.test").is_some() && world.shown("other.test").is_some());
    assert_eq!((world.orders(), world.authority.books().accounts), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_the_authority_does_not_know_is_replaced() {
    let mut world = World::new(&["gw.test"]);
    world.start();
    world.pass(Duration::days(50)).await;
    world.authority.books().refused = Some(("accountDoesNotExist", None));
    world.pass(Duration::days(10) + Duration::HOUR).await;
    world.authority.books().refused = None;
    world.pass(Duration::days(2)).await;
    assert!(world.shown("gw.test").is_some_and(|serial| serial > 1));
    assert!((2..=8).contains(&world.authority.books().accounts), "{}", world.authority.books().accounts);
}
