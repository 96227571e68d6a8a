//! [`Acme`]: the shell that waits, and does what [`Keeper`] says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{Account, Error};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::answers::{Answers, Tokens};
use super::backoff::{self, Backoff};
use super::certificate::Obtained;
use super::keeper::{Keeper, Todo};
use super::order::{self, OrderError, Request};
use super::schedule::{Window, next_look};
use super::store::{Store, Turn};
use super::transport::{Dial, Noted};
use super::{account, plan, reason};
use crate::config::{Challenge, Tls};
use crate::drain::Drain;
use crate::tls::Certificates;

/// What the time is.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// What public certificates are obtained by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The names and the authority.
    pub tls: Tls,
    /// The challenges that a listener can answer, in the order to try them.
    pub challenges: Vec<Challenge>,
    /// Where the account and the certificates are kept.
    pub state_dir: Option<PathBuf>,
}

/// Keeps a public certificate for every name.
pub struct Acme {
    settings: Settings,
    answers: Answers,
    store: Store,
    keepers: Vec<Keeper>,
    turn: Turn,
    outage: Option<Outage>,
    clock: Clock,
}

/// The directory does not answer.
#[derive(Debug)]
struct Outage {
    failures: u32,
    until: OffsetDateTime,
    reason: String,
}

/// An account that is open, for as long as there is something to do.
struct Session {
    account: Account,
    http: Noted,
}

impl Acme {
    /// Reads what is kept, and shows those certificates in `certificates` at once. Reads files: not for an async task.
    pub fn open(settings: Settings, certificates: Arc<Certificates>, tokens: Tokens, clock: Clock) -> Self {
        let store = Store::open(settings.state_dir.as_deref(), &settings.tls.acme.directory);
        let names = plan::names(&settings.tls);
        for name in settings.tls.names.iter().filter(|name| !names.contains(name)) {
            info!(%name, "no public certificate: the public internet does not know the name; the local one is shown");
        }
        let keepers = names.into_iter().map(|name| {
            let backoff = store.backoff(&name);
            Keeper::new(name, backoff)
        });
        let keepers = keepers.collect();
        let turn = store.turn();
        if matches!(turn, Turn::Theirs) {
            info!("another frontgate with this state directory orders the public certificates; this one shows them");
        }
        let answers = Answers { certificates, tokens };
        let mut acme = Self { settings, answers, store, keepers, turn, outage: None, clock };
        acme.show_kept();
        acme
    }

    /// Orders, renews and waits, until the drain.
    pub async fn run(mut self, dial: Dial, drain: Drain) {
        loop {
            let step = async {
                let pause = self.step(&dial).await;
                sleep(pause).await;
            };
            tokio::select! {
                () = drain.soft() => return,
                () = step => {}
            }
        }
    }

    /// Does what there is to do, and says for how long there is nothing.
    async fn step(&mut self, dial: &Dial) -> Duration {
        if matches!(self.turn, Turn::Theirs) {
            self.turn = self.store.turn();
            self.show_kept();
            if matches!(self.turn, Turn::Theirs) {
                return THEIRS;
            }
            info!("this frontgate orders the public certificates from here on");
        }
        let mut session = None;
        let mut pause = LONGEST_SLEEP;
        for index in 0..self.keepers.len() {
            // Each thing that is done has another moment for its next time, which lies ahead; the limit is for what was missed.
            for done in 0..=MOST_AT_ONCE {
                let now = (self.clock)();
                let quiet_until = self.outage.as_ref().map_or(now, |outage| outage.until);
                match self.keepers[index].todo(now, quiet_until) {
                    _ if done == MOST_AT_ONCE => pause = SHORTEST_SLEEP,
                    Todo::Wait(until) => {
                        pause = pause.min((until - now).try_into().unwrap_or(Duration::ZERO));
                        break;
                    }
                    Todo::Retire => self.retire(index),
                    Todo::Remind => self.remind(index, now),
                    Todo::Look => self.look(index, dial, &mut session).await,
                    Todo::Order => self.order(index, dial, &mut session).await,
                }
            }
        }
        // Not at once even if the clock jumps about.
        pause.max(SHORTEST_SLEEP)
    }

    /// Shows the certificates on disk that are not shown yet.
    fn show_kept(&mut self) {
        let now = (self.clock)();
        for keeper in &mut self.keepers {
            let Some(kept) = self.store.certificate(&keeper.name, now) else { continue };
            if keeper.held.as_ref().is_some_and(|held| held.obtained.fingerprint() == kept.fingerprint()) {
                continue;
            }
            keeper.backoff = self.store.backoff(&keeper.name);
            show(&self.answers.certificates, keeper, kept, now);
        }
        for keeper in &self.keepers {
            let (Some(until), Some(why)) = (keeper.backoff.until(now), keeper.backoff.reason()) else { continue };
            if until > now {
                let file = self.store.backoff_file(&keeper.name);
                let file = file.as_ref().map(|file| tracing::field::display(file.display()));
                let next = stamp(until);
                info!(name = %keeper.name, next, why, remove = file, "an earlier failure is not tried again yet; remove the file and restart to try at once");
            }
        }
    }

