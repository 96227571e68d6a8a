//! [`Proxy`]: frontgate in the test's own process.

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use frontgate::app::App;
use frontgate::config::{Admin, BindAddr, Config, ConfigLocation, Overrides, load};
use frontgate::lifecycle::DrainOutcome;
use frontgate::listener::InheritedSockets;
use frontgate::server::workers::{WorkerThreads, Workers};
use tempfile::TempDir;

use super::doors::Doors;
use super::gateway::Gateway;
use super::within;

/// A frontgate that is not running yet: one TLS listener on 127.0.0.1, no admin listener.
pub(crate) fn proxy() -> Builder {
    let mut config = Config { admin: Admin::off(), ..Config::default() };
    config.listen.https = vec!["127.0.0.1:0".parse().unwrap()];
    config.timeouts.drain = Duration::from_millis(100);
    Builder { config, workers: 1, state: TempDir::new().unwrap() }
}

pub(crate) struct Builder {
    config: Config,
    workers: usize,
    state: TempDir,
}

/// A running frontgate.
pub(crate) struct Proxy {
    doors: Doors,
    app: App,
    state: TempDir,
    _threads: WorkerThreads,
}

impl Builder {
    /// In front of this gateway.
    pub(crate) fn upstream(self, gateway: &Gateway) -> Self {
        self.config(|config| config.upstream = gateway.upstream.clone())
    }

    /// With these settings.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// With the `routes`, `upstreams`, `auth`, `allow` and `deny` of this YAML, and its unix listeners.
    pub(crate) fn routes(self, yaml: &str) -> Self {
        let file = self.state.path().join("routes.yaml");
        std::fs::write(&file, yaml).unwrap();
        let loaded = load(ConfigLocation::File(file), [], &Overrides::default());
        let written = loaded.unwrap_or_else(|problems| panic!("{problems}")).config;
        self.config(|config| {
            (config.routes, config.upstreams, config.auth) = (written.routes, written.upstreams, written.auth);
            (config.allow, config.deny) = (written.allow, written.deny);
            let unix = written.listen.plain.into_iter().filter(|one| matches!(one.address, BindAddr::Unix(_)));
            config.listen.plain.extend(unix);
        })
    }

    /// With a plain listener that proxies.
    pub(crate) fn plain(self) -> Self {
        self.config(|config| config.listen.plain.push(BindAddr::Tcp("127.0.0.1:0".parse().unwrap()).into()))
    }

    /// With a unix listener that proxies.
    pub(crate) fn unix(self) -> Self {
        let path = self.state.path().join("frontgate.sock");
        self.config(|config| config.listen.plain.push(BindAddr::Unix(path).into()))
    }

    /// With a plain listener that redirects.
    pub(crate) fn http(self) -> Self {
        self.config(|config| config.listen.http = vec!["127.0.0.1:0".parse().unwrap()])
    }

    /// With an admin listener.
    pub(crate) fn admin(self) -> Self {
        self.config(|config| config.admin = Admin::at(BindAddr::Tcp("127.0.0.1:0".parse().unwrap())))
    }

    /// On this many threads.
    pub(crate) fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// With the keys of one that ran before.
    pub(crate) fn state(mut self, state: TempDir) -> Self {
        self.state = state;
        self
    }

    pub(crate) async fn start(mut self) -> Proxy {
        self.config.state_dir.get_or_insert_with(|| self.state.path().to_owned());
        let unix = self.config.listen.plain.iter().find_map(|listener| match &listener.address {
            BindAddr::Unix(path) => Some(path.clone()),
            BindAddr::Tcp(_) => None,
        });
        let (workers, threads) = Workers::start(self.workers).unwrap();
        let app = Box::pin(App::start(self.config, InheritedSockets::default(), workers, None)).await.unwrap();
        let doors = Doors {
            https: app.https.first().copied(),
            http: app.http.first().copied(),
            plain: app.plain.first().copied(),
            unix,
            ca: app.certificate.as_ref().and_then(|certificate| certificate.ca.clone()),
        };
        Proxy { doors, app, state: self.state, _threads: threads }
    }
}

impl Proxy {
    /// The address of its admin listener.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.app.admin.unwrap()
    }

    /// Ends it, and leaves its keys.
    pub(crate) async fn stop(self) -> (DrainOutcome, TempDir) {
        (within("the end", self.app.stop(std::future::pending())).await, self.state)
    }
}

impl Deref for Proxy {
    type Target = Doors;

    fn deref(&self) -> &Doors {
        &self.doors
    }
}
