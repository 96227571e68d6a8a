//! [`QuickHour`]: a frontgate whose clock for pings runs four hundred times as fast, for the demo's hour of silence.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use super::demo_gateway::HOUR;
use crate::app::App;
use crate::config::{Admin, BindAddr, Config, PathMatcher, RequestMatchers, RouteConfig, RouteTarget, UpstreamAddress};
use crate::listener::InheritedSockets;
use crate::server::workers::{WorkerThreads, Workers};

/// Stands between the demo's frontgate and its gateway on the way of one path. What a visitor sees is therefore no
/// simulation: a ping of it goes to the gateway and one to the browser for every 20 s of the hour.
pub(super) struct QuickHour {
    app: App,
    at: SocketAddr,
    _threads: WorkerThreads,
}

impl QuickHour {
    pub(super) async fn start(gateway: UpstreamAddress) -> anyhow::Result<Self> {
        let (workers, threads) = Workers::start(1).context("cannot start the demo's hour")?;
        let app = Box::pin(App::start(config(gateway), InheritedSockets::default(), workers, None)).await;
        let app = app.context("cannot start the demo's hour")?;
        let at = app.plain.first().copied().context("the demo's hour does not listen")?;
        Ok(Self { app, at, _threads: threads })
    }

    /// The way of the hour's WebSocket, before the one of all others.
    pub(super) fn routes(&self) -> Vec<RouteConfig> {
        let to = UpstreamAddress::Http { host: self.at.ip().to_string(), port: self.at.port() };
        let path = Some(PathMatcher::Exact(HOUR.to_owned()));
        let hour = RouteConfig {
            matchers: RequestMatchers { path, ..RequestMatchers::default() },
            upstream: Some(RouteTarget::Url(to)),
            ..RouteConfig::default()
        };
        vec![hour, RouteConfig::default()]
    }

    /// Ends it, once the frontgate before it has ended its WebSockets.
    pub(super) async fn stop(self) {
        let _ = self.app.stop(async {}).await;
    }
}

fn config(gateway: UpstreamAddress) -> Config {
    let mut config = Config { admin: Admin::off(), upstream: gateway, ..Config::default() };
    config.listen.https.clear();
    config.listen.plain = vec![BindAddr::Tcp((Ipv4Addr::LOCALHOST, 0).into()).into()];
    config.forwarded.trusted_proxies = vec![IpAddr::from(Ipv4Addr::LOCALHOST).into()];
    config.websocket.ping_interval = Some(PING_INTERVAL);
    // The demo's own frontgate writes these lines.
    config.log.access = false;
    config
}

/// An hour of 180 pings is over in nine seconds.
const PING_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo_gateway::PINGS_OF_AN_HOUR;

    #[test]
    fn the_hour_is_one_of_the_default_interval() {
        let usual = Config::default().websocket.ping_interval.unwrap();
        assert_eq!(usual.as_secs() * PINGS_OF_AN_HOUR, 3600);
    }
}