    fn retire(&mut self, index: usize) {
        let keeper = &mut self.keepers[index];
        self.answers.certificates.set_public(&keeper.name, None);
        keeper.held = None;
        let (name, why) = (&keeper.name, why(self.outage.as_ref(), &keeper.backoff));
        warn!(%name, why, "the public certificate has ended and was not renewed; the local one takes over, which clients do not trust");
    }

    fn remind(&mut self, index: usize, now: OffsetDateTime) {
        let keeper = &mut self.keepers[index];
        keeper.reminded(now);
        let hours_left = keeper.held.as_ref().map(|held| held.left(now).whole_hours());
        let (name, why) = (&keeper.name, why(self.outage.as_ref(), &keeper.backoff));
        warn!(%name, hours_left, why, "the public certificate is still not renewed");
    }

    /// Asks the authority when to renew (RFC 9773).
    async fn look(&mut self, index: usize, dial: &Dial, session: &mut Option<Result<Session, Failure>>) {
        let looked = match self.session(dial, session).await {
            Some(Ok(session)) => look_with(session, &self.keepers[index]).await,
            Some(Err(failure)) => Err(failure.clone()),
            None => return,
        };
        let now = (self.clock)();
        let keeper = &mut self.keepers[index];
        let Some(held) = &mut keeper.held else { return };
        match looked {
            Ok((window, again)) => {
                debug!(name = %keeper.name, ?window, "when to renew");
                held.looked(window, next_look(now, again));
            }
            Err(failure) => {
                debug!(name = %keeper.name, why = failure.reason, "cannot ask when to renew");
                held.looked(None, next_look(now, failure.told));
            }
        }
    }

    async fn order(&mut self, index: usize, dial: &Dial, session: &mut Option<Result<Session, Failure>>) {
        let obtained = match self.session(dial, session).await {
            Some(Ok(session)) => {
                self.keepers[index].keep_attempt(&self.store, (self.clock)()).await;
                self.obtain(index, session).await
            }
            Some(Err(failure)) => Err(failure.clone()),
            None => return self.keepers[index].unanswered((self.clock)()),
        };
        let now = (self.clock)();
        let keeper = &mut self.keepers[index];
        match obtained {
            Ok((text, obtained)) => {
                keeper.backoff.succeed(now);
                // The certificate first: without it the other file is of no use.
                self.store.keep_certificate(&keeper.name, text).await;
                self.store.keep_backoff(&keeper.name, &keeper.backoff).await;
                show(&self.answers.certificates, keeper, obtained, now);
            }
            Err(failure) => {
                if failure.forget_account {
                    self.store.forget_account();
                }
                keeper.fail(now, failure.told, failure.reason, fastrand::f64());
                self.store.keep_backoff(&keeper.name, &keeper.backoff).await;
                let (next, why) = (keeper.backoff.until(now).map(stamp), keeper.backoff.reason());
                let (name, failures) = (&keeper.name, keeper.backoff.failures());
                match &keeper.held {
                    Some(held) => {
                        let hours_left = held.left(now).whole_hours();
                        warn!(%name, why, hours_left, next, failures, "the public certificate was not renewed; the one in use stays");
                    }
                    None => {
                        warn!(%name, why, next, failures, "no public certificate yet; the local one is shown, which clients do not trust");
                    }
                }
            }
        }
    }

    /// Orders by one challenge after the other.
    async fn obtain(&self, index: usize, session: &Session) -> Result<(String, Obtained), Failure> {
        let keeper = &self.keepers[index];
        let (name, acme) = (&keeper.name, &self.settings.tls.acme);
        let offered: Vec<&str> = session.account.profiles().map(|profile| profile.name).collect();
        let profile = plan::profile(&acme.profile, name, &offered).map_err(|wanted| {
            let error = OrderError::NoProfile { wanted: wanted.to_owned(), offered: offered.join(", ") };
            Failure { reason: error.to_string(), told: None, forget_account: false }
        })?;
        let replaces = keeper.held.as_ref().and_then(|held| held.obtained.identifier());
        let request = Request { name, profile, replaces };
        let mut failures: Vec<Failure> = Vec::new();
        for &challenge in &self.settings.challenges {
            debug!(%name, %challenge, profile, "ordering a public certificate");
            let made = order::obtain(&session.account, &request, challenge, &self.answers).await;
            let made = made.and_then(|text| Ok((Obtained::read(text.as_bytes(), name, (self.clock)())?, text)));
            let error = match made {
                Ok((obtained, text)) => return Ok((text, obtained)),
                Err(error) => error,
            };
            failures.push(Failure {
                reason: reason::of_order(&error, name, acme),
                told: session.http.retry_after(),
                forget_account: is_unknown_account(&error),
            });
            // Only what lies with the way of proving is worth another one.
            if !matches!(error, OrderError::NotProven { .. } | OrderError::NotOffered(_)) {
                break;
            }
        }
        Err(Failure::all(&failures))
    }

