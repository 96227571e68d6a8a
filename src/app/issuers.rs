//! [`Issuers`]: the issuers at which users log in, and the sessions that come of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::background_task::BackgroundTask;
use super::certificates::off_thread;
use super::ended_sessions;
use super::error::StartError;
use crate::cluster::Cluster;
use crate::config::{Auth, Config, OidcAuth, Secret};
use crate::drain::Drain;
use crate::http::auth::live_logins::LiveLogins;
use crate::http::auth::oidc::issuer::Issuer;
use crate::http::auth::oidc::issuer_http::IssuerHttp;
use crate::http::auth::oidc::proof::OidcProof;
use crate::http::auth::oidc::realm::OidcRealm;
use crate::http::auth::session::store::SessionStore;
use crate::listener::NameResolver;
use crate::tls::{ClientTls, StateDir, client_config};

/// The issuers at which users log in, and the sessions that come of it.
#[derive(Default)]
pub(super) struct Issuers {
    asked: Vec<AskedIssuer>,
    /// `None` until the first issuer is configured.
    store: Option<SessionStore>,
}

struct AskedIssuer {
    settings: OidcAuth,
    secret: Option<Secret>,
    tls: Arc<ClientTls>,
    realm: Arc<OidcRealm>,
    looking: Option<BackgroundTask>,
}

impl Issuers {
    /// The issuers that `config` needs, with what is known already of those that are the same. Waits for a disk.
    ///
    /// # Errors
    /// A file that they need cannot be read or written.
    pub(super) async fn plan(
        &self,
        config: &Config,
        names: &NameResolver,
        cluster: Option<&Cluster>,
        drain: &Drain,
    ) -> Result<Self, StartError> {
        let routes = config.routes.iter().filter_map(|route| route.auth.as_ref());
        let all = routes.chain([&config.auth]).filter_map(Auth::rules).filter_map(|rules| rules.oidc.as_ref());
        let mut planned = Self { asked: Vec::new(), store: self.store.clone() };
        for settings in all {
            if planned.find(settings).is_some() {
                continue;
            }
            let store = match &planned.store {
                Some(store) => store.clone(),
                None => open_store(config, cluster).await?,
            };
            planned.store = Some(store.clone());
            let (client_secret, tls) = (settings.client_secret.clone(), settings.tls.clone());
            let read = move || {
                let secret = client_secret.map(|secret| secret.read()).transpose()?;
                Ok::<_, StartError>((secret, ClientTls::open(&tls).map_err(StartError::IssuerTls)?))
            };
            let (secret, tls) = off_thread(read).await?;
            let is_same =
                |one: &&AskedIssuer| is_same(&one.settings, settings) && one.secret == secret && *one.tls == tls;
            let realm = if let Some(one) = self.asked.iter().find(is_same) {
                Arc::clone(&one.realm)
            } else {
                let verified = Arc::new(ClientTls::open(&settings.tls).map_err(StartError::IssuerTls)?);
                let http = IssuerHttp { tls: client_config(&verified)?, verified, names: names.clone() };
                let issuer = Issuer::new(settings.clone(), secret.clone(), http);
                Arc::new(OidcRealm::new(issuer, store, drain.clone()))
            };
            let (settings, tls) = (settings.clone(), Arc::new(tls));
            planned.asked.push(AskedIssuer { settings, secret, tls, realm, looking: None });
        }
        Ok(planned)
    }

    /// How the users of a route with these settings log in.
    pub(super) fn proof(&self, settings: &OidcAuth) -> Option<OidcProof> {
        let realm = Arc::clone(&self.find(settings)?.realm);
        Some(OidcProof { realm, allow: settings.allow.clone(), session: settings.session })
    }

    /// Replaces `before`, whose background tasks carry on or end.
    pub(super) fn take_over(
        mut self,
        before: Self,
        live: &LiveLogins,
        cluster: Option<&Cluster>,
        drain: &Drain,
    ) -> Self {
        if let (Some(store), None) = (&self.store, &before.store) {
            if let Some(cluster) = cluster {
                drain.spawn(ended_sessions::share(store.clone(), cluster.clone(), drain.clone()));
            }
            drain.spawn(end_live_logins(store.changes(), live.clone(), drain.clone()));
        }
        for mut one in before.asked {
            let own = self.asked.iter_mut().find(|own| Arc::ptr_eq(&own.realm, &one.realm));
            match (own, one.looking.take()) {
                (Some(own), looking) => own.looking = looking,
                (None, Some(looking)) => looking.dismiss(),
                (None, None) => {}
            }
        }
        for one in &mut self.asked {
            let realm = Arc::clone(&one.realm);
            one.looking.get_or_insert_with(|| BackgroundTask::start(drain, |part| look(realm, part)));
        }
        self
    }

    fn find(&self, settings: &OidcAuth) -> Option<&AskedIssuer> {
        self.asked.iter().find(|one| is_same(&one.settings, settings))
    }
}

/// Whether two routes ask the same issuer in the same way, whatever users they let pass.
fn is_same(one: &OidcAuth, other: &OidcAuth) -> bool {
    let but_for_users =
        |settings: &OidcAuth| OidcAuth { allow: other.allow.clone(), session: other.session, ..settings.clone() };
    but_for_users(one) == *other
}

async fn open_store(config: &Config, cluster: Option<&Cluster>) -> Result<SessionStore, StartError> {
    let secret = cluster.map(|cluster| cluster.secret.clone());
    let folder = config.state_dir.clone().ok_or(StartError::NoSessionFolder)?;
    off_thread(move || Ok(SessionStore::open(StateDir::open(&folder)?, secret)?)).await
}

/// Ends the WebSockets of logins as soon as those end.
async fn end_live_logins(mut changes: watch::Receiver<u64>, live: LiveLogins, drain: Drain) {
    loop {
        tokio::select! {
            () = drain.soft() => return,
            changed = changes.changed() => match changed {
                Ok(()) => live.look_again(),
                Err(_) => return,
            },
        }
    }
}

/// Keeps what is known of an issuer fresh, so that a login need not wait for it, and the log tells early of one that
/// cannot be asked.
async fn look(realm: Arc<OidcRealm>, drain: Drain) {
    loop {
        let looked = tokio::select! {
            () = drain.soft() => return,
            looked = realm.issuer.look() => looked,
        };
        let pause = if looked.is_ok() { LOOK_EVERY } else { TRY_AGAIN };
        tokio::select! {
            () = drain.soft() => return,
            () = sleep(pause) => {}
        }
    }
}

/// More often than what is known of an issuer grows old.
const LOOK_EVERY: Duration = Duration::from_mins(20);
/// As long as an issuer that has failed is left alone at most.
const TRY_AGAIN: Duration = Duration::from_secs(10);
