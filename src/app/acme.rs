//! The public certificate: opened before anything is served, looked after while it runs.

use std::sync::Arc;

use time::OffsetDateTime;

use super::certificates::{Shown, off_thread};
use super::error::StartError;
use crate::config::{Certificate, Config};
use crate::drain::Drain;
use crate::tls::acme::{Acme, Dial, Https, Settings, Tokens};

/// Whoever obtains public certificates, if the configuration asks for them.
pub(super) struct Public {
    acme: Acme,
    dial: Dial,
}

impl Public {
    /// Reads what is kept and shows it at once.
    pub(super) async fn open(config: &Config, shown: &Shown, tokens: &Tokens) -> Result<Option<Self>, StartError> {
        if config.tls.certificate != Certificate::Acme {
            return Ok(None);
        }
        let dial = Https::dial(config.tls.acme.ca_file.as_deref())?;
        let settings =
            Settings { tls: config.tls.clone(), challenges: config.challenges(), state_dir: config.state_dir.clone() };
        let (certificates, tokens) = (Arc::clone(&shown.certificates), tokens.clone());
        let open = move || Acme::open(settings, certificates, tokens, Arc::new(OffsetDateTime::now_utc));
        Ok(Some(Self { acme: off_thread(open).await, dial }))
    }

    /// Looks after them until the drain.
    pub(super) async fn run(self, drain: Drain) {
        self.acme.run(self.dial, drain).await;
    }
}
