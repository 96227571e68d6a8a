//! The public certificate: opened before anything is served, looked after while it runs.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::certificates::{Shown, off_thread};
use super::running::Running;
use crate::config::{self, Certificate, Challenge, Config, Name};
use crate::drain::Drain;
use crate::tls::acme::{Acme, Dial, Https, HttpsError, Settings, Tokens};

/// Whoever obtains public certificates.
pub(super) struct Public {
    wanted: Wanted,
    running: Running,
}

/// What is obtained, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    names: Vec<Name>,
    acme: config::Acme,
    challenges: Vec<Challenge>,
}

/// What becomes of public certificates under another configuration.
pub(super) enum Step {
    /// What has been.
    GoOn,
    /// There are none.
    Stop,
    /// These, by this way to the authority.
    Begin(Box<Begin>),
}

pub(super) struct Begin {
    wanted: Wanted,
    settings: Settings,
    dial: Dial,
}

impl Public {
    /// What `config` makes of what there is `before`.
    ///
    /// # Errors
    /// There is no way to the authority.
    pub(super) fn step(before: Option<&Self>, config: &Config) -> Result<Step, HttpsError> {
        if config.tls.certificate != Certificate::Acme {
            return Ok(Step::Stop);
        }
        let tls = config.tls.clone();
        let names = tls.names.iter().filter(|name| tls.acme.certifies(name)).cloned().collect();
        let wanted = Wanted { names, acme: tls.acme.clone(), challenges: config.challenges() };
        if before.is_some_and(|before| before.wanted == wanted) {
            return Ok(Step::GoOn);
        }
        let dial = Https::dial(tls.acme.ca_file.as_deref())?;
        let settings = Settings { tls, challenges: config.challenges(), state_dir: config.state_dir.clone() };
        Ok(Step::Begin(Box::new(Begin { wanted, settings, dial })))
    }

    /// Takes that step: certificates that are kept are shown at once, those that are no longer wanted are not shown any more.
    pub(super) async fn take(
        step: Step,
        before: Option<Self>,
        shown: &Shown,
        tokens: &Tokens,
        drain: &Drain,
    ) -> Option<Self> {
        let begin = match step {
            Step::GoOn => return before,
            Step::Stop => None,
            Step::Begin(begin) => Some(*begin),
        };
        if let Some(Self { wanted, running }) = before {
            // Two at once would both order, and only one may use the account.
            running.retire().await;
            let kept = begin.as_ref().map_or(&[][..], |begin| &begin.wanted.names);
            for name in wanted.names.iter().filter(|name| !kept.contains(name)) {
                shown.certificates.set_public(name, None);
            }
        }
        let Begin { wanted, settings, dial } = begin?;
        let (certificates, tokens) = (Arc::clone(&shown.certificates), tokens.clone());
        let open = move || Acme::open(settings, certificates, tokens, Arc::new(OffsetDateTime::now_utc));
        let (opened, is_open) = oneshot::channel();
        let running = Running::start(drain, |part| async move {
            let opening = async {
                let acme = off_thread(open).await;
                // A reload that takes this long has stopped waiting.
                let _ = opened.send(());
                acme
            };
            tokio::select! {
                () = part.soft() => {}
                acme = opening => acme.run(dial, part.clone()).await,
            }
        });
        // What is kept is shown from here on, if its disk answers.
        let _ = timeout(A_MOMENT, is_open).await;
        Some(Self { wanted, running })
    }
}

const A_MOMENT: Duration = Duration::from_secs(5);