    /// The open account, or why the authority refuses one, which does not change within one round; `None` when it does not
    /// answer.
    async fn session<'a>(
        &mut self,
        dial: &Dial,
        session: &'a mut Option<Result<Session, Failure>>,
    ) -> Option<&'a Result<Session, Failure>> {
        if session.is_none() {
            *session = self.sign_in(dial).await;
        }
        session.as_ref()
    }

    async fn sign_in(&mut self, dial: &Dial) -> Option<Result<Session, Failure>> {
        let acme = &self.settings.tls.acme;
        let (error, told) = match dial().map(Noted::new) {
            Err(error) => (error, None),
            Ok(http) => match account::open(acme, &self.store, &http).await {
                Ok(account) => {
                    self.outage = None;
                    return Some(Ok(Session { account, http }));
                }
                Err(error) => (error, http.retry_after()),
            },
        };
        let reason = reason::of_directory(&error, acme);
        if matches!(error, Error::Api(_)) {
            self.outage = None;
            return Some(Err(Failure { reason, told, forget_account: false }));
        }
        let failures = self.outage.as_ref().map_or(0, |outage| outage.failures).saturating_add(1);
        let until = (self.clock)() + backoff::outage(failures, told, fastrand::f64());
        // Ever more seldom: reminders say what it means for a certificate.
        if failures.is_power_of_two() {
            let next = stamp(until);
            warn!(why = reason, next, failures, "the certificate authority does not answer; what is shown stays");
        }
        self.outage = Some(Outage { failures, until, reason });
        None
    }
}

/// Why something did not work, and what follows.
#[derive(Debug, Clone)]
struct Failure {
    reason: String,
    /// How long the authority wants to be left alone.
    told: Option<Duration>,
    /// The authority does not know the account.
    forget_account: bool,
}

impl Failure {
    fn all(failures: &[Self]) -> Self {
        let reasons: Vec<&str> = failures.iter().map(|failure| failure.reason.as_str()).collect();
        Self {
            reason: if reasons.is_empty() { NO_CHALLENGE.to_owned() } else { reasons.join("; ") },
            told: failures.iter().filter_map(|failure| failure.told).max(),
            forget_account: failures.iter().any(|failure| failure.forget_account),
        }
    }
}

fn why<'a>(outage: Option<&'a Outage>, backoff: &'a Backoff) -> Option<&'a str> {
    outage.map(|outage| outage.reason.as_str()).or(backoff.reason())
}

async fn look_with(session: &Session, keeper: &Keeper) -> Result<(Option<Window>, Option<Duration>), Failure> {
    let identifier = keeper.held.as_ref().and_then(|held| held.obtained.identifier());
    let Some(identifier) = identifier else { return Ok((None, Some(Duration::MAX))) };
    match session.account.renewal_info(&identifier).await {
        Ok((info, again)) => {
            let window = Window { start: info.suggested_window.start, end: info.suggested_window.end };
            Ok((Some(window), Some(again)))
        }
        // It may know tomorrow.
        Err(Error::Unsupported(_)) => Ok((None, Some(A_DAY))),
        Err(error) => {
            Err(Failure { reason: error.to_string(), told: session.http.retry_after(), forget_account: false })
        }
    }
}

fn show(certificates: &Certificates, keeper: &mut Keeper, obtained: Obtained, now: OffsetDateTime) {
    certificates.set_public(&keeper.name, Some(Arc::clone(&obtained.certified)));
    info!(
        name = %keeper.name,
        not_after = stamp(obtained.life.not_after),
        sha256 = %obtained.fingerprint(),
        "public certificate"
    );
    keeper.hold(obtained, fastrand::f64(), now);
}

fn is_unknown_account(error: &OrderError) -> bool {
    matches!(error, OrderError::Acme(Error::Api(problem)) if order::is(problem, "accountDoesNotExist"))
}

fn stamp(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_default()
}

const NO_CHALLENGE: &str = "no listener can answer a challenge: tls-alpn-01 needs listen.https, http-01 listen.http";
const A_DAY: Duration = Duration::from_hours(24);
/// Clocks are set and machines sleep: nothing is trusted to come true for longer.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);
const SHORTEST_SLEEP: Duration = Duration::from_secs(1);
/// How often to look for what another process has obtained.
const THEIRS: Duration = Duration::from_mins(1);
/// Things to do for one name before the next one has its turn.
const MOST_AT_ONCE: usize = 4;
